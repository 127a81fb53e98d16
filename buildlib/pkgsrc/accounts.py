"""Adds the users and groups that packages declare to the lists of a system.

Numbers come from the site's table and do not depend on what is free on one machine: a file that is
seen through NFS, or on a disk that moves to another server, belongs to a number. The added lines
are those that useradd(8) and groupadd(8) would write for a pkgsrc script
(mk/pkginstall/usergroupfuncs), with home `/nonexistent` and shell `/sbin/nologin` by default. No
user gets a password.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from buildlib.config.accounts import HIGHEST, LOWEST, Accounts
from buildlib.model.errors import ConfigError, SourceError
from buildlib.model.numbers import number_or_none
from buildlib.pkgsrc.pkginstall import Declarations, Group, User

TABLE = "recipes/accounts.toml"
_HOME, _SHELL = "/nonexistent", "/sbin/nologin"
_ID_MAX = (1 << 32) - 1
_UNFIT = frozenset(":\n\r\0")


@dataclass(frozen=True, slots=True)
class Lists:
    """The content of master.passwd(5), passwd(5) and group(5)."""

    master: bytes
    passwd: bytes
    group: bytes


@dataclass(frozen=True, slots=True)
class Names:
    """Name to number, for all users and groups of a system or the table."""

    users: Mapping[str, int]
    groups: Mapping[str, int]

    def uid(self, name: str, *, where: str) -> int:
        """The number of a user, given by name or number. Raises SourceError (`no-user`)."""
        return _number(name, self.users, "user", where)

    def gid(self, name: str, *, where: str) -> int:
        """The number of a group, likewise."""
        return _number(name, self.groups, "group", where)


def added(before: Lists, after: Lists) -> str:
    """The added lines, for scripts on the server, as `user NAME LINE` or `group NAME LINE`."""
    lines = []
    for what, old, new in (
        ("group", before.group, after.group),
        ("user", before.master, after.master),
    ):
        known = set(old.splitlines())
        lines += [
            f"{what} {text.partition(':')[0]} {text}\n"
            for line in new.splitlines()
            if line not in known and (text := line.decode(errors="surrogateescape"))
        ]
    return "".join(lines)


def enter(
    lists: Lists, declared: Sequence[tuple[str, Declarations]], table: Accounts
) -> tuple[Lists, Names]:
    """The lists with all users and groups that packages declare, and all numbers.

    declared  PKGNAME and declarations, in the order in which packages are installed

    Existing users and groups stay unchanged. Raises ConfigError: `no-number` for names without a
    number, with the lines to add; `other-number` for numbers that disagree. Raises SourceError:
    `pkginstall` for a text that the lists cannot contain, `no-user` for a user without a group.
    """
    users = {"root": 0} | _numbers(lists.master, lists.passwd)
    groups = {"wheel": 0} | _numbers(lists.group)
    _check_table(table, users, groups)
    new_groups = _new(
        groups, [(package, item) for package, what in declared for item in what.groups]
    )
    new_users = _new(users, [(package, item) for package, what in declared for item in what.users])
    _check_numbers(new_users, new_groups, table, users, groups)
    _check_declared(declared, {**table.users, **users}, {**table.groups, **groups})
    group_lines, user_lines = [], []
    for name in new_groups:
        groups[name] = table.groups[name]
        group_lines.append(f"{name}:*:{groups[name]}:")
    for name, (package, user) in new_users.items():
        assert isinstance(user, User)
        if user.group not in groups:
            raise SourceError(
                f"{package}: the user {name} is in the group {user.group}, which is not declared",
                where=package,
                reason="no-user",
            )
        users[name] = table.users[name]
        user_lines.append(_user_line(package, user, users[name], groups[user.group]))
    known = Names({**table.users, **users}, {**table.groups, **groups})
    return Lists(
        _with_lines(lists.master, (line.format("::0:0:") for line in user_lines)),
        _with_lines(lists.passwd, (line.format(":") for line in user_lines)),
        _with_lines(lists.group, group_lines),
    ), known


def names_of(lists: Lists) -> Names:
    """All users and groups in the lists, and those of every system."""
    return Names(
        {"root": 0} | _numbers(lists.master, lists.passwd), {"wheel": 0} | _numbers(lists.group)
    )


def _numbers(*lists: bytes) -> dict[str, int]:
    """Name to number in passwd(5) or group(5), from the third field. NIS lines are skipped."""
    found: dict[str, int] = {}
    for data in lists:
        for line in data.decode(errors="surrogateescape").split("\n"):
            fields = line.split(":", 3)
            if len(fields) > 2 and line[0] not in "#+-:":
                number = number_or_none(fields[2], most=_ID_MAX)
                if number is not None:
                    found.setdefault(fields[0], number)
    return found


def _new(
    known: Mapping[str, int], declared: Iterable[tuple[str, User | Group]]
) -> dict[str, tuple[str, User | Group]]:
    """Name to package and declaration of new users or groups; the first declaration counts."""
    new: dict[str, tuple[str, User | Group]] = {}
    for package, item in declared:
        if item.name not in known:
            new.setdefault(item.name, (package, item))
    return new


def _check_table(table: Accounts, users: Mapping[str, int], groups: Mapping[str, int]) -> None:
    """Check the table against the release. Raises ConfigError with all contradictions."""
    problems = []
    for what, listed, known in (("user", table.users, users), ("group", table.groups, groups)):
        names: dict[int, str] = {}
        for name, number in known.items():
            names.setdefault(number, name)  # toor has the same number as root
        for name, number in listed.items():
            if known.get(name, number) != number:
                problems.append(f"the {what} {name} is {number} here, {known[name]} in the release")
            elif name not in known and number in names:
                problems.append(
                    f"the {what} {name} is {number} here, which is {names[number]} in the release"
                )
    if problems:
        raise ConfigError(
            "numbers of users or groups disagree",
            where=TABLE,
            problems=tuple(problems),
            hint="the release's numbers cannot be changed; use others here",
            reason="other-number",
        )


def _check_numbers(
    new_users: Mapping[str, tuple[str, User | Group]],
    new_groups: Mapping[str, tuple[str, User | Group]],
    table: Accounts,
    users: Mapping[str, int],
    groups: Mapping[str, int],
) -> None:
    """Check that all new names are in the table. Raises ConfigError with the lines to add."""
    missing_users = {name: None for name in new_users if name not in table.users}
    missing_groups = {name: None for name in new_groups if name not in table.groups}
    if not missing_users and not missing_groups:
        return
    problems = [
        f"{package}: {what} {name}"
        for what, new, names in (
            ("group", new_groups, missing_groups),
            ("user", new_users, missing_users),
        )
        for name, (package, _) in new.items()
        if name in names
    ]
    wanted = {name: item for new in (new_users, new_groups) for name, (_, item) in new.items()}
    taken = {*users.values(), *groups.values(), *table.users.values(), *table.groups.values()}
    free = _free(
        {name: wanted[name] for name in dict.fromkeys([*missing_users, *missing_groups])},
        table,
        taken,
    )
    lines = [
        line
        for head, names in (("[users]", missing_users), ("[groups]", missing_groups))
        if names
        for line in (head, *(f"{name} = {free[name]}" for name in names))
    ]
    raise ConfigError(
        "packages declare users or groups that have no number",
        where=TABLE,
        why="a number must be the same on every server, so it is not chosen during the build",
        problems=tuple(problems),
        hint="\n".join(["add, with these numbers or others:", *lines]),
        reason="no-number",
    )


def _free(wanted: Mapping[str, User | Group], table: Accounts, taken: set[int]) -> dict[str, int]:
    """A number for each name: that of its namesake, or the one the package requests, if free."""
    result = {}
    taken = set(taken)
    free = (number for number in range(LOWEST, HIGHEST) if number not in taken)
    for name, item in wanted.items():
        requested = item.uid if isinstance(item, User) else item.gid
        twin = table.users.get(name, table.groups.get(name))
        number = twin if twin is not None else requested
        if number is None or (number in taken and number != twin):
            number = next(free, HIGHEST)
        result[name] = number
        taken.add(number)
    return result


def _check_declared(
    declared: Sequence[tuple[str, Declarations]],
    users: Mapping[str, int],
    groups: Mapping[str, int],
) -> None:
    """Check that packages get the numbers they declare. Raises ConfigError with all differences.

    Files in such a package belong to the number with which it was built.
    """
    problems = []
    for package, what in declared:
        requested = [
            *(("user", item.name, item.uid, users) for item in what.users),
            *(("group", item.name, item.gid, groups) for item in what.groups),
        ]
        problems += [
            f"{package} needs {number} for the {kind} {name}, which is {known[name]}"
            for kind, name, number, known in requested
            if number is not None and known[name] != number
        ]
    if problems:
        raise ConfigError(
            "packages declare numbers that differ from the system's",
            where=TABLE,
            problems=tuple(problems),
            hint="use the packages' numbers here",
            reason="other-number",
        )


def _user_line(package: str, user: User, uid: int, gid: int) -> str:
    """The line of passwd(5), with `{}` where master.passwd(5) has three additional fields."""
    base = package.rpartition("-")[0]
    plain = f"{user.name} user" if user.name == base else f"{base} {user.name} user"
    filled = replace(
        user,
        description=user.description or plain,
        home=user.home or _HOME,
        shell=user.shell or _SHELL,
    )
    texts = (filled.name, filled.description, filled.home, filled.shell)
    if any(_UNFIT & set(text) for text in texts):
        raise SourceError(
            f"the user {user.name!r} cannot be added",
            where=package,
            why=f"a field contains a colon or a line end: {texts}",
            reason="pkginstall",
        )
    name, *rest = (text.replace("{", "{{").replace("}", "}}") for text in texts)
    return f"{name}:*:{uid}:{gid}{{}}{':'.join(rest)}"


def _with_lines(data: bytes, lines: Iterable[str]) -> bytes:
    """The list with added lines: at the end, but before the lines that include NIS."""
    added = [line.encode(errors="surrogateescape") for line in lines]
    if not added:
        return data
    before = data.removesuffix(b"\n").split(b"\n") if data.strip() else []
    at = next(
        (number for number, line in enumerate(before) if line[:1] in {b"+", b"-"}), len(before)
    )
    return b"\n".join([*before[:at], *added, *before[at:]]) + b"\n"


def _number(name: str, known: Mapping[str, int], what: str, where: str) -> int:
    if name in known:
        return known[name]
    number = number_or_none(name, most=_ID_MAX)
    if number is not None:
        return number
    raise SourceError(
        f"there is no {what} {name}",
        where=where,
        why="it is neither in the release's lists nor in the site's table, and no package "
        "declares it",
        hint=f"give it a number in {TABLE}, and a line in an overlay's etc/passwd or etc/group",
        reason="no-user",
    )
