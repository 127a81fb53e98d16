"""`doit outdated`: what the lock has, held against the repository and known weaknesses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildlib.cli.commands.build import JSON, Own
from buildlib.cli.settings import Settings, read_settings
from buildlib.cli.terminal import print_table
from buildlib.cli.variables import command_line
from buildlib.config.recipe import Lock, Release
from buildlib.model.errors import ConfigError, SourceError, printable

if TYPE_CHECKING:
    from buildlib.cli.commands.lock import Desk
    from buildlib.operations.lock.outdated import Outdated as Row
    from buildlib.operations.lock.outdated import Weakness
    from buildlib.pkgsrc.advisories import Advisory
    from buildlib.pkgsrc.repository import Repository


class Outdated(Own):
    """`doit outdated`: nothing is changed."""

    doc_purpose = "compare the locked packages with the repository, and with pkg-vulnerabilities"
    doc_usage = "[--json] [vulnerabilities=FILE|URL] [release=NAME]"
    doc_description = (
        "Lists the packages that `doit lock` may replace; the lock stays as it is. With "
        "vulnerabilities, lists each advisory about a locked package. Exit status 1: there is one."
    )
    cmd_options = (
        JSON,
        {"name": "eol", "long": "eol", "type": bool, "default": False,
         "help": "list packages without a maintainer, too"},
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Compare, and print tables or JSON."""
        if names:
            raise ConfigError("doit outdated takes no task", why=f"it was given {' '.join(names)}",
                              reason="usage")
        from buildlib.cli.commands.lock import open_desk
        from buildlib.operations.lock.outdated import outdated, weaknesses

        settings, notes = read_settings(Path.cwd(), command_line()), _Notes()
        with open_desk(Path.cwd(), settings, notes.tell) as desk:
            lock = desk.project.lock(settings.release)
            offer = _offer(desk, settings, notes)
            rows = outdated(lock, offer) if offer is not None else []
            known = _advisories(desk, settings, notes)
        weak: list[Weakness] = []
        if known is not None:
            weak, unusable = weaknesses(lock, known, offer, eol=options["eol"])
            for advisory in unusable:
                notes.tell(f"line {advisory.line} of pkg-vulnerabilities has no usable pattern: "
                           f"{advisory.pattern}")
        if options["json"]:
            print(json.dumps({
                "release": lock.release, "packages": len(lock.packages),
                "outdated": None if offer is None else [asdict(row) for row in rows],
                "vulnerabilities": None if known is None else [asdict(one) for one in weak],
                "notes": notes.lines}))
        else:
            _print_rows(rows, lock, compared=offer is not None)
            _print_weak(weak, checked=None if known is None else len(known))
        return 1 if weak else 0


class _Notes:
    """What is told beside the result, at once and on standard error."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, line: str) -> None:
        self.lines.append(printable(line))
        print(printable(line), file=sys.stderr)


def _offer(desk: Desk, settings: Settings, notes: _Notes) -> Repository | None:
    """What the repository has; None where no server may be asked and there is other work."""
    from buildlib.operations.lock.packages import PackageLocker

    locker = PackageLocker(desk.project, desk.release, desk.store, desk.mirrors, desk.folder,
                           notes.tell)
    try:
        return locker.offer(locker.signer())
    except SourceError as error:
        if error.reason != "offline" or not settings.vulnerabilities:
            raise
        notes.tell("not compared with the repository: no server may be asked (offline=yes)")
        return None


def _advisories(
    desk: Desk, settings: Settings, notes: _Notes
) -> tuple[Advisory, ...] | None:
    """The list that `vulnerabilities` names; None where it names none."""
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
    mirrors = Mirrors((root,), offline=settings.offline, patience=desk.mirrors.patience)
    blob = fetch_file(name, Pin(""), mirrors, desk.store, most=limits.ADVISORIES, say=notes.tell)
    data = _unpacked(chunks(desk.store.blobs.path(blob), where=where), where)
    source = desk.release.packages
    if source.advisories_key:
        key = _key(desk.folder / source.advisories_key)
        data = verified(data, key, fingerprint=source.advisories_fingerprint, where=where)
    else:
        notes.tell(_unchecked(desk.release))
    return parse(data, where=where)


def _unpacked(pieces: Iterable[bytes], where: str) -> bytes:
    """The list, unless it is too large for one when it is unpacked."""
    from buildlib.sources.web.limits import ADVISORIES

    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > ADVISORIES:
            raise SourceError("pkg-vulnerabilities is too large", where=where, reason="size",
                              why=f"no more than {ADVISORIES} bytes are read")
    return bytes(data)


def _key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError("the key of pkg-vulnerabilities cannot be read", where=path,
                          why=error.strerror, hint="put it there, beside the release definition",
                          reason="file") from error


def _unchecked(release: Release) -> str:
    return (f"the signature of pkg-vulnerabilities is not checked: {release.name} names no key "
            "for it (packages.advisories_key)")


def _print_rows(rows: list[Row], lock: Lock, *, compared: bool) -> None:
    count = len(lock.packages)
    if rows:
        print_table([("package", "locked", "offered", "", "recipes"), *(
            (row.package, row.locked, row.offered or "-", row.state, ", ".join(row.recipes))
            for row in rows)])
    if compared:
        print(f"{len(rows)} of {count} packages: the repository has another" if rows
              else f"all {count} packages are as the repository has them")


def _print_weak(weak: list[Weakness], *, checked: int | None) -> None:
    if checked is None:
        return
    for one in weak:
        fixed = f", not in {one.fixed}" if one.fixed else ""
        print(printable(f"{one.pkgname}: {one.kind} ({', '.join(one.recipes)}){fixed}"))
        print(printable(f"    {one.url}"))
    names = {one.pkgname for one in weak}
    told = "1 advisory" if len(weak) == 1 else f"{len(weak)} advisories"
    print(f"{told} about {len(names)} package{'s' * (len(names) != 1)}" if weak
          else f"none of {checked} advisories is about a locked package")
