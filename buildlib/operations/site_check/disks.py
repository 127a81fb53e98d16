"""Whether each disk of a host is one domU's, and is not part of another's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from buildlib.config.shconf import Problem
from buildlib.config.site.fleet import DISKS
from buildlib.operations.site_check.files import Domu, Fleet, Once

KEYS = ("config_disk", "swap_disk", *DISKS)
# A partition of a disk; d is all of it on amd64 (RAW_PART).
_PARTITION = re.compile(r"(/dev/[a-z]+[0-9]+)([a-p])").fullmatch


@dataclass(frozen=True, slots=True)
class _Used:
    """Of one host: who has which disk, and the disks of which somebody has all, or a part."""

    disks: Once = field(default_factory=lambda: Once("twice-disk"))
    wholes: dict[str, tuple[str, Domu, str]] = field(default_factory=dict)
    parts: dict[str, tuple[str, Domu, str]] = field(default_factory=dict)


def check_disks(fleet: Fleet) -> Iterator[Problem]:
    """A disk that may be written to is named once on a host, by itself or as part of another."""
    used: defaultdict[str, _Used] = defaultdict(_Used)
    for domu in fleet.domus:
        own, theirs = Once("twice-disk"), used[domu.host]
        for key in KEYS:
            disk: str = getattr(domu.says, key)
            if disk and not disk.endswith(",r"):
                path = disk.partition(",")[0]
                yield from theirs.disks.see(path, domu.name, domu.conf, key)
                yield from own.see(path, key, domu.conf, key)
                yield from _overlap(theirs, domu, key, path)


def _overlap(used: _Used, domu: Domu, key: str, path: str) -> Iterator[Problem]:
    """All of a disk, and a partition of it: whoever writes to one writes to the other."""
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
    what = f"all of the disk of which {name} is a part" if is_whole else f"a part of {name}"
    yield Problem(domu.conf.file, domu.conf.line(key),
                  f"{key}: {path} is {what}, {by} of {owner.name}, "
                  f"{owner.conf.file}:{owner.conf.line(by)}",
                  "d is all of a disk: name another partition", "twice-disk")
