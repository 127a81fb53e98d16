"""Versions of packages, in the order pkg_install puts them in.

A version is read from left to right as a row of numbers, letter case aside:

    12             12
    alpha beta     -3  -2
    pre rc         -1
    pl . _         0
    a … z          0, then 1 … 26
    nb7            no number of the row: the package's revision, compared last
    anything else  skipped

The shorter of two rows goes on in zeros. So 1.1, 1a, 1_1 and 1pl1 are one version, 1.0 is 1, and
1.0rc1 comes before 1.0. Source: pkg_install, lib/dewey.c (1.13).

One difference: numbers do not overflow here. dewey.c counts in C's `int`, so that a version made
of a time to the second wraps around in pkg_add.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from buildlib.model.errors import SourceError

Key: TypeAlias = tuple[int, ...]

VERSION_MAX = 1024  # PKG_PATTERN_MAX: pkg_install cuts longer ones off
_WORDS = re.compile(
    r"(?P<number>[0-9]+)|(?P<word>alpha|beta|pre|rc|pl|[._])|nb(?P<revision>[0-9]*)|(?P<letter>[a-z])",
    re.IGNORECASE | re.ASCII,
)
_VALUES = {"alpha": -3, "beta": -2, "pre": -1, "rc": -1, "pl": 0, ".": 0, "_": 0}


def components(version: str) -> tuple[list[int], int]:
    """The row of numbers of `version`, and its revision (the number after `nb`, else 0).

    Raises SourceError (`version`) when it is longer than VERSION_MAX characters.
    """
    if len(version) > VERSION_MAX:
        raise SourceError(
            "a version is too long",
            where=version[:40] + "…",
            why=f"{len(version)} characters; pkg_install reads {VERSION_MAX}",
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
    """A tuple that sorts as `version` does; equal versions have equal keys.

    Only numbers other than 0 are written, each with its sign and place, so that trailing zeros do
    not count: a positive number weighs more the earlier it stands, a negative one less.
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
    """-1, 0 or 1, as version `a` is older than, the same as, or newer than `b`."""
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
