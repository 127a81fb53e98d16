"""Versions of packages, ordered as in pkg_install.

A version is read from left to right as a sequence of numbers, ignoring case:

    12             12
    alpha beta     -3  -2
    pre rc         -1
    pl . _         0
    a … z          0, then 1 … 26
    nb7            not in the sequence: the package's revision, compared last
    anything else  skipped

The shorter of two sequences is padded with zeros. So 1.1, 1a, 1_1 and 1pl1 are equal, 1.0 equals 1,
and 1.0rc1 comes before 1.0. Source: pkg_install, lib/dewey.c (1.13).

One difference: numbers do not overflow here. dewey.c uses C's `int`, so that a version that is a
time stamp with seconds wraps around in pkg_add.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from buildlib.model.errors import SourceError

Key: TypeAlias = tuple[int, ...]

VERSION_MAX = 1024  # PKG_PATTERN_MAX; pkg_install truncates longer ones
_WORDS = re.compile(
    r"(?P<number>[0-9]+)|(?P<word>alpha|beta|pre|rc|pl|[._])|nb(?P<revision>[0-9]*)|(?P<letter>[a-z])",
    re.IGNORECASE | re.ASCII,
)
_VALUES = {"alpha": -3, "beta": -2, "pre": -1, "rc": -1, "pl": 0, ".": 0, "_": 0}


def components(version: str) -> tuple[list[int], int]:
    """The sequence of numbers in `version`, and its revision (the number after `nb`, else 0).

    Raises SourceError (`version`) if it is longer than VERSION_MAX characters.
    """
    if len(version) > VERSION_MAX:
        raise SourceError(
            "a version is too long",
            where=version[:40] + "…",
            why=f"it has {len(version)} characters; pkg_install reads {VERSION_MAX}",
            reason="version",
        )
    row: list[int] = []
    revision = 0
    for match in _WORDS.finditer(version):
        if number := match["number"]:
            row.append(int(number))
        elif word := match["word"]:
            row.append(_VALUES[word.lower()])
        elif letter := match["letter"]:
            row += 0, ord(letter.lower()) - ord("a") + 1
        else:
            revision = int(match["revision"] or 0)
    return row, revision


def key(version: str) -> Key:
    """A tuple that sorts like `version`; equal versions have equal keys.

    It contains only nonzero numbers, each with its sign and position, so that trailing zeros do
    not matter: an earlier positive number sorts higher, an earlier negative one lower.
    """
    row, revision = components(version)
    flat: list[int] = []
    for place, number in enumerate(row):
        if number > 0:
            flat += 1, -place, number
        elif number < 0:
            flat += -1, place, number
    return (*flat, 0, revision)


def compare(a: str, b: str) -> int:
    """-1, 0 or 1 if version `a` is older than, equal to, or newer than `b`."""
    left, right = key(a), key(b)
    return (left > right) - (left < right)


def split_pkgname(pkgname: str) -> tuple[str, str]:
    """Base and version of `pkgname`; the version follows the last hyphen and may be empty.

    Raises SourceError (`pkgname`) for a name without a hyphen or with nothing before it.
    """
    base, hyphen, version = pkgname.rpartition("-")
    if not base or not hyphen:
        raise SourceError(
            f"{pkgname!r} is not the name of a package",
            why="a name is BASE-VERSION, such as xz-5.4.6nb1",
            reason="pkgname",
        )
    return base, version
