"""Checks the names of machines: `myname`, rc.conf's `hostname`, `hosts` and `resolv.conf`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from buildlib.config.shconf import Conf, Problem, quoted
from buildlib.config.site.addresses import Address, is_host_name, parse_address
from buildlib.config.site.etc_files import Host, lines_of, read_hosts
from buildlib.model.schema import nearest

_RESOLVER = ("nameserver", "domain", "search", "sortlist", "options", "lookup", "family")


class Named(Protocol):
    """The properties of a machine that these checks need."""

    name: str
    conf: Conf
    address: Address
    hostname: str
    settings: dict[str, tuple[str, int, str]]

    def text(self, path: str) -> tuple[str, tuple[str, ...]] | None:
        """Path from the site and lines of a file that the machine reads; None if it has none."""

    @property
    def addresses(self) -> list[Address]:
        """All addresses of the machine."""


def check_names(machine: Named) -> Iterator[Problem]:
    """A machine's own files must give it the name that it has in the site."""
    text = machine.text("etc/myname")
    if text is not None:
        words = [(number, line.split()) for number, line in enumerate(text[1], 1) if line.split()]
        if len(words) != 1 or len(words[0][1]) != 1:
            yield Problem(text[0], 0, "must be one line with one name", reason="value")
        else:
            yield from _own_name(machine, text[0], words[0][0], words[0][1][0], "myname")
    file, line, value = machine.settings.get("hostname", ("", 0, ""))
    if value:
        yield from _own_name(machine, file, line, value, "hostname")


def _own_name(machine: Named, file: str, line: int, name: str, key: str) -> Iterator[Problem]:
    if not is_host_name(name.lower()):
        yield Problem(file, line, f"{key}: must be a host name, is {quoted(name)}", reason="value")
        return
    own_name = machine.hostname or machine.name
    if not _is_one_name(own_name, name.lower()):
        at = machine.conf.line("hostname")
        place = f"{machine.conf.file}:{at}" if at else machine.conf.file
        yield Problem(
            file,
            line,
            f"{key}: {name}, but according to {place} it is {own_name}",
            "use the same name in both",
            "other-name",
        )


def _is_one_name(one: str, other: str) -> bool:
    """Whether the names are equal, or one is the other without its domain."""
    return one == other or other.partition(".")[0] == one or one.partition(".")[0] == other


def check_hosts(machines: Sequence[Named]) -> Iterator[Problem]:
    """`hosts` must give each machine's name the address that the machine itself has."""
    known = _by_name(machines)
    for file, lines in _texts(machines, "etc/hosts").items():
        wrong: list[tuple[int, str]] = []
        yield from _hosts(file, read_hosts(lines, wrong), known)
        for line, what in wrong:
            yield Problem(file, line, what, reason="value")


def _texts(machines: Iterable[Named], path: str) -> Mapping[str, tuple[str, ...]]:
    """The files that machines read at a path, each once, since machines may share one."""
    return dict(text for machine in machines if (text := machine.text(path)) is not None)


def _by_name(machines: Sequence[Named]) -> Mapping[str, Named]:
    """Every name of a machine, to the machine."""
    names: dict[str, Named] = {machine.name: machine for machine in reversed(machines)}
    for machine in machines:
        own_name = machine.hostname or machine.name
        text = machine.text("etc/myname")
        for name in (
            own_name,
            own_name.partition(".")[0],
            *(" ".join(text[1]).lower().split() if text else ()),
        ):
            if _is_one_name(own_name, name):
                names.setdefault(name, machine)
    return names


def _hosts(file: str, hosts: Iterable[Host], known: Mapping[str, Named]) -> Iterator[Problem]:
    first: dict[tuple[str, int], Host] = {}
    for host in hosts:
        for name in host.names:
            machine = known.get(name)
            mine = (
                {item.text for item in machine.addresses if item.version == host.address.version}
                if machine
                else set()
            )
            before = first.setdefault((name, host.address.version), host)
            if machine and mine and host.address.text not in mine:
                yield Problem(
                    file,
                    host.line,
                    f"{name} is {host.address.text} here, but "
                    f"{machine.address.text} in {machine.conf.file}:"
                    f"{machine.conf.line('address')}",
                    "use the same address in both",
                    "other-address",
                )
            elif name == "localhost" and not _is_loopback(host.address):
                yield Problem(
                    file,
                    host.line,
                    f"localhost is {host.address.text} here",
                    "it must be 127.0.0.1 or ::1",
                    "other-address",
                )
            elif before.address != host.address and host.address.text not in mine:
                yield Problem(
                    file,
                    host.line,
                    f"{name} is {host.address.text} here, but "
                    f"{before.address.text} in line {before.line}",
                    "give the name one address",
                    "other-address",
                )


def _is_loopback(address: Address) -> bool:
    return address.text == "::1" or address.text.startswith("127.")


def check_resolver(machines: Sequence[Named]) -> Iterator[Problem]:
    """`resolv.conf` must name servers by address, with keywords that the resolver knows."""
    for file, lines in _texts(machines, "etc/resolv.conf").items():
        for line in lines_of(lines, "#;"):
            word, *rest = line.words
            hint = nearest(word.lower(), _RESOLVER).removeprefix("; ")
            if word not in _RESOLVER and hint:
                yield Problem(file, line.number, f"{word}: unknown keyword", hint, "unknown-key")
            elif word == "nameserver" and not (len(rest) == 1 and _is_address(rest[0])):
                yield Problem(
                    file,
                    line.number,
                    f"nameserver: must be one address, is {quoted(' '.join(rest))}",
                    reason="value",
                )


def _is_address(text: str) -> bool:
    try:
        return parse_address(text).prefix is None
    except ValueError:
        return False
