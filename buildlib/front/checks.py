"""Tasks that are neither stage nor product: `verify`, `boot-test` and those for servers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from buildlib.front.session import Session
from buildlib.front.terminal import print_table
from buildlib.graph.verify import Checked
from buildlib.graph.verify import verify as verify_files
from buildlib.store.events import Finished, Note, Outcome, Progress, Sink, Started
from buildlib.store.surroundings import ticks
from buildlib.words.booting import Platform
from buildlib.words.errors import BootError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildlib.graph.imageserver import Signer
    from buildlib.stages.stage import From
    from buildlib.words.digest import Blob


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
    """Boot the CD on each platform that it is made for and the release can be booted on, at once.

    Beside it is a disk with a configuration: without one a server comes up to a shell only.
    Raises GoldmasterError: that of a boot which failed, or one that names them all.
    """
    from concurrent.futures import ThreadPoolExecutor

    from buildlib.graph.trial import write_trial_disk

    boots = session.plan.release.boot
    tried = [platform for platform in session.plan.platforms if platform in boots.platforms]
    if not tried:
        raise ConfigError("no platform is left to boot the CD on",
                          where=session.project.name_of(session.plan.definition),
                          why=f"boot.platforms: {', '.join(boots.platforms) or 'none'}; the CD is "
                          f"made for {', '.join(session.plan.platforms)}", reason="boot-platforms")
    for platform in session.plan.platforms:
        if platform not in tried:
            sink(Note("not tried: boot.platforms of the release leaves it out",
                      f"boot-test {platform}"))
    disk = session.store.build / "boot-test-config.ffs"
    write_trial_disk(disk)
    with ThreadPoolExecutor(min(session.settings.workers, len(tried))) as pool:
        errors = list(pool.map(lambda platform: _boot_on(platform, disk, session, sink), tried))
    if failed := [error for error in errors if error is not None]:
        raise failed[0] if len(failed) == 1 else BootError(
            f"{len(failed)} of {len(tried)} boots failed", where=failed[0].where,
            why="\n".join(f"{error.what}\n{error.why}\nlog: {error.log}" for error in failed),
            reason=failed[0].reason)


def _boot_on(platform: Platform, disk: Path, session: Session, sink: Sink) -> BootError | None:
    """Boot the CD once, with `disk`; why it failed."""
    from buildlib.graph.boot import boot

    name, started = f"boot-test {platform}", ticks()
    boots, product = session.plan.release.boot, session.plan.products["iso"]
    sink(Started(name))
    try:
        report = boot(
            product.folder / next(iter(product.files)), expect=boots.expect,
            machine=boots.machine, memory=boots.memory,
            seconds=session.settings.seconds or boots.seconds, firmware=platform,
            config=disk, log=session.store.logs / f"boot-test-{platform}.log",
            runner=session.store.runner,
            tell=lambda line: sink(Progress(name, 0, 0, "lines", line)),
        )
    except BootError as error:
        sink(Finished(name, "failed", ticks() - started, detail=error.what))
        return error
    sink(Finished(name, "passed", report.seconds[-1], detail=report.lines[-1]))
    return None


def image_signer(session: Session) -> Signer:
    """What `image_server` signs with. Raises GoldmasterError where it could not."""
    from buildlib.graph.imageserver import Signer

    if not session.plan.version:
        raise ConfigError("there are no domU images to serve", where="recipes/domu",
                          reason="no-images")
    if not session.settings.key:
        raise ConfigError(
            "no key to sign with", where="setting key", reason="signing-key",
            hint="openssl genrsa -out FILE 3072, then doit image-server key=FILE")
    return Signer(session.root / session.settings.key, session.store)


def _made(session: Session, refs: Mapping[str, From]) -> dict[str, Blob]:
    """What stages have put out for each name; they run first where they must."""
    engine = session.engine
    for stage in dict.fromkeys(ref.stage for ref in refs.values()):
        engine.make(stage)
    return {name: engine.output(ref).blob for name, ref in refs.items()}


def image_server(session: Session, sink: Sink) -> None:
    """Have the version of the images, as they are now, in the authoritative server's folder."""
    from buildlib.graph.imageserver import serve

    started, settings = ticks(), session.settings
    signer = image_signer(session)
    files = _made(session, session.plan.version)
    folder = session.root / (settings.images or f"{settings.dist}/images")
    served = serve(folder, files, session.store, signer)
    outcome: Outcome = "built" if served.is_new or served.is_named else "up to date"
    sink(Finished("image-server", outcome, ticks() - started,
                  sum(blob.size for blob in files.values()), f"{served.version} in {folder}"))


def repo_signer(session: Session) -> Signer | None:
    """What `package_repo` signs with, if there is a key. Raises GoldmasterError."""
    from buildlib.graph.imageserver import Signer

    if not session.plan.repository:
        raise ConfigError("there are no packages to serve", hint="name some in a recipe, then "
                          "doit lock", where="the lock", reason="no-packages")
    if not session.settings.key:
        return None
    return Signer(session.root / session.settings.key, session.store)


def package_repo(session: Session, sink: Sink) -> None:
    """Have the locked packages, and the lists of them, in the repository's folder."""
    from buildlib.graph.packagerepo import put, several_versions

    started, settings = ticks(), session.settings
    signer = repo_signer(session)
    files = _made(session, session.plan.repository)
    folder = session.root / (settings.packages or f"{settings.dist}/packages")
    done = put(folder, files, session.store, signer)
    locked = session.plan.lock.packages
    if bases := several_versions([item.pkgname for item in locked]):
        sink(Note(f"several versions of {', '.join(bases)}: pkg_chk -b takes one of them",
                  "package-repo"))
    if signer is None:
        sink(Note("SHA512 is not signed: name a key (key=FILE) to have it signed",
                  "package-repo"))
    outcome: Outcome = "built" if done.written or done.removed else "up to date"
    sink(Finished("package-repo", outcome, ticks() - started,
                  sum(blob.size for blob in files.values()),
                  f"{len(locked)} packages in {folder}"))
