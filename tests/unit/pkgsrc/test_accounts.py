"""Users and groups of packages, added to a system's lists with the site's numbers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from buildlib.config.accounts import Accounts
from buildlib.config.site.example import write_example
from buildlib.model.errors import ConfigError, GoldmasterError, SourceError
from buildlib.model.schema import load
from buildlib.pkgsrc.accounts import Lists, Names, enter
from buildlib.pkgsrc.pkginstall import Declarations, Group, User

RECIPES = Path(__file__).parents[3] / "recipes"
LISTS = Lists(
    master=b"root:*:0:0::0:0:Charlie &:/root:/bin/sh\ntoor:*:0:0::0:0::/root:/bin/sh\n"
    b"games:*:7:13::0:0:& pseudo-user:/usr/games:/sbin/nologin\n",
    passwd=b"root:*:0:0:Charlie &:/root:/bin/sh\ntoor:*:0:0::/root:/bin/sh\n"
    b"games:*:7:13:& pseudo-user:/usr/games:/sbin/nologin\n",
    group=b"wheel:*:0:root\ngames:*:13:\n",
)
TABLE = Accounts({"www": 500, "log": 501}, {"www": 500, "logs": 510})
WWW = Declarations(groups=(Group("www"),), users=(User("www", "www"),))


def enters(
    *declared: Declarations, table: Accounts = TABLE, lists: Lists = LISTS
) -> tuple[Lists, Names]:
    return enter(lists, [(f"p{number}-1.0", what) for number, what in enumerate(declared)], table)


def test_lines_are_what_useradd_would_write() -> None:
    full = Declarations(
        groups=(Group("logs"),),
        users=(User("log", "logs", None, "The {Logger}", "/var/log/x", "/usr/pkg/bin/bash"),),
    )
    after, names = enters(WWW, full, WWW)
    assert after.master == LISTS.master + (
        b"www:*:500:500::0:0:p0 www user:/nonexistent:/sbin/nologin\n"
        b"log:*:501:510::0:0:The {Logger}:/var/log/x:/usr/pkg/bin/bash\n"
    )
    assert after.passwd == LISTS.passwd + (
        b"www:*:500:500:p0 www user:/nonexistent:/sbin/nologin\n"
        b"log:*:501:510:The {Logger}:/var/log/x:/usr/pkg/bin/bash\n"
    )
    assert after.group == LISTS.group + b"www:*:500:\nlogs:*:510:\n"
    assert (names.uid("log", where=""), names.gid("logs", where="")) == (501, 510)
    assert (names.uid("root", where=""), names.gid("games", where="")) == (0, 13)
    assert (names.uid("12", where=""), names.gid("0", where="")) == (12, 0)


def test_entering_twice_changes_nothing_more() -> None:
    once, names = enters(WWW)
    assert enters(WWW, lists=once) == (once, names)


def test_a_user_called_as_the_package_is_described_so() -> None:
    after, _ = enter(LISTS, [("www-2.1nb3", WWW)], TABLE)
    assert b":www user:" in after.passwd


def test_whoever_is_there_stays_as_it_is() -> None:
    games = Declarations(
        groups=(Group("games", 13),), users=(User("games", "games", 7, "Other", "/", "/bin/sh"),)
    )
    assert enters(games)[0] == LISTS
    assert enters(Declarations()) == (LISTS, enters(games)[1])


def test_lines_of_nis_stay_last() -> None:
    """A look-up that reaches `+` queries NIS, so lines after it are found late or never."""
    lists = Lists(
        LISTS.master + b"+:*::::::::\n", LISTS.passwd + b"+:*:0:0:::\n", LISTS.group + b"+:*::\n"
    )
    after, _ = enters(WWW, lists=lists)
    for data in (after.master, after.passwd, after.group):
        assert [line[:1] for line in data.splitlines()[-2:]] == [b"w", b"+"]


def test_empty_lists_begin_with_the_new_lines() -> None:
    after, names = enters(WWW, lists=Lists(b"", b"", b""))
    assert after.group == b"www:*:500:\n"
    assert names.uid("root", where="") == 0


def refused(*declared: Declarations, table: Accounts = TABLE) -> GoldmasterError:
    with pytest.raises(GoldmasterError) as caught:
        enters(*declared, table=table)
    return caught.value


def test_names_without_a_number_are_told_with_the_lines_to_add() -> None:
    new = Declarations(
        groups=(Group("new"), Group("db", 520), Group("log")),
        users=(User("new", "new"), User("db", "db", 520), User("only", "www"), User("www", "www")),
    )
    error = refused(new, WWW)
    assert isinstance(error, ConfigError)
    assert (error.reason, error.where) == ("no-number", "recipes/accounts.toml")
    assert "p0-1.0: user new" in error.problems
    assert "p0-1.0: group log" in error.problems
    assert not any("www" in problem for problem in error.problems)
    assert error.hint is not None
    _, *lines = error.hint.splitlines()
    more = tomllib.loads("\n".join(lines))
    # the requested number, the number of the namesake, or else the next free one
    assert more == {
        "users": {"new": 502, "db": 520, "only": 503},
        "groups": {"new": 502, "db": 520, "log": 501},
    }
    table = load(
        Accounts,
        {kind: dict(getattr(TABLE, kind)) | more[kind] for kind in more},
        where="accounts.toml",
    )
    after, _ = enters(new, WWW, table=table)
    assert after.group.endswith(b"new:*:502:\ndb:*:520:\nlog:*:501:\nwww:*:500:\n")


def test_the_lines_to_add_are_the_same_whoever_asks() -> None:
    new = Declarations(users=tuple(User(name, "www") for name in "abc"))
    assert refused(new, WWW).hint == refused(new, WWW).hint


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (Accounts({"games": 600}, {}), "the user games is 600 here, 7 in the release"),
        (Accounts({}, {"games": 600}), "the group games is 600 here, 13 in the release"),
        (Accounts({"www": 7}, {}), "the user www is 7 here, which is games in the release"),
        (Accounts({}, {"www": 13}), "the group www is 13 here, which is games in the release"),
    ],
)
def test_a_table_that_disagrees_with_the_release(table: Accounts, problem: str) -> None:
    error = refused(Declarations(), table=table)
    assert isinstance(error, ConfigError)
    assert (error.reason, error.problems) == ("other-number", (problem,))


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (Declarations(users=(User("www", "www", 80),)), "needs 80 for the user www, which is 500"),
        (Declarations(groups=(Group("www", 80),)), "needs 80 for the group www, which is 500"),
        (Declarations(users=(User("games", "www", 8),)), "needs 8 for the user games, which is 7"),
    ],
)
def test_a_package_that_wants_another_number(declared: Declarations, problem: str) -> None:
    """Its files are packed with the number with which it was built."""
    error = refused(declared)
    assert isinstance(error, ConfigError)
    assert (error.reason, error.problems) == ("other-number", (f"p0-1.0 {problem}",))


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (Declarations(users=(User("www", "nobody-has-it"),)), "no-user"),
        (
            Declarations(groups=(Group("www"),), users=(User("www", "www", None, "a\nb"),)),
            "pkginstall",
        ),
    ],
)
def test_what_cannot_be_entered(declared: Declarations, reason: str) -> None:
    error = refused(declared)
    assert isinstance(error, SourceError)
    assert error.reason == reason


def test_an_owner_nobody_knows() -> None:
    with pytest.raises(SourceError) as caught:
        enters()[1].uid("nobody-has-it", where="p-1: /usr/pkg/x")
    assert (caught.value.reason, caught.value.where) == ("no-user", "p-1: /usr/pkg/x")


@pytest.mark.parametrize(
    ("users", "problem"),
    [
        ({"a": 500, "b": 500}, "users: a and b both have 500"),
        ({"a": 0}, "users.a: must be a number from 1 to 59999, is 0"),
        ({"a": 60000}, "users.a: must be a number from 1 to 59999, is 60000"),
        ({"A b": 500}, "users.A b: not a valid name for a user or group"),
    ],
)
def test_a_bad_table(users: dict[str, int], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Accounts, {"users": users}, where="accounts.toml")
    assert problem in str(caught.value)


def test_the_table_agrees_with_the_example_site(tmp_path: Path) -> None:
    """A number means one user, whether it comes from a package or from NIS."""
    table = load(Accounts, tomllib.loads((RECIPES / "accounts.toml").read_text()), where="table")
    write_example(tmp_path / "site")
    for numbers, name in ((table.users, "passwd"), (table.groups, "group")):
        text = (tmp_path / "site/global/nis" / name).read_text()
        shared = {
            found: int(number)
            for found, number in re.findall(r"^(\w+):[^:]*:(\d+):", text, re.MULTILINE)
        }
        assert shared
        for user, number in shared.items():
            assert numbers.get(user, number) == number
            assert number not in {value for key, value in numbers.items() if key != user}
