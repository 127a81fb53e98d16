r"""Reads the configuration of a machine's network interfaces: ifconfig.if(5) and ifaliases(5).

They are read as rc.d/network reads them. A line has arguments for ifconfig(8), quoted as for sh(1);
a `#` at the start of a word begins a comment. The line `dhcp` starts dhcpcd(8), the line `create`
is skipped, and what follows a `!` is run. A backslash at the end of a line joins it with the next.

Nothing is run here, so a value that a shell would expand may be any address.
Sources: ifconfig.if.5 1.14 of 2010 and the comments of etc/rc.d/network since then (`eval set --`);
ifaliases.5 1.11; pppoe(4) for the address 0.0.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from buildlib.config.shconf import quoted
from buildlib.config.site.addresses import Address, looks_like_ipv4, machine_address, netmask_prefix

# What `ifconfig -C` lists: interfaces that NetBSD creates on request, on top of others.
_MADE = frozenset(
    {
        "agr",
        "bridge",
        "carp",
        "faith",
        "gif",
        "gre",
        "ipsec",
        "l2tp",
        "lagg",
        "lo",
        "mpls",
        "npflog",
        "pflog",
        "pfsync",
        "ppp",
        "pppoe",
        "shmif",
        "sl",
        "srt",
        "stf",
        "tap",
        "tun",
        "vether",
        "vlan",
        "wg",
    }
)
_WORD = re.compile(
    r"""[ \t]*(?:(\#.*)|((?:[^ \t"'\\]+|\\.|"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*+')+)|(\S))""",
    re.DOTALL,
)
_PIECE = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|([^"'\\]+)""", re.DOTALL)
_NAME = re.compile(r"[A-Za-z][^:]*").fullmatch
_NEGOTIATED = re.compile(r"0\.0\.0\.0 [0-9.]+").fullmatch  # with the peer, as for pppoe(4)
_LIVE = re.compile(r"[$`]").search
_FAMILIES = {4: "inet", 6: "inet6"}
_ALL = frozenset(_FAMILIES)
# Programs that give an interface addresses of these versions.
_CLIENTS = {"dhcpcd": _ALL, "dhclient": frozenset({4}), "rtsol": frozenset({6})}


@dataclass(slots=True)
class Card:
    """The addresses and mistakes that files contain about one interface, each with its line.

    dynamic  IP versions for which it gets an address at boot: by DHCP, from a router, by hosts(5)
    """

    addresses: list[tuple[int, Address]] = field(default_factory=list)
    wrong: list[tuple[int, str]] = field(default_factory=list)
    dynamic: set[int] = field(default_factory=set)


def is_made(card: str) -> bool:
    """Whether an interface is virtual: `vlan0`, `bridge0`, `tap1`."""
    return card.rstrip("0123456789") in _MADE


def read_card(text: Iterable[str], first: int = 1) -> Card:
    """An interface's addresses, from the lines of ifconfig.IF, which are numbered from `first`."""
    card = Card()
    for number, line in _joined(text, first):
        try:
            _take(card, number, line.strip(" \t"))
        except ValueError as error:
            card.wrong.append((number, str(error)))
    return card


def read_variable(value: str, line: int) -> Card:
    """The same, from the variable `ifconfig_IF` of rc.conf(5), whose value begins in line `line`.

    If the value has only one line, semicolons separate its parts.
    """
    if "\n" in value:
        return read_card(value.split("\n"), line)
    card = read_card(value.split(";"))
    card.addresses = [(line, address) for _, address in card.addresses]
    card.wrong = [(line, what) for _, what in card.wrong]
    return card


def read_aliases(value: str, line: int) -> Card:
    """The variable `ifaliases_IF` of rc.conf(5): pairs of address and netmask, `-` for no mask."""
    card, words = Card(), value.split()
    for address, mask in zip(words[::2], words[1::2], strict=False):
        _alias(card, line, address, mask.removeprefix("-"))
    if len(words) % 2:
        what = f"{quoted(words[-1])} has no netmask after it, so it is ignored; write - for none"
        card.wrong.append((line, what))
    return card


def read_aliases_file(text: Iterable[str]) -> Iterator[tuple[str, Card]]:
    """The lines of ifaliases(5): address, interface, netmask. The format has no comments."""
    for number, line in enumerate(text, 1):
        words = line.split()
        if len(words) > 1:
            card = Card()
            _alias(card, number, words[0], " ".join(words[2:]))
            yield words[1], card


def _alias(card: Card, line: int, address: str, mask: str) -> None:
    if _LIVE(address + mask) or _NAME(address):
        card.dynamic.add(4)
        return
    try:
        card.addresses.append((line, _inet([address, *(("netmask", mask) if mask else ())])))
    except ValueError as error:
        card.wrong.append((line, str(error)))


def _joined(text: Iterable[str], first: int) -> Iterator[tuple[int, str]]:
    """The lines; those joined by backslashes have the number of the last."""
    held = ""
    for number, line in enumerate(text, first):
        if line.endswith("\\"):
            held += line[:-1]
            continue
        yield number, held + line
        held = ""


def _take(card: Card, number: int, line: str) -> None:
    """Read one line. Raises ValueError with the mistake."""
    if line.startswith("!"):
        names = {word.rpartition("/")[2] for word in line[1:].split()}
        for name in names & {*_CLIENTS}:
            card.dynamic |= _CLIENTS[name]
        if "ifconfig" in names:  # for this interface or another
            card.dynamic |= {version for version, family in _FAMILIES.items() if family in names}
        return
    words = _words(line)
    if not words:
        return
    if words[0] == "dhcp":
        card.dynamic |= _ALL
        if line != "dhcp":
            raise ValueError(f"dhcp must be alone on its line, is {quoted(line)}")
    elif words[0] in _CLIENTS:
        raise ValueError(f"{words[0]} is not an ifconfig argument: write !{words[0]} $int")
    elif _LIVE(words[0]):
        card.dynamic |= _ALL
    else:
        _address(card, number, words)


def _words(line: str) -> list[str]:
    """Split a line as sh(1) does, without comments. Raises ValueError for an open quote."""
    found = []
    for comment, word, bad in _WORD.findall(line):
        if bad:
            raise ValueError(f"{bad} is not closed")
        if word and not comment:
            found.append("".join("".join(piece) for piece in _PIECE.findall(word)))
    return found


def _address(card: Card, number: int, words: list[str]) -> None:
    """Read the address in a line, if it has one. Raises ValueError."""
    version = next(
        (version for word in words for version, family in _FAMILIES.items() if word == family), None
    )
    if version:
        words = words[words.index(_FAMILIES[version]) + 1 :]
    elif not looks_like_ipv4(words[0].partition("/")[0]):
        return
    if words[:1] == ["alias"]:
        words = words[1:]
    if not words or {"delete", "-alias"} & {*words}:
        return
    if _NEGOTIATED(" ".join(words[:2])) or any(map(_LIVE, words)) or _NAME(words[0]):
        card.dynamic.add(version or 4)
    else:
        card.addresses.append((number, _inet(words)))


def _inet(words: list[str]) -> Address:
    """The address, with its network's prefix. Raises ValueError."""
    text, options = words[0], dict(pairwise(words))
    try:
        if "/" not in text:
            if "netmask" in options:
                text = f"{text}/{netmask_prefix(options['netmask'])}"
            elif "prefixlen" in options:
                text = f"{text}/{options['prefixlen']}"
        return machine_address(text)
    except ValueError as error:
        raise ValueError(f"inet: must be {error}, is {quoted(' '.join(words))}") from None
