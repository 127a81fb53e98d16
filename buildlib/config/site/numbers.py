"""Compares the numbers of a site's NIS users with those that packages get.

A number belongs to one user: files on NFS and on mirrors record it, wherever the name comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from buildlib.config.accounts import Accounts
from buildlib.config.reading.toml_file import read_toml
from buildlib.config.shconf import Problem
from buildlib.host.reading import read_small
from buildlib.model.errors import ConfigError
from buildlib.model.numbers import whole_number

TABLE = "recipes/accounts.toml"
_MOST = 2**31 - 1  # highest id in NetBSD's tools (id_t has 32 bits, and -1 means none)


def package_numbers(project: Path) -> Accounts:
    """The table of a checkout; builds of images report its problems."""
    try:
        return read_toml(project / TABLE, name=TABLE).load(Accounts)
    except ConfigError:
        return Accounts()


def number_problems(site: Path, accounts: Accounts) -> list[Problem]:
    """Contradictions between `global/nis/passwd` and `group` and the table of packages' users.

    A missing list is ignored.
    """
    lists = (("passwd", "user", accounts.users), ("group", "group", accounts.groups))
    return [
        problem
        for name, kind, numbers in lists
        for problem in _of_list(site, f"global/nis/{name}", kind, numbers)
    ]


def _of_list(site: Path, path: str, kind: str, numbers: Mapping[str, int]) -> Iterator[Problem]:
    owners = {number: name for name, number in numbers.items()}
    try:
        text = read_small(site / path).decode(errors="surrogateescape")
    except FileNotFoundError:
        return
    except OSError as error:
        yield Problem(path, 0, f"cannot be read: {error.strerror}", reason="unreadable")
        return
    for at, line in enumerate(text.split("\n"), 1):
        name, *rest = line.split(":")
        if len(rest) < 2 or not rest[1] or name.startswith("#"):
            continue
        try:
            number = whole_number(rest[1], most=_MOST)
        except ValueError as error:
            yield Problem(
                path,
                at,
                f"the {kind} {name} has no number: {error}",
                f"write a number from 0 to {_MOST}",
                "value",
            )
            continue
        if numbers.get(name, number) != number:
            what = f"the {kind} {name} is {number} here, {numbers[name]} in {TABLE}"
            yield Problem(path, at, what, "use the same number in both", "other-number")
        elif name not in numbers and number in owners:
            what = f"the {kind} {name} is {number} here, which is {owners[number]}'s in {TABLE}"
            yield Problem(path, at, what, "give one of them another number", "other-number")
