"""The files in /etc that identify a machine on the network.

    hosts(5)   ifconfig.if(5)   rc.conf(5)   fstab(5)   resolv.conf(5)

Each is read line by line, and problems are reported by line. Nothing is run: whatever a shell would
have to expand is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from buildlib.words.addresses import (
    Address,
    looks_like_ipv4,
    machine_address,
    netmask_prefix,
    parse_address,
)
from buildlib.words.shconf import quoted

_ASSIGNMENT = re.compile(
    r"""(?:^|[ \t;])([A-Za-z_][A-Za-z0-9_]*)=
        (?:"([^"$`\\]*)"|'([^']*)'|([^\s;"'$`\\&|<>()]*))(?=[ \t;]|\Z)""", re.VERBOSE)
_LIKE_ADDRESS = re.compile(r"[0-9:]").search
_NAME = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?").fullmatch


@dataclass(frozen=True, slots=True)
class Line:
    """The words of a line, and its number from 1."""

    number: int
    words: tuple[str, ...]


def lines_of(text: Iterable[str], comments: str = "#") -> Iterator[Line]:
    """Lines that have words, without comments."""
    before = re.compile(f"[^{comments}]*").match
    for number, line in enumerate(text, 1):
        found = before(line)
        words = tuple(found[0].split()) if found else ()
        if words:
            yield Line(number, words)


@dataclass(slots=True)
class Card:
    """What a file says about one interface: addresses and mistakes, each with its line.

    is_dynamic  the machine gets an address at boot, from DHCP, a router or hosts(5)
    """

    addresses: list[tuple[int, Address]] = field(default_factory=list)
    wrong: list[tuple[int, str]] = field(default_factory=list)
    is_dynamic: bool = False


def read_card(text: Iterable[str]) -> Card:
    """An interface's addresses, from the lines of ifconfig.IF."""
    card = Card()
    for line in lines_of(_joined(text)):
        words = list(line.words)
        if words[0].startswith("!"):
            card.is_dynamic |= any(word.endswith(("dhcpcd", "dhclient")) for word in words)
        elif words[0] in {"dhcp", "rtsol", "autoconf"}:
            card.is_dynamic = True
        else:
            words = _of_inet(words)
            if words and not _LIKE_ADDRESS(words[0]):
                card.is_dynamic = True
            elif words:
                try:
                    card.addresses.append((line.number, _inet(words)))
                except ValueError as error:
                    card.wrong.append((line.number, str(error)))
    return card


def _joined(text: Iterable[str]) -> Iterator[str]:
    """The lines. One that ends in a backslash is joined with the next. Line numbers are kept."""
    held, empty = "", 0
    for line in text:
        if line.endswith("\\"):
            held, empty = f"{held}{line[:-1]} ", empty + 1
            continue
        yield from [""] * empty
        yield held + line
        held, empty = "", 0
    yield held


def _of_inet(words: list[str]) -> list[str]:
    """The words from the address on; none if the line has no address."""
    family = next((at for at, word in enumerate(words) if word in {"inet", "inet6"}), None)
    if family is not None:
        words = words[family + 1:]
    elif not looks_like_ipv4(words[0].partition("/")[0]):
        return []
    return words[1:] if words[:1] == ["alias"] else words


def _inet(words: list[str]) -> Address:
    """The address, with its network's prefix. Raises ValueError."""
    text, said = words[0], dict(pairwise(words))
    try:
        if "/" not in text:
            if "netmask" in said:
                text = f"{text}/{netmask_prefix(said['netmask'])}"
            elif "prefixlen" in said:
                text = f"{text}/{said['prefixlen']}"
        return machine_address(text)
    except ValueError as error:
        raise ValueError(f"must be {error}, is {quoted(' '.join(words))}") from None


def assignments(text: Iterable[str]) -> dict[str, tuple[int, str]]:
    """The plain assignments in a file in rc.conf's style: name to line and value. The last wins."""
    found = {}
    for number, line in enumerate(text, 1):
        if line.lstrip().startswith("#"):
            continue
        for name, *values in _ASSIGNMENT.findall(line):
            found[name] = number, next(filter(None, values), "")
    return found


def is_yes(value: str) -> bool:
    """As checkyesno of rc.subr(8)."""
    return value.lower() in {"yes", "true", "on", "1"}


@dataclass(frozen=True, slots=True)
class Host:
    """A line of hosts(5): an address, and the names it has, in small letters."""

    line: int
    address: Address
    names: tuple[str, ...]


def read_hosts(text: Iterable[str], wrong: list[tuple[int, str]]) -> Iterator[Host]:
    """The lines of hosts(5); problems are added to `wrong`.

    A line whose first word cannot be an address is ignored, as every program does.
    """
    for line in lines_of(text):
        first, *names = line.words
        if not _LIKE_ADDRESS(first):
            continue
        bad = next((name for name in names if not _NAME(name)), None)
        try:
            address = parse_address(first.replace("/", " "))  # it has no prefix length
        except ValueError as error:
            wrong.append((line.number, f"must begin with {error}, begins with {quoted(first)}"))
            continue
        if not names:
            wrong.append((line.number, f"{first} has no name"))
        elif bad is not None:
            what = f"{quoted(bad)} is not a host name: use letters, digits, - and _ between dots"
            wrong.append((line.number, what))
        yield Host(line.number, address,
                   tuple(name.lower().rstrip(".") for name in names if _NAME(name)))
