"""Numbers of a site's users by NIS, held against those that packages get.

A number means one user: files on NFS and on mirrors have it, wherever the name comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from buildlib.config.accounts import Accounts
from buildlib.config.shconf import Problem
from buildlib.config.toml_file import read_toml
from buildlib.host.reading import read_small
from buildlib.model.errors import ConfigError
from buildlib.model.numbers import whole_number
from buildlib.model.schema import load

TABLE = "recipes/accounts.toml"
_MOST = 2**31 - 1  # of ids that NetBSD's tools take (id_t is 32 bits, and -1 is nobody's)


def package_numbers(project: Path) -> Accounts:
    """The table of a checkout; what is wrong with it is told where images are built."""
    try:
        return load(Accounts, read_toml(project / TABLE, name=TABLE), where=TABLE)
    except ConfigError:
        return Accounts()


def number_problems(site: Path, accounts: Accounts) -> list[Problem]:
    """Where `global/nis/passwd` and `group` say otherwise than the table of packages' users.

    A list that is not there has nothing to say.
    """
    lists = (("passwd", "user", accounts.users), ("group", "group", accounts.groups))
    return [problem for name, kind, numbers in lists
            for problem in _of_list(site, f"global/nis/{name}", kind, numbers)]


def _of_list(
    site: Path, path: str, kind: str, numbers: Mapping[str, int]
) -> Iterator[Problem]:
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
            yield Problem(path, at, f"the {kind} {name} has no number: {error}",
                          f"a number is from 0 to {_MOST}", "value")
            continue
        if numbers.get(name, number) != number:
            what = f"the {kind} {name} is {number} here, {numbers[name]} in {TABLE}"
            yield Problem(path, at, what, "say the same in both", "other-number")
        elif name not in numbers and number in owners:
            what = f"the {kind} {name} is {number} here, which is {owners[number]} in {TABLE}"
            yield Problem(path, at, what, "give one of them another number", "other-number")
