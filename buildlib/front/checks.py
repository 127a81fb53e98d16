"""Tasks that check instead of making: `verify` and `boot-test`."""

from __future__ import annotations

from buildlib.front.session import Session
from buildlib.front.terminal import print_table
from buildlib.graph.verify import Checked
from buildlib.graph.verify import verify as verify_files
from buildlib.store.events import Finished, Progress, Sink, Started


def verify(session: Session) -> None:
    """Check what was fetched, and print what was checked."""
    rows: list[tuple[str, ...]] = []

    def tell(checked: Checked) -> None:
        state = ", ".join(checked.against) if checked.present else "not fetched yet"
        rows.append(("ok" if checked.present else "-", checked.path, state))

    signature = session.plan.release.signature
    verify_files(session.plan, session.engine, tell)
    if rows and rows[0][0] == "ok":
        signer = signature.fingerprint.replace(" ", "").upper()
        rows.insert(0, ("ok", signature.key, f"good signature by {signer}"))
    print_table(rows)


def boot_test(session: Session, sink: Sink) -> None:
    """Boot the CD, once for each platform it is made for."""
    from buildlib.graph.boot import boot

    boots, product = session.plan.release.boot, session.plan.products["iso"]
    image = product.folder / next(iter(product.files))
    for platform in session.plan.platforms:
        name = f"boot-test {platform}"

        def tell(line: str, name: str = name) -> None:
            sink(Progress(name, 0, 0, "lines", line))

        sink(Started(name))
        report = boot(
            image, expect=boots.expect, machine=boots.machine, memory=boots.memory,
            seconds=session.settings.seconds or boots.seconds, firmware=platform,
            log=session.store.logs / f"boot-test-{platform}.log",
            runner=session.store.runner, tell=tell,
        )
        sink(Finished(name, "passed", report.seconds[-1], detail=report.lines[-1]))
