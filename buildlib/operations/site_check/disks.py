"""Checks that each disk of a host is used by one domU, and does not overlap another's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import DISKS
from buildlib.operations.site_check.files import Domu, Fleet, Once

KEYS = ("config_disk", "swap_disk", *DISKS)
# A partition of a disk; d is the whole disk on amd64 (RAW_PART).
_PARTITION = re.compile(r"(/dev/[a-z]+[0-9]+)([a-p])").fullmatch


@dataclass(frozen=True, slots=True)
class _Used:
    """The users of one host's disks, of whole disks and of partitions."""

    disks: Once = field(default_factory=lambda: Once("twice-disk"))
    wholes: dict[str, tuple[str, Domu, str]] = field(default_factory=dict)
    parts: dict[str, tuple[str, Domu, str]] = field(default_factory=dict)


def check_disks(fleet: Fleet) -> Iterator[Problem]:
    """A disk is named once on a host, and no other used disk overlaps a writable one.

    A read-only disk counts too: NetBSD opens a block device once, so a second domU would wait for
    it forever (sys/miscfs/specfs/spec_vnops.c 1.205, spec_open; xbdback(4), DIAGNOSTICS).
    """
    used: defaultdict[str, _Used] = defaultdict(_Used)
    for domu in fleet.domus:
        own, theirs = Once("twice-disk"), used[domu.host]
        for key in KEYS:
            disk: str = getattr(domu.says, key)
            path, _, mode = disk.partition(",")
            yield from theirs.disks.see(path, domu.name, domu.conf, key)
            yield from own.see(path, key, domu.conf, key)
            if mode != "r":
                yield from _overlap(theirs, domu, key, path)


def _overlap(used: _Used, domu: Domu, key: str, path: str) -> Iterator[Problem]:
    """Report a whole disk and a partition of it: writing to one changes the other."""
    found = _PARTITION(path)
    if not found:
        return
    disk, letter = found.groups()
    is_whole = letter == "d"
    (used.wholes if is_whole else used.parts).setdefault(disk, (path, domu, key))
    other = (used.parts if is_whole else used.wholes).get(disk)
    if other is None:
        return
    name, owner, by = other
    what = f"the whole disk that contains {name}" if is_whole else f"a partition of {name}"
    yield Problem(
        domu.conf.file,
        domu.conf.line(key),
        f"{key}: {path} is {what}, {by} of {owner.name}, {owner.conf.file}:{owner.conf.line(by)}",
        "d is a whole disk: name another partition",
        "twice-disk",
    )
