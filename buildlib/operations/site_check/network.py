"""Checks that the files of a site agree on each machine's addresses, names and gateway.

On a server, rc.d/network reads `etc/ifconfig.IF`, `myname`, `mygate` and rc.conf, and all programs
read `hosts`; the fleet uses `host.conf` and `server.conf`. If these differ, a machine starts with
another identity or cannot be reached.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from buildlib.config.shconf import Conf, Problem, quoted
from buildlib.config.site.addresses import Address, is_host_name, machine_address
from buildlib.config.site.cards import (
    Card,
    is_made,
    read_aliases,
    read_aliases_file,
    read_card,
    read_variable,
)
from buildlib.config.site.etc_files import Setting, assignments, is_yes
from buildlib.config.site.fleet import Folder, Site
from buildlib.operations.site_check.files import Fleet, Once
from buildlib.operations.site_check.names import check_hosts, check_names, check_resolver

_CARD = "etc/ifconfig."
_SETTINGS = ("etc/rc.conf", "etc/rc.conf.d/network", "etc/rc.conf.d/dhcpcd")
_ROUTES = ("defaultroute", "defaultroute6")
_GATES = ("etc/mygate", "etc/mygate6")
_ALIASES = "etc/ifaliases"
# Clients that get addresses at boot, with the IP versions.
_CLIENTS = {"dhcpcd": {4, 6}, "dhclient": {4}}
_NOT_ITS_OWN = frozenset({"lo", "carp"})  # every machine has lo; several share carp
_DEEPEST = 8  # links followed to a file


@dataclass(slots=True)
class Machine:
    """A host or server, and the contents of its etc.

    conf      the fleet's file, with its address and hostname
    settings  of rc.conf: file, line and value, if that is a plain one
    found     addresses of its interfaces: file, line and address
    dynamic   IP versions for which it gets addresses that are in no file
    """

    name: str
    folder: Folder
    shared: Folder
    conf: Conf
    address: Address
    hostname: str
    is_host: bool
    settings: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    found: list[tuple[str, int, Address]] = field(default_factory=list)
    wrong: list[Problem] = field(default_factory=list)
    dynamic: set[int] = field(default_factory=set)
    has_card: bool = False

    def text(self, path: str) -> tuple[str, tuple[str, ...]] | None:
        """Path from the site and lines of a file that the machine reads; follows links."""
        folder = self.folder
        for _ in range(_DEEPEST):
            if path in folder.texts:
                return f"{folder.place}/{path}", folder.texts[path]
            if path not in folder.links:
                return None
            top = "/config/global/" if folder is self.shared else "/"
            way = posixpath.normpath(
                posixpath.join(posixpath.dirname(top + path), folder.links[path])
            )
            if way.startswith("/config/global/"):
                folder, path = self.shared, way.removeprefix("/config/global/")
            else:
                folder, path = self.folder, way.removeprefix("/config/local").removeprefix("/")
        return None

    @property
    def addresses(self) -> list[Address]:
        """All addresses of the machine that are in files."""
        return [
            address for address in (self.address, *(item[2] for item in self.found)) if address.text
        ]


def check_networks(site: Site, fleet: Fleet) -> Iterator[Problem]:
    """Report addresses of two machines, and files that contradict each other."""
    machines = list(_machines(site, fleet))
    taken = Once("twice-address")
    for machine in machines:
        yield from taken.see(machine.address.text, machine.name, machine.conf, "address")
    for machine in machines:
        for file, line, address in machine.found:
            if address.text.startswith("fe80:"):
                continue  # link-local: unique only within a network
            yield from taken.see_at(address.text, machine.name, file, line, "inet")
        yield from machine.wrong
        yield from _own_address(machine)
        yield from _gateway(machine)
        yield from _reachable(machine)
        yield from check_names(machine)
    yield from check_hosts(machines)
    yield from check_resolver(machines)


def _machines(site: Site, fleet: Fleet) -> Iterator[Machine]:
    for name, (host, conf) in fleet.hosts.items():
        yield _seen(
            Machine(name, site.hosts[name], site.shared, conf, host.address, "", is_host=True)
        )
    for name, (server, conf) in fleet.servers.items():
        yield _seen(
            Machine(
                name,
                site.servers[name],
                site.shared,
                conf,
                server.address,
                server.hostname,
                is_host=False,
            )
        )


def _seen(machine: Machine) -> Machine:
    """Read its interface files and rc.conf into `machine`."""
    variables: dict[str, tuple[str, Setting]] = {}
    for path in _SETTINGS:
        text = machine.text(path)
        if text:
            variables |= {
                name: (text[0], setting) for name, setting in assignments(text[1]).items()
            }
    machine.settings = {
        name: (file, setting.line, setting.value)
        for name, (file, setting) in variables.items()
        if setting.is_plain
    }
    for name, versions in _CLIENTS.items():
        if is_yes(_setting(machine, name)):
            machine.dynamic |= versions
    if _setting(machine, "ip6mode") == "autohost":
        machine.dynamic.add(6)
    for name, (file, setting) in variables.items():
        _add_variable(machine, name, file, setting)
    for path in sorted(machine.folder.paths):
        if path.startswith(_CARD):
            _add_card(machine, path.removeprefix(_CARD), path, variables)
    text = machine.text(_ALIASES)
    if text:
        for card, says in read_aliases_file(text[1]):
            _note(machine, card, text[0], says)
    return machine


def _setting(machine: Machine, name: str) -> str:
    return machine.settings.get(name, ("", 0, ""))[2]


def _add_variable(machine: Machine, name: str, file: str, setting: Setting) -> None:
    kind, _, card = name.partition("_")
    if kind == "ifconfig" and setting.value:
        _note(machine, card, file, read_variable(setting.value, setting.line))
    elif kind == "ifaliases" and setting.value:
        _note(machine, card, file, read_aliases(setting.value, setting.line))


def _add_card(
    machine: Machine, card: str, path: str, variables: Mapping[str, tuple[str, Setting]]
) -> None:
    file, setting = variables.get(f"ifconfig_{card}", ("", None))
    text = machine.text(path)
    if setting and setting.value:
        machine.wrong.append(
            Problem(
                f"{machine.folder.place}/{path}",
                0,
                f"this file is ignored: {file}:{setting.line} sets ifconfig_{card}",
                "keep one of them",
                "unknown-file",
            )
        )
    elif text is None:  # a link into the system or to nowhere, or no file
        machine.has_card |= _is_card(card, machine) and path in machine.folder.links
    else:
        _note(machine, card, text[0], read_card(text[1]))


def _note(machine: Machine, card: str, file: str, says: Card) -> None:
    """Add the contents of a file about an interface."""
    if card.rstrip("0123456789") in _NOT_ITS_OWN:
        return
    machine.has_card |= _is_card(card, machine) and bool(
        says.addresses or says.wrong or says.dynamic
    )
    machine.dynamic |= says.dynamic
    machine.found += [(file, line, address) for line, address in says.addresses]
    machine.wrong += [Problem(file, line, what, reason="value") for line, what in says.wrong]
    if not machine.is_host and card.startswith("xennet") and card != "xennet0":
        machine.wrong.append(
            Problem(file, 0, f"{machine.name} has one interface, xennet0", reason="no-card")
        )


def _is_card(card: str, machine: Machine) -> bool:
    """A domU only has xennet0 and what is created on top of it; a host may have any interface."""
    return machine.is_host or card == "xennet0" or is_made(card)


def _own_address(machine: Machine) -> Iterator[Problem]:
    """The address in the fleet's file must be one of the machine's interfaces."""
    stated = machine.address
    found = [item for item in machine.found if item[2].version == stated.version]
    if not stated.text or not found or stated.version in machine.dynamic:
        return
    place = f"{machine.conf.file}:{machine.conf.line('address')}"
    same = [item for item in found if item[2].text == stated.text]
    file, line, address = (same or found)[0]
    if not same or (
        None not in {stated.prefix, address.prefix} and stated.prefix != address.prefix
    ):
        yield Problem(
            file,
            line,
            f"inet: {address}, but {place} says {stated}",
            "use the same address in both",
            "other-address",
        )


def _reachable(machine: Machine) -> Iterator[Problem]:
    """Report a machine that no file in its etc gives an address, so it cannot be reached."""
    if (
        "etc" not in machine.folder.paths
        or machine.has_card
        or machine.address.version in machine.dynamic
    ):
        return
    card = "IF" if machine.is_host else "xennet0"
    what = f"no file in it gives {machine.name} a network address"
    others = [
        path.removeprefix("etc/")
        for path in sorted(machine.folder.paths)
        if path.startswith(_CARD) and not is_made(path.removeprefix(_CARD))
    ]
    if f"ifconfig.{card}" in others:
        what += f": ifconfig.{card} has none"
    elif others and not machine.is_host:
        what += f": a domU's interface is xennet0, but there is {', '.join(others)}"
    address = machine.address if machine.address.text else "10.0.0.1/24"
    yield Problem(
        f"{machine.folder.place}/etc",
        0,
        what,
        f"write etc/ifconfig.{card} with the line: inet {address}",
        "no-network",
    )


def _gateway(machine: Machine) -> Iterator[Problem]:
    """The gateway must be another machine in one of this machine's networks."""
    for path in _GATES:
        text = machine.text(path)
        if text is None:
            continue
        words = [(number, line.split()) for number, line in enumerate(text[1], 1) if line.split()]
        if len(words) != 1 or len(words[0][1]) != 1:
            yield Problem(text[0], 0, "must be one line with one address", reason="value")
        else:
            yield from _one_gateway(
                machine, text[0], words[0][0], words[0][1][0], path.removeprefix("etc/")
            )
    for name in _ROUTES:
        file, line, value = machine.settings.get(name, ("", 0, ""))
        if value:
            yield from _one_gateway(machine, file, line, value, name)


def _one_gateway(machine: Machine, file: str, line: int, text: str, key: str) -> Iterator[Problem]:
    if is_host_name(text.lower()):
        return  # hosts(5) must have it
    try:
        gateway = machine_address(text.replace("/", " "))  # a gateway has no prefix length
    except ValueError as error:
        yield Problem(file, line, f"{key}: must be {error}, is {quoted(text)}", reason="value")
        return
    mine = [item for item in machine.addresses if item.version == gateway.version]
    networks = [item for item in mine if item.prefix is not None]
    if gateway.text in {item.text for item in mine}:
        yield Problem(
            file,
            line,
            f"{key}: {gateway.text} is {machine.name} itself",
            "name the router",
            "gateway",
        )
    elif gateway.text.startswith("fe80:") or not networks or gateway.version in machine.dynamic:
        return
    elif not any(item.reaches(gateway) for item in networks):
        nets = ", ".join(sorted({str(item) for item in networks}))
        yield Problem(
            file,
            line,
            f"{key}: {gateway.text} is not in a network of {machine.name}, which has {nets}",
            "name a router that it can reach",
            "gateway",
        )
    elif any(
        gateway.number in (item.network() or ())
        and item.prefix is not None
        and item.prefix < 31
        and item.reaches(gateway)
        for item in networks
        if item.version == 4
    ):
        yield Problem(
            file,
            line,
            f"{key}: {gateway.text} is a network or broadcast address",
            "name the router",
            "gateway",
        )
