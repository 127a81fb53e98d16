"""Compares a lock with its repository's current packages and with known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from buildlib.config.lock import Lock, LockedPackage
from buildlib.pkgsrc.advisories import EOL, Advisory, about
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.version import compare

State: TypeAlias = Literal["newer", "older", "rebuilt", "gone"]


@dataclass(frozen=True, slots=True)
class Outdated:
    """A locked package that differs from the repository's newest.

    state    newer, older: than the locked version; rebuilt: same version, other file; gone: none
    offered  the newest version, empty for `gone`
    """

    package: str
    locked: str
    offered: str
    state: State
    pkgpath: str
    recipes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """An advisory about a locked package. `fixed`: an offered version that is not affected."""

    pkgname: str
    kind: str
    url: str
    recipes: tuple[str, ...]
    fixed: str = ""


def outdated(lock: Lock, offer: Repository) -> list[Outdated]:
    """Every locked package that differs from the repository's newest version, by name."""
    found = []
    for item in sorted(lock.packages, key=lambda item: item.pkgname):
        base, _, version = item.pkgname.rpartition("-")
        newest = next(iter(offer.of_base(base)), "")
        state = _state(item, newest, offer)
        if state:
            found.append(
                Outdated(
                    base,
                    version,
                    newest.removeprefix(f"{base}-"),
                    state,
                    item.pkgpath,
                    item.recipes,
                )
            )
    return found


def _state(item: LockedPackage, newest: str, offer: Repository) -> State | None:
    if not newest:
        return "gone"
    order = compare(newest.rpartition("-")[2], item.pkgname.rpartition("-")[2])
    if order or newest != item.pkgname:
        return "newer" if order > 0 else "older" if order < 0 else "rebuilt"
    summary = offer[newest]
    algorithm, _, digest = summary.file_cksum.partition(" ")
    pinned = {"sha512": item.pin.sha512, "sha256": item.pin.sha256}.get(algorithm.lower(), "")
    other = summary.file_size not in {None, item.pin.size} or (
        pinned and digest.strip().lower() not in {"", pinned}
    )
    return "rebuilt" if other else None


def vulnerabilities(
    lock: Lock, advisories: Iterable[Advisory], offer: Repository | None, *, eol: bool = False
) -> tuple[list[Vulnerability], list[Advisory]]:
    """Known vulnerabilities of locked packages, by name; and advisories that cannot be read.

    offer  the repository; if its newest version is not affected, `fixed` names that version
    eol    whether to include packages marked end-of-life
    """
    by_name = {item.pkgname: item for item in lock.packages}
    newest = {
        name: next(iter(offer.of_base(name.rpartition("-")[0])), "") if offer else ""
        for name in by_name
    }
    known = list(advisories)
    concerning, unusable = about(known, {*by_name, *filter(None, newest.values())})
    found = []
    for advice in concerning:
        advisory = advice.advisory
        if advisory.kind == EOL and not eol:
            continue
        found += [
            Vulnerability(
                name,
                advisory.kind,
                advisory.url,
                by_name[name].recipes,
                "" if newest[name] in advice.names else newest[name],
            )
            for name in advice.names
            if name in by_name
        ]
    return sorted(found, key=lambda one: (one.pkgname, one.url)), unusable
