"""Checks that Xen, dom0 and the domUs fit into the memory of each host of a site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from buildlib.config.shconf import Problem
from buildlib.config.site.xen_memory import Dom0Memory, taken_by_domu, taken_by_xen
from buildlib.operations.site_check.files import Domu, Fleet


def check_memory(fleet: Fleet, given: Dom0Memory | None) -> Iterator[Problem]:
    """All autostarted domUs together, and each of the others alone, must fit beside Xen and dom0.

    given  dom0's memory according to the CD; None: unknown
    """
    if given is not None and given.wrong:
        yield Problem(
            given.file,
            given.line,
            f"{given.word}: Xen does not understand {given.wrong!r}",
            "write dom0_mem=512M",
            "dom0-memory",
        )
        given = None
    room: dict[str, int] = {}
    for name, (host, conf) in fleet.hosts.items():
        if not host.memory:
            continue
        xen = taken_by_xen(host.memory)
        dom0 = given.of(max(host.memory - xen, 0)) if given else 0
        if given and 0 < host.dom0_memory < dom0:
            yield Problem(
                conf.file,
                conf.line("dom0_memory"),
                f"dom0_memory: {host.dom0_memory} MB, but {_gives(given, dom0)}",
                f"write dom0_memory={dom0}, or change the recipe",
                "dom0-memory",
            )
        room[name] = host.memory - xen - max(host.dom0_memory, dom0)
    yield from _together(fleet, room)
    for domu in fleet.domus:
        if domu.host in room and not domu.says.autostart:
            yield from _alone(domu, room[domu.host])


def _gives(given: Dom0Memory, dom0: int) -> str:
    if not given.word:
        return (
            f"the CD gives dom0 all available memory, {dom0}: {given.file} has no dom0_mem= in "
            "boot.xen"
        )
    return f"the CD gives dom0 {dom0}: {given.word}, {given.file}:{given.line}"


def _together(fleet: Fleet, room: dict[str, int]) -> Iterator[Problem]:
    """Check all autostarted domUs of a host together."""
    started: defaultdict[str, list[int]] = defaultdict(list)
    for domu in fleet.domus:
        if domu.says.autostart:
            started[domu.host].append(_taken(domu))
    for name, left in room.items():
        host, conf = fleet.hosts[name]
        needed = sum(started[name])
        if needed > left:
            xen = taken_by_xen(host.memory)
            dom0 = host.memory - xen - left
            yield Problem(
                conf.file,
                conf.line("memory"),
                f"memory: {host.memory} MB, but Xen ({xen}), dom0 ({dom0}) and {len(started[name])}"
                f" autostarted domUs ({needed}) take {xen + dom0 + needed}",
                "move a domU, or set its autostart=no",
                "memory",
            )


def _alone(domu: Domu, left: int) -> Iterator[Problem]:
    taken = _taken(domu)
    if taken > left:
        yield Problem(
            domu.conf.file,
            domu.conf.line("memory"),
            f"memory: {domu.says.memory} MB take {taken} with Xen's tables, but "
            f"{domu.host} has {max(left, 0)} left beside Xen and dom0",
            reason="memory",
        )


def _taken(domu: Domu) -> int:
    return taken_by_domu(domu.says.memory, domu.says.vcpus) if domu.says.memory else 0
