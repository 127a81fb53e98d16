"""The numbers of packages' users and groups, identical on every server of a site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LOWEST, HIGHEST = 500, 59_999
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")


@dataclass(frozen=True, slots=True)
class Accounts:
    """`recipes/accounts.toml`: name to number.

    A number is assigned once and kept, even if no package has the name any more: files on disks
    and NFS record the number, not the name.
    """

    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [*_problems("users", self.users), *_problems("groups", self.groups)]
        if problems:
            raise ValueError("; ".join(problems))


def _problems(what: str, numbers: Mapping[str, int]) -> Iterator[str]:
    taken: dict[int, str] = {}
    for name, number in numbers.items():
        if not _NAME.match(name):
            yield f"{what}.{name}: not a valid name for a user or group"
        if not 0 < number <= HIGHEST:
            yield f"{what}.{name}: must be a number from 1 to {HIGHEST}, is {number}"
        if number in taken:
            yield f"{what}: {taken[number]} and {name} both have {number}"
        taken.setdefault(number, name)
