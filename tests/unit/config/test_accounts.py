"""`recipes/accounts.toml`: numbers that stay."""

from __future__ import annotations

import re

import pytest

from buildlib.config.accounts import HIGHEST, Accounts


def test_each_kind_has_its_own_numbers() -> None:
    found = Accounts({"a": 500, "_b-1": HIGHEST}, {"a": 500, "x" * 31: 1})
    assert found.users == {"a": 500, "_b-1": 59_999}
    assert Accounts() == Accounts({}, {})


@pytest.mark.parametrize(
    ("users", "groups", "wrong"),
    [
        ({"A": 500}, {}, "users.A: not a valid name for a user or group"),
        ({"1a": 500}, {}, "users.1a: not a valid name for a user or group"),
        ({}, {"x" * 32: 500}, f"groups.{'x' * 32}: not a valid name for a user or group"),
        ({"a\n": 500}, {}, "users.a\n: not a valid name for a user or group"),
        ({"a": 0}, {}, "users.a: must be a number from 1 to 59999, is 0"),
        ({}, {"a": 60_000}, "groups.a: must be a number from 1 to 59999, is 60000"),
        ({"a": 5, "b": 6, "c": 5}, {}, "users: a and c both have 5"),
        (
            {"a": -1},
            {"B": 7},
            (
                "users.a: must be a number from 1 to 59999, is -1; "
                "groups.B: not a valid name for a user or group"
            ),
        ),
    ],
)
def test_what_is_refused(users: dict[str, int], groups: dict[str, int], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(wrong)}$"):
        Accounts(users, groups)
