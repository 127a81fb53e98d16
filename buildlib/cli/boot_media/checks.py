"""Tasks that are neither stage nor product: `verify`, `boot-test` and those for servers."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from buildlib.cli.boot_media.session import BootMediaSession
from buildlib.cli.session import Check
from buildlib.cli.terminal import print_table, size_text
from buildlib.host.environment import monotonic
from buildlib.model.errors import (
    BootError,
    ConfigError,
    GoldmasterError,
    SourceError,
    StoreError,
)
from buildlib.model.events import Finished, Note, Outcome, Progress, Sink, Started
from buildlib.operations.verify import Checked
from buildlib.operations.verify import verify as verify_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildlib.engine.stage import OutputRef
    from buildlib.model.digest import Blob
    from buildlib.operations.boot_test.matrix import BootCase, Result
    from buildlib.operations.fleet.image_server import Signer

T = TypeVar("T")


def checks_of(session: BootMediaSession) -> list[Check]:
    """All tasks of a boot media project that are neither stage nor product."""
    served = dict.fromkeys(ref.stage for ref in session.plan.version.values())
    repository = dict.fromkeys(ref.stage for ref in session.plan.repository.values())
    return [
        Check(
            "verify",
            "check everything fetched, the whole store and the products",
            [],
            lambda _sink: verify(session),
        ),
        Check(
            "boot-test",
            "boot the image in QEMU, as every medium on every firmware",
            ["iso"],
            partial(boot_test, session),
        ),
        Check(
            "image-server",
            "add a signed version of the domU images to the folder that hosts fetch from",
            list(served),
            partial(image_server, session),
            partial(image_signer, session),
        ),
        Check(
            "package-repo",
            "copy the locked packages to the folder that servers install from",
            list(repository),
            partial(package_repo, session),
            partial(repo_signer, session),
        ),
    ]


def verify(session: BootMediaSession) -> None:
    """Check fetched files, the store and the products; print what was checked.

    Raises GoldmasterError for the first wrong fetched file, or for everything that is damaged.
    """
    wrong: GoldmasterError | None = None
    try:
        _verify_fetched(session)
    except SourceError as error:
        wrong = error
    damaged = _verify_kept(session)
    if damaged:
        raise StoreError(
            f"{len(damaged)} items are damaged",
            where=session.store.folder,
            why="\n".join([*damaged, *([f"{wrong.where}: {wrong.what}"] if wrong else [])]),
            hint="damaged items were removed from the store; the next build makes them again",
            reason="damaged",
        )
    if wrong:
        raise wrong


def _verify_kept(session: BootMediaSession) -> list[str]:
    """Read the store and the products and print a summary; returns the damaged items."""
    from buildlib.operations.integrity import check_products, check_store

    started, size = monotonic(), 0
    counts: dict[str, int] = {}
    damaged = []
    for item in chain(
        check_store(session.store), check_products(session.plan.products.values(), session.engine)
    ):
        counts[item.kind] = counts.get(item.kind, 0) + 1
        size += item.size
        if not item.is_whole:
            damaged.append(f"{item.kind} {item.name}")
    if not counts:
        print_table([("-", "build and products", "nothing there yet")])
        return damaged
    read = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items())
    print_table(
        [
            (
                "damaged" if damaged else "ok",
                "build and products",
                f"{read}: {size_text(size)} in {monotonic() - started:.1f} s",
            )
        ]
    )
    return damaged


def _verify_fetched(session: BootMediaSession) -> None:
    rows: list[tuple[str, ...]] = []

    def add_row(checked: Checked) -> None:
        state = ", ".join(checked.against) if checked.present else "not fetched yet"
        rows.append(("ok" if checked.present else "-", checked.path, state))

    signature = session.plan.release.signature
    verify_files(session.plan, session.engine, add_row)
    if rows and rows[0][0] == "ok":
        signer = signature.fingerprint.replace(" ", "").upper()
        rows.insert(0, ("ok", signature.key, f"good signature by {signer}"))
    print_table(rows)


def boot_test(session: BootMediaSession, sink: Sink) -> None:
    """Boot the image on each supported medium and firmware; print a table.

    A disk with a configuration is attached: without one a server only starts a shell. Raises
    GoldmasterError: that of the failed boot, or one for all of them.
    """
    from buildlib.operations.boot_test import matrix
    from buildlib.operations.boot_test.config_disk import write_trial_disk
    from buildlib.operations.integrity import is_damaged

    matrix.check_consoles(session.plan.boots.console_config())
    tried, left_out = matrix.trials(
        session.plan, session.settings.media, where=session.plan.configuration.definition.name
    )
    for trial, key in left_out:
        sink(Note(f"not tested: excluded by {key} of the release", trial.name))
    iso = session.plan.products["iso"]
    if is_damaged(iso, session.engine):
        sink(Note("the image is damaged and is made again", iso.name))
        session.publisher.publish(iso)
    disk = session.store.build / "boot-test-config.ffs"
    write_trial_disk(disk)
    results = matrix.boot_all(
        tried, lambda trial: _boot_on(trial, disk, session, sink), workers=session.settings.workers
    )
    if session.settings.progress not in {"json", "quiet"}:  # reported as events and errors
        print_table(
            [
                matrix.HEADING,
                *(
                    row
                    for result in results
                    for row in result.rows(_shown(result.log, session.root))
                ),
            ]
        )
    if failure := matrix.failure_of(results):
        raise failure


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _boot_on(trial: BootCase, disk: Path, session: BootMediaSession, sink: Sink) -> Result:
    """Boot the image once, with `disk`. A limit in the settings also scales the step limits."""
    from buildlib.operations.boot_test.matrix import Result
    from buildlib.operations.boot_test.qemu import Computer, boot

    started = monotonic()
    boots, product = session.plan.release.boot, session.plan.products["iso"]
    seconds, chosen = session.settings.seconds or boots.seconds, session.plan.boots
    expect = boots.markers(trial.medium)
    log = session.store.log(trial.name.replace(" ", "-"))
    result = Result(trial, len(expect), log)

    def tell(line: str) -> None:
        result.last = line
        sink(Progress(trial.name, 0, 0, "lines", line))

    computer = Computer(
        boots.machine_pvh if chosen.dom0 == "pvh" else boots.machine,
        boots.memory,
        firmware=trial.platform,
        medium=trial.medium,
        config=disk,
        port=chosen.console_config().port or "com1",
    )
    sink(Started(trial.name))
    try:
        report = boot(
            product.folder / next(iter(product.files)),
            computer,
            expect=expect,
            seconds=seconds,
            step=boots.step * seconds / boots.seconds,
            log=log,
            runner=session.store.runner,
            tell=tell,
            mark=result.seconds.append,
        )
    except BootError as error:
        result.failure = error
        sink(Finished(trial.name, "failed", monotonic() - started, detail=error.what))
    else:
        sink(Finished(trial.name, "passed", report.seconds[-1], detail=report.lines[-1]))
    return result


def image_signer(session: BootMediaSession) -> Signer:
    """The signer for `image_server`. Raises GoldmasterError without a key or without images."""
    from buildlib.operations.fleet.image_server import Signer

    if not session.plan.version:
        raise ConfigError(
            "there are no domU images to serve", where="recipes/domu", reason="no-images"
        )
    if not session.settings.key:
        raise ConfigError(
            "no signing key is set",
            where="setting key",
            reason="signing-key",
            hint="run openssl genrsa -out FILE 3072, then doit image-server key=FILE",
        )
    return Signer(session.root / session.settings.key, session.store)


def _with(
    session: BootMediaSession, refs: Mapping[str, OutputRef], act: Callable[[Mapping[str, Blob]], T]
) -> T:
    """Call `act` with the outputs by name; runs their stages first if necessary."""
    engine = session.engine
    return engine.use(
        dict.fromkeys(ref.stage for ref in refs.values()),
        lambda: act({name: engine.output(ref).blob for name, ref in refs.items()}),
    )


def _size(files: Mapping[str, Blob]) -> int:
    return sum(blob.size for blob in files.values())


def image_server(session: BootMediaSession, sink: Sink) -> None:
    """Add the current version of the images to the authoritative server's folder."""
    from buildlib.operations.fleet.image_server import serve

    started, settings = monotonic(), session.settings
    signer = image_signer(session)
    folder = session.root / (settings.images or f"{settings.dist}/images")
    served, size = _with(
        session,
        session.plan.version,
        lambda files: (serve(folder, files, session.store, signer), _size(files)),
    )
    outcome: Outcome = "built" if served.is_new or served.is_named else "up to date"
    sink(
        Finished(
            "image-server", outcome, monotonic() - started, size, f"{served.version} in {folder}"
        )
    )


def repo_signer(session: BootMediaSession) -> Signer | None:
    """The signer for `package_repo`, or None without a key. Raises GoldmasterError."""
    from buildlib.operations.fleet.image_server import Signer

    if not session.plan.repository:
        raise ConfigError(
            "there are no packages to serve",
            hint="name some in a recipe, then run doit lock",
            where="the lock",
            reason="no-packages",
        )
    if not session.settings.key:
        return None
    return Signer(session.root / session.settings.key, session.store)


def package_repo(session: BootMediaSession, sink: Sink) -> None:
    """Write the locked packages and their lists to the repository's folder."""
    from buildlib.operations.fleet.package_repository import put, several_versions

    started, settings = monotonic(), session.settings
    signer = repo_signer(session)
    folder = session.root / (settings.packages or f"{settings.dist}/packages")
    done, size = _with(
        session,
        session.plan.repository,
        lambda files: (put(folder, files, session.store, signer), _size(files)),
    )
    locked = session.plan.lock.packages
    if bases := several_versions([item.pkgname for item in locked]):
        sink(
            Note(
                f"several versions of {', '.join(bases)}: pkg_chk -b uses only one of them",
                "package-repo",
            )
        )
    if signer is None:
        sink(Note("SHA512 is not signed: to sign it, name a key (key=FILE)", "package-repo"))
    outcome: Outcome = "built" if done.written or done.removed else "up to date"
    sink(
        Finished(
            "package-repo",
            outcome,
            monotonic() - started,
            size,
            f"{len(locked)} packages in {folder}",
        )
    )
