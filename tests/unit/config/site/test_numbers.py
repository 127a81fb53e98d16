"""Users of NIS and users of packages: one number, one user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.config.accounts import Accounts
from buildlib.config.site.example import write_example
from buildlib.config.site.numbers import number_problems, package_numbers

TABLE = Accounts({"pgsql": 501, "web": 2001}, {"pgsql": 501})
PROJECT = Path(__file__).parents[4]


def problems(folder: Path, passwd: str, group: str = "") -> list[str]:
    place = folder / "global/nis"
    place.mkdir(parents=True)
    (place / "passwd").write_text(passwd)
    (place / "group").write_text(group)
    return [
        f"{problem.file}:{problem.line}: {problem.what}"
        for problem in number_problems(folder, TABLE)
    ]


def test_what_agrees(tmp_path: Path) -> None:
    assert (
        problems(
            tmp_path,
            "web:*:2001:2001::/:/bin/sh\nann:*:2002:1\n\n# x:*:501:\n+:*:::\n",
            "pgsql:*:501:\nweb:*:2001:\n",
        )
        == []
    )


def test_what_does_not(tmp_path: Path) -> None:
    assert problems(tmp_path, "ann:*:501:1\nweb:*:2002:1\n", "\nann:*:501:\n") == [
        "global/nis/passwd:1: the user ann is 501 here, which is pgsql's in recipes/accounts.toml",
        "global/nis/passwd:2: the user web is 2002 here, 2001 in recipes/accounts.toml",
        "global/nis/group:2: the group ann is 501 here, which is pgsql's in recipes/accounts.toml",
    ]


@pytest.mark.parametrize(
    "text",
    ["²", "9" * 5000, "4294967296", "-1", "1x", "٣"],
    ids=["superscript", "5000 digits", "33 bits", "minus", "letter", "arabic"],
)
def test_what_is_no_number(tmp_path: Path, text: str) -> None:
    lines = problems(tmp_path, f"ann:*:{text}:1\nbob:*:0{'0' * 4400}7:1\n", f"web:*:{text}:\n")
    assert [line.partition(" has no number: ")[0] for line in lines] == [
        "global/nis/passwd:1: the user ann",
        "global/nis/group:1: the group web",
    ]


def test_a_list_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "global/nis/group").mkdir(parents=True)
    os.mkfifo(tmp_path / "global/nis/passwd")
    assert [f"{problem}" for problem in number_problems(tmp_path, TABLE)] == [
        "global/nis/passwd: cannot be read: not a regular file",
        "global/nis/group: cannot be read: it is a folder, not a file",
    ]


def test_a_site_without_lists_has_nothing_to_say(tmp_path: Path) -> None:
    assert number_problems(tmp_path, TABLE) == []


def test_the_example_agrees_with_the_checkout_s_table(tmp_path: Path) -> None:
    write_example(tmp_path / "site")
    accounts = package_numbers(PROJECT)
    assert accounts.users
    assert number_problems(tmp_path / "site", accounts) == []


@pytest.mark.parametrize("text", [None, "[users", "users = 1\n", "[users]\na = 0\n"])
def test_a_table_that_cannot_be_read_is_another_s_business(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "recipes").mkdir()
        (tmp_path / "recipes/accounts.toml").write_text(text)
    assert package_numbers(tmp_path) == Accounts()
