"""Checks that a server's fstab names disks that the server has, and each mount point once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildlib.config.shconf import Problem, quoted
from buildlib.config.site.etc_files import Line, lines_of
from buildlib.config.site.fleet import Site
from buildlib.operations.site_check.disks import KEYS
from buildlib.operations.site_check.files import Domu, Fleet

# One of an entry's options says what it is: read and write, with quotas, read only, swap, a dump
# device, or no entry. NetBSD/src lib/libc/gen/fstab.c 1.31 of 2012-03-13, fstabscan().
_KINDS = ("rw", "rq", "ro", "sw", "dp", "xx")
_DISK = re.compile(r"/dev/xbd([0-9]{1,3})[a-p]").fullmatch


def check_fstabs(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """Check every `fstab` in the folder of a host or server."""
    for name, folder in (*site.hosts.items(), *site.servers.items()):
        text = folder.texts.get("etc/fstab")
        if text is None:
            continue
        file, places = f"{folder.place}/etc/fstab", {}
        storage = fleet.storage.get(name)
        if storage and storage[0].mount and name in site.servers:
            places[storage[0].mount] = f"{storage[1].file}:{storage[1].line('mount')}"
        for line in lines_of(text):
            yield from _line(file, line, places)
            if name in site.servers and fleet.placements.get(name):
                yield from _disk(file, line, fleet.placements[name][0])


def _line(file: str, line: Line, places: dict[str, str]) -> Iterator[Problem]:
    if not 4 <= len(line.words) <= 6:
        yield Problem(
            file,
            line.number,
            "must be device, mount point, type, options, and two numbers",
            reason="value",
        )
        return
    words = line.words[3].split(",")
    place, options = line.words[1], {"noauto", "union", "xx"} & {*words}
    kind = next((word for word in words if word in _KINDS), "")
    if not kind:
        yield Problem(
            file,
            line.number,
            "has none of the options rw, ro, sw and xx",
            "without one, NetBSD ignores the line",
            "value",
        )
    elif line.words[2] == "swap" and kind not in {"sw", "dp", "xx"}:
        yield Problem(
            file,
            line.number,
            f"is no swap with the option {kind}",
            "swapctl(8) takes lines with the option sw",
            "value",
        )
    if place in {"none", "swap"}:
        return
    if not place.startswith("/"):
        yield Problem(
            file,
            line.number,
            f"must be mounted on an absolute path, is {quoted(place)}",
            reason="value",
        )
    elif options:  # not mounted automatically, or intentionally over another
        return
    elif place in places:
        yield Problem(
            file,
            line.number,
            f"{place} is also mounted by {places[place]}",
            "keep one of them",
            "twice",
        )
    places.setdefault(place, f"{file}:{line.number}")


def _disk(file: str, line: Line, domu: Domu) -> Iterator[Problem]:
    """NetBSD numbers disks in the order of the domU's file, after the image's."""
    found = _DISK(line.words[0])
    has = sum(bool(getattr(domu.says, key)) for key in KEYS)
    if found and int(found[1]) > has:
        yield Problem(
            file,
            line.number,
            f"{line.words[0]}: {domu.name} has the disks xbd0 to xbd{has}, {domu.conf.file}",
            "docs/roles.md explains their order",
            "no-disk",
        )
