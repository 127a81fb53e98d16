"""`doit outdated`: compares the lock with the repository and with known vulnerabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildlib.cli.commands.build import JSON, Own
from buildlib.cli.terminal import print_table
from buildlib.cli.variables import command_line
from buildlib.config.lock import Lock
from buildlib.config.release import Release
from buildlib.config.settings import Settings, read_settings
from buildlib.model.errors import ConfigError, SourceError, printable

if TYPE_CHECKING:
    from buildlib.cli.commands.lock import OpenRelease
    from buildlib.operations.lock.outdated import Outdated as Row
    from buildlib.operations.lock.outdated import Vulnerability
    from buildlib.pkgsrc.advisories import Advisory
    from buildlib.pkgsrc.repository import Repository


class Outdated(Own):
    """`doit outdated`: reports newer packages and vulnerabilities, and changes nothing."""

    doc_purpose = "compare the locked packages with the repository, and with pkg-vulnerabilities"
    doc_usage = "[--json] [vulnerabilities=FILE|URL] [release=NAME]"
    doc_description = (
        "Lists the packages that `doit lock` may replace; the lock stays as it is. With "
        "vulnerabilities, lists each advisory about a locked package. Exit status 1: there is one."
    )
    cmd_options = (
        JSON,
        {
            "name": "eol",
            "long": "eol",
            "type": bool,
            "default": False,
            "help": "list packages marked end-of-life, too",
        },
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Compare, and print tables or JSON."""
        if names:
            raise ConfigError(
                "doit outdated takes no task", why=f"it was given {' '.join(names)}", reason="usage"
            )
        from buildlib.cli.commands.lock import open_release
        from buildlib.operations.lock.outdated import outdated, vulnerabilities

        settings, notes = read_settings(Path.cwd(), command_line()), _Notes()
        with open_release(Path.cwd(), settings, notes.tell) as opened:
            lock = opened.lock()
            offer = _offer(opened, settings, notes)
            rows = outdated(lock, offer) if offer is not None else []
            known = _advisories(opened, settings, notes)
        weak: list[Vulnerability] = []
        if known is not None:
            weak, unusable = vulnerabilities(lock, known, offer, eol=options["eol"])
            for advisory in unusable:
                notes.tell(
                    f"line {advisory.line} of pkg-vulnerabilities has no usable pattern: "
                    f"{advisory.pattern}"
                )
        if options["json"]:
            print(
                json.dumps(
                    {
                        "release": lock.release,
                        "packages": len(lock.packages),
                        "outdated": None if offer is None else [asdict(row) for row in rows],
                        "vulnerabilities": None if known is None else [asdict(one) for one in weak],
                        "notes": notes.lines,
                    }
                )
            )
        else:
            _print_rows(rows, lock, compared=offer is not None)
            _print_weak(weak, checked=None if known is None else len(known))
        return 1 if weak else 0


class _Notes:
    """Notes besides the result, printed to standard error immediately."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        self.lines.append(printable(line))
        print(printable(line), file=sys.stderr)


def _offer(opened: OpenRelease, settings: Settings, notes: _Notes) -> Repository | None:
    """The repository's packages; None if offline, and there is a vulnerability list to check."""
    from buildlib.operations.lock.packages import PackageLocker
    from buildlib.operations.lock.signers import package_signer

    locker = PackageLocker(opened.configuration, opened.store, opened.mirrors, notes.tell)
    try:
        return locker.offer(package_signer(opened.configuration, opened.store))
    except SourceError as error:
        if error.reason != "offline" or not settings.vulnerabilities:
            raise
        notes.tell("not compared with the repository: fetching is disabled (offline=yes)")
        return None


def _advisories(
    opened: OpenRelease, settings: Settings, notes: _Notes
) -> tuple[Advisory, ...] | None:
    """The advisories of the list in `vulnerabilities`; None if it is not set."""
    if not settings.vulnerabilities:
        return None
    from buildlib.pkgsrc.advisories import parse, verified
    from buildlib.pkgsrc.remote_index import fetch_file
    from buildlib.sources.archive.compress import chunks
    from buildlib.sources.mirrors import Mirrors
    from buildlib.sources.web import limits
    from buildlib.sources.web.download import Pin

    where = settings.vulnerabilities
    folder, _, name = where.rpartition("/")
    root = folder or ("/" if where.startswith("/") else ".")
    mirrors = Mirrors((root,), offline=settings.offline, patience=opened.mirrors.patience)
    blob = fetch_file(name, Pin(""), mirrors, opened.store, most=limits.ADVISORIES, say=notes.tell)
    data = _unpacked(chunks(opened.store.blobs.path(blob), where=where), where)
    source = opened.configuration.release.packages
    if source.advisories_key:
        key = _key(opened.configuration.beside[source.advisories_key].path)
        data = verified(data, key, fingerprint=source.advisories_fingerprint, where=where)
    else:
        notes.tell(_unchecked(opened.configuration.release))
    return parse(data, where=where)


def _unpacked(pieces: Iterable[bytes], where: str) -> bytes:
    """The unpacked list. Raises SourceError if it is too large."""
    from buildlib.sources.web.limits import ADVISORIES

    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > ADVISORIES:
            raise SourceError(
                "pkg-vulnerabilities is too large",
                where=where,
                reason="size",
                why=f"at most {ADVISORIES} bytes are read",
            )
    return bytes(data)


def _key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "the key of pkg-vulnerabilities cannot be read",
            where=path,
            why=error.strerror,
            hint="put it beside the release definition",
            reason="file",
        ) from error


def _unchecked(release: Release) -> str:
    return (
        f"the signature of pkg-vulnerabilities is not checked: {release.name} names no key "
        "for it (packages.advisories_key)"
    )


def _print_rows(rows: list[Row], lock: Lock, *, compared: bool) -> None:
    count = len(lock.packages)
    if rows:
        print_table(
            [
                ("package", "locked", "offered", "", "recipes"),
                *(
                    (row.package, row.locked, row.offered or "-", row.state, ", ".join(row.recipes))
                    for row in rows
                ),
            ]
        )
    if compared:
        print(
            f"{len(rows)} of {count} packages differ from the repository's"
            if rows
            else f"all {count} packages are the repository's newest"
        )


def _print_weak(weak: list[Vulnerability], *, checked: int | None) -> None:
    if checked is None:
        return
    for one in weak:
        fixed = f", not in {one.fixed}" if one.fixed else ""
        print(printable(f"{one.pkgname}: {one.kind} ({', '.join(one.recipes)}){fixed}"))
        print(printable(f"    {one.url}"))
    names = {one.pkgname for one in weak}
    summary = "1 advisory" if len(weak) == 1 else f"{len(weak)} advisories"
    print(
        f"{summary} about {len(names)} package{'s' * (len(names) != 1)}"
        if weak
        else f"none of {checked} advisories is about a locked package"
    )
