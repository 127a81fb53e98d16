"""Whether a server's fstab names disks that the server has, and each place once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildlib.config.shconf import Problem, quoted
from buildlib.config.site.etc_files import Line, lines_of
from buildlib.config.site.fleet import Site
from buildlib.operations.site_check.disks import KEYS
from buildlib.operations.site_check.files import Domu, Fleet

_DISK = re.compile(r"/dev/xbd([0-9]{1,3})[a-p]").fullmatch


def check_fstabs(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """Every `fstab` that a host or server has of its own."""
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
            if name in site.servers and fleet.seats.get(name):
                yield from _disk(file, line, fleet.seats[name][0])


def _line(file: str, line: Line, places: dict[str, str]) -> Iterator[Problem]:
    if not 4 <= len(line.words) <= 6:
        yield Problem(file, line.number, "must be device, place, type, options, and two numbers",
                      reason="value")
        return
    place, options = line.words[1], {"noauto", "union", "xx"} & {*line.words[3].split(",")}
    if place in {"none", "swap"}:
        return
    if not place.startswith("/"):
        yield Problem(file, line.number, f"must be mounted on an absolute path, is {quoted(place)}",
                      reason="value")
    elif options:  # not mounted by itself, or over another on purpose
        return
    elif place in places:
        yield Problem(file, line.number, f"{place} is mounted by {places[place]} too",
                      "keep one of them", "twice")
    places.setdefault(place, f"{file}:{line.number}")


def _disk(file: str, line: Line, domu: Domu) -> Iterator[Problem]:
    """NetBSD numbers disks in the order of the domU's file, after that of the image."""
    found = _DISK(line.words[0])
    has = sum(bool(getattr(domu.says, key)) for key in KEYS)
    if found and int(found[1]) > has:
        yield Problem(file, line.number, f"{line.words[0]}: {domu.name} has the disks xbd0 to "
                      f"xbd{has}, {domu.conf.file}", "docs/roles.md tells their order", "no-disk")
