"""Reads the files in /etc that identify a machine on the network.

    hosts(5)   rc.conf(5)   fstab(5)   resolv.conf(5)

Problems are reported by line. Nothing is run: values that a shell would expand stay unexpanded.
`cards` reads the configuration of network interfaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from buildlib.config.shconf import quoted
from buildlib.config.site.addresses import Address, parse_address

# A comment, a continued line's end, a word of sh(1), or any other character.
_SHELL = re.compile(
    r"""\#[^\n]*|\\\n|((?:[^\s;&|<>()"'\\]+|\\.|"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*+')+)|.""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL).fullmatch
_PIECE = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)""", re.DOTALL)
_ESCAPED = re.compile(r"""\\([$`"\\\n])""")  # in double quotes
_LIKE_ADDRESS = re.compile(r"[0-9:]").search
_NAME = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?"
).fullmatch


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


@dataclass(frozen=True, slots=True)
class Setting:
    """A value in rc.conf, the line it begins in, and whether a shell would not expand it."""

    line: int
    value: str
    is_plain: bool


def assignments(text: Iterable[str]) -> dict[str, Setting]:
    """The assignments in a file in rc.conf's style, by name. The last wins."""
    found, line = {}, 1
    for match in _SHELL.finditer("\n".join(text)):
        assigned = _ASSIGNED(match[1]) if match[1] else None
        if assigned:
            found[assigned[1]] = _setting(line, assigned[2])
        line += match[0].count("\n")
    return found


def _setting(line: int, text: str) -> Setting:
    value, is_plain = "", True
    for single, double, escaped, bare in _PIECE.findall(text):
        is_plain &= not {"$", "`"} & {*_ESCAPED.sub("", double), *bare}
        value += single + _ESCAPED.sub(lambda found: found[1].strip("\n"), double)
        value += escaped.strip("\n") + bare
    return Setting(line, value, is_plain)


def is_yes(value: str) -> bool:
    """Like checkyesno of rc.subr(8)."""
    return value.lower() in {"yes", "true", "on", "1"}


@dataclass(frozen=True, slots=True)
class Host:
    """A line of hosts(5): an address, and its names in lower case."""

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
        yield Host(
            line.number, address, tuple(name.lower().rstrip(".") for name in names if _NAME(name))
        )
