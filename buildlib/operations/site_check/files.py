"""The files of a site as dataclasses, and helpers shared by the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from buildlib.config.shconf import Conf, Problem
from buildlib.config.site.fleet import DomuConf, HostConf, ServerConf, Site, StorageConf, load_conf


@dataclass(frozen=True, slots=True)
class Domu:
    """A domU as configured on one host."""

    host: str
    name: str
    says: DomuConf
    conf: Conf


@dataclass(frozen=True, slots=True)
class Fleet:
    """All files of a site as dataclasses with their lines; `placements`: by name of the domU."""

    hosts: dict[str, tuple[HostConf, Conf]] = field(default_factory=dict)
    servers: dict[str, tuple[ServerConf, Conf]] = field(default_factory=dict)
    storage: dict[str, tuple[StorageConf, Conf]] = field(default_factory=dict)
    domus: list[Domu] = field(default_factory=list)
    placements: defaultdict[str, list[Domu]] = field(default_factory=lambda: defaultdict(list))


def load_fleet(site: Site, problems: list[Problem]) -> Fleet:
    """Load every file; wrong values are added to `problems`."""
    fleet = Fleet()
    for name, folder in site.hosts.items():
        conf = folder.confs.get("host.conf")
        if conf is not None:
            fleet.hosts[name] = load_conf(HostConf, conf, problems), conf
        for domu, conf in folder.domus.items():
            placement = Domu(name, domu, load_conf(DomuConf, conf, problems), conf)
            fleet.domus.append(placement)
            fleet.placements[domu].append(placement)
    for name, folder in site.servers.items():
        conf = folder.confs.get("server.conf")
        if conf is not None:
            fleet.servers[name] = load_conf(ServerConf, conf, problems), conf
        conf = folder.confs.get("storage.conf")
        if conf is not None:
            fleet.storage[name] = load_conf(StorageConf, conf, problems), conf
    return fleet


class Once:
    """Values that must be unique: reports every repetition, with the place of the first."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._first: dict[str, tuple[str, str, int]] = {}

    def see(self, value: str, owner: str, conf: Conf, key: str) -> Iterator[Problem]:
        """`owner` has `value` under this key of this file; an empty value is ignored."""
        yield from self.see_at(value, owner, conf.file, conf.line(key), key)

    def see_at(self, value: str, owner: str, file: str, line: int, key: str) -> Iterator[Problem]:
        """The same, for any line of any file."""
        if not value:
            return
        other, where, by = self._first.setdefault(value, (owner, file, line))
        if other != owner:
            yield Problem(
                file, line, f"{key}: {value} is also {other}'s, {where}:{by}", reason=self._reason
            )
