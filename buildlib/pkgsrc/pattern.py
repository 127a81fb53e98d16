"""Patterns of package names in DEPENDS, CONFLICTS and recipes.

    foo>=1.2<2        a range: the base is the part before the last hyphen of the name
    {foo,bar}-[0-9]*  alternatives as in csh(1), possibly nested; each is a separate pattern
    foo-1.[0-9]*      a glob over the whole name, as fnmatch(3) with FNM_PERIOD
    foo-1.2           the name itself
    foo               the base alone: the same as foo-[0-9]*

Only `<`, `<=`, `>` and `>=` are tests, and only a lower bound may be followed by an upper one;
other characters in a version are skipped as in any version. A pattern without a test that does not
match unchanged is tried again with `-[0-9]*` appended: so `foo` also matches foo-2bar-1.0.
Source: pkg_install, lib/opattern.c and lib/dewey.c; NetBSD's libc, gen/fnmatch.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import TypeAlias

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.version import Key, key

PATTERN_MAX = 1024  # PKG_PATTERN_MAX
EXPANDED_MAX = 1 << 17  # characters of all alternatives
ALTERNATIVES_MAX = 1000  # real patterns have at most ten; thirty times {a,b} has 2**30

_BRACES = re.compile(r"([{},])")
_GLOB = frozenset("*?[]")
_SPECIAL = _GLOB | {"\\"}
_RANGE = re.compile(r"(?P<base>[^<>]*)(?P<test>[<>]=?)(?P<version>.*)\Z", re.DOTALL)
_STEM = re.compile(r"[^*?\[\]\\]*")
_TESTS: dict[str, Callable[[Key, Key], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_ANY_VERSION = "-[0-9]*"
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Range:
    """A base, and the tests that its version must pass."""

    base: str
    tests: tuple[tuple[str, Key], ...]

    def matches(self, name: str) -> bool:
        """Whether `name` (BASE-VERSION) is in the range; False for a name without a version."""
        base, hyphen, version = name.rpartition("-")
        if not hyphen or base != self.base:
            return False
        found = key(version)
        return all(_TESTS[test](found, bound) for test, bound in self.tests)


@dataclass(frozen=True, slots=True)
class AnyVersion:
    """A name or base, or the most common glob, BASE-[0-9]*: `exact`, or `before` and a digit.

    `stem` is the common prefix of all matching names.
    """

    stem: str
    exact: str
    before: str

    def matches(self, name: str) -> bool:
        """Whether `name` is this name, or continues with a version."""
        if not name.startswith(self.before):
            return name == self.exact
        return name[len(self.before) : len(self.before) + 1] in _DIGITS or name == self.exact


@dataclass(frozen=True, slots=True)
class Glob:
    """Any other glob. `stem` is the common prefix of all matching names."""

    stem: str
    exact: str
    regex: str

    def matches(self, name: str) -> bool:
        """Whether `name` is this name, or matches with or without an appended version."""
        return name == self.exact or re.match(self.regex, name, re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern; it matches if one of its alternatives matches."""

    text: str
    alternatives: tuple[Alternative, ...]

    def matches(self, name: str) -> bool:
        """Whether the package name `name` (BASE-VERSION) matches."""
        return any(alternative.matches(name) for alternative in self.alternatives)


Alternative: TypeAlias = Range | AnyVersion | Glob
_Piece: TypeAlias = str | None  # a regular expression for one character; None for `*`


def compile_pattern(text: str) -> Pattern:
    """`text` as a Pattern, for repeated use.

    Raises SourceError (`pattern`) for a brace that is not closed, and for a pattern that is too
    long or has too many alternatives.
    """
    if len(text) > PATTERN_MAX:
        raise unusable(text, f"longer than {PATTERN_MAX} characters")
    return Pattern(text, tuple(_alternative(plain) for plain in expand(text)))


def matches(pattern: str, pkgname: str) -> bool:
    """Whether the package `pkgname` (BASE-VERSION) matches: pkg_match of pkg_install."""
    return compile_pattern(pattern).matches(pkgname)


def best(pattern: str, names: Iterable[str]) -> str | None:
    """The newest of `names` that matches, or None: pkg_order of pkg_install.

    Of equal versions (`{a,b}>=1` over a-1.0 and b-1.0) the alphabetically first name is chosen.
    """
    compiled = compile_pattern(pattern)
    return best_of(name for name in names if compiled.matches(name))


def best_of(names: Iterable[str]) -> str | None:
    """The newest of `names`, alphabetically first among equals, or None if `names` is empty."""
    return next(iter(newest_first(names)), None)


def newest_first(names: Iterable[str]) -> list[str]:
    """`names` by descending version, equal versions by name."""
    return sorted(sorted(names), key=lambda name: key(name.rpartition("-")[2]), reverse=True)


def expand(text: str) -> list[str]:
    """Expand the braces of `text` into patterns without braces, in order, without duplicates.

    A closing brace without an opening one is an ordinary character, as in pkg_install.
    Raises SourceError (`pattern`) for an unclosed brace, or more than ALTERNATIVES_MAX patterns.
    """
    # for each open brace: the texts before it, and its alternatives so far
    outer: list[tuple[list[str], list[str]]] = []
    begun, plain = [""], ""
    for piece in _BRACES.split(text):
        if piece == "{":
            outer.append((_joined(begun, [plain], text), []))
            begun, plain = [""], ""
        elif piece in {",", "}"} and outer:
            before, found = outer[-1]
            found += _joined(begun, [plain], text)
            begun, plain = [""], ""
            if piece == "}" or len(found) > ALTERNATIVES_MAX:
                outer.pop()
                begun = _joined(before, found, text)
        else:
            plain += piece
    if outer:
        raise unusable(text, "a brace is not closed")
    return list(dict.fromkeys(_joined(begun, [plain], text)))


def _joined(starts: list[str], ends: list[str], text: str) -> list[str]:
    """Each of `starts` followed by each of `ends`."""
    size = len(starts) * sum(map(len, ends)) + len(ends) * sum(map(len, starts))
    if len(starts) * len(ends) > ALTERNATIVES_MAX or size > EXPANDED_MAX:
        raise unusable(
            text, f"more than {ALTERNATIVES_MAX} alternatives, or {EXPANDED_MAX} characters"
        )
    return [start + end for start in starts for end in ends]


def _alternative(text: str) -> Alternative:
    found = _RANGE.match(text)
    return _glob(text) if found is None else _range(found)


def _range(found: re.Match[str]) -> Range:
    base, test, version = found["base"], found["test"], found["version"]
    upper = version.find("<") if test.startswith(">") else -1
    if upper < 0:
        return Range(base, ((test, key(version)),))
    second = "<=" if version.startswith("<=", upper) else "<"
    return Range(
        base,
        ((test, key(version[:upper])), (second, key(version[upper + len(second) :]))),
    )


def _glob(text: str) -> Alternative:
    if _SPECIAL.isdisjoint(text):
        return AnyVersion(text, text, text + "-")
    base = text.removesuffix(_ANY_VERSION)
    if base != text and _SPECIAL.isdisjoint(base):
        return AnyVersion(base + "-", text, base + "-")
    # an unclosed bracket matches nothing, but the appended version may close it
    choices = [_pieces(text + _ANY_VERSION)]
    if not _GLOB.isdisjoint(text):  # a backslash alone makes no glob
        choices.insert(0, _pieces(text))
    expressions = [_expression(choice) for choice in choices if choice is not None]
    stem = _STEM.match(text)
    assert stem is not None
    return Glob(stem[0], text, "|".join(expressions) or "(?!)")  # few are ever tried


def _expression(pieces: list[_Piece]) -> str:
    """A regular expression for the whole name that takes linear time.

    The text between two stars is searched for only once, at its first occurrence: with a later one
    the rest cannot match better. So the groups are atomic and nothing is tried twice.
    """
    runs = [""]
    for piece in pieces:
        if piece is None:
            runs.append("")
        else:
            runs[-1] += piece
    # FNM_PERIOD: a leading dot is only matched by a dot, not by a star or question mark
    guard = r"(?!\.)" if pieces and pieces[0] in {None, "."} else ""
    if len(runs) == 1:
        return f"{guard}{runs[0]}\\Z"
    middle = "".join(f"(?>.*?{run})" for run in runs[1:-1] if run)
    return f"{guard}{runs[0]}{middle}.*{runs[-1]}\\Z"


def _pieces(text: str) -> list[_Piece] | None:
    """The glob as a regular expression for each character.

    None if it matches nothing, because a bracket is not closed or the end is quoted.
    """
    pieces: list[_Piece] = []
    place = 0
    while place < len(text):
        character = text[place]
        place += 1
        if character == "*":
            pieces.append(None)
        elif character == "?":
            pieces.append(".")
        elif character == "[":
            bracket = _bracket(text, place)
            if bracket is None:
                return None
            piece, place = bracket
            pieces.append(piece)
        else:
            if character == "\\":
                if place == len(text):
                    return None
                character = text[place]
                place += 1
            pieces.append(re.escape(character))
    return pieces


def _bracket(text: str, place: int) -> tuple[str, int] | None:
    """A set of characters, and the position after it; None if it is not closed.

    As in NetBSD's fnmatch(3), `^` is the same as `!`, a `]` at the start belongs to the set, and
    if it contains a `/`, it is not a set but a literal bracket.
    """
    start = place
    negated = text[place : place + 1] in {"!", "^"}
    place += negated
    members: list[str] = []
    at_start = True
    while True:
        if text[place : place + 1] == "/":
            return re.escape("["), start
        first, place, quoted = _member(text, place)
        if not first:
            return None
        if first == "]" and not quoted and not at_start:
            break
        at_start, last = False, first
        if text[place : place + 1] == "-" and text[place + 1 : place + 2] not in {"", "]"}:
            last, place, _ = _member(text, place + 1)
            if not last:
                return None
        if first <= last:
            members.append(f"{re.escape(first)}-{re.escape(last)}")
    if not members:
        return ("[\\0-\\U0010ffff]" if negated else "(?!)"), place
    return f"[{'^' * negated}{''.join(members)}]", place


def _member(text: str, place: int) -> tuple[str, int, bool]:
    """The character at `place` (empty at the end), the next position, and whether it was quoted."""
    quoted = text[place : place + 1] == "\\"
    place += quoted
    return text[place : place + 1], place + 1, quoted


def unusable(pattern: str, why: str) -> SourceError:
    """The error for a pattern that is invalid or too expensive."""
    short = pattern if len(pattern) <= 80 else pattern[:79] + "…"
    return SourceError(f"{short!r} is not a usable pattern", why=why, reason="pattern")
