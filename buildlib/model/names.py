"""Rules for texts in the configuration that become a name, a path or a word of a command.

Each rule takes a text and raises ValueError if it is not valid. `Fields` checks the fields of a
table and collects all problems, each with its key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

Rule: TypeAlias = Callable[[str], object]

PATH_LIMIT, NAME_LIMIT = 1023, 255  # bytes: NetBSD's MAXPATHLEN without the NUL, and NAME_MAX
LABEL_LIMIT = 100  # characters: a product's name has two labels and its endings
TIME_LIMIT = (1 << 31) - 1  # the latest time that FFS version 1 can store
TIME_REASON = "FFS version 1 has 32 bits for it, up to 2038, and no build is older than 1970"
LINE_LIMIT = 1023  # bytes of a command line: Xen and NetBSD drop the rest silently
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")
_WORD = re.compile(r"[!#-&(-\[\]-~]+\Z")  # ASCII without blanks, quotes and backslashes
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_name(name: str, what: str) -> None:
    """Names become file and task names. Raises ValueError for one that cannot."""
    if not _NAME.match(name) or len(name) > NAME_LIMIT:
        raise ValueError(f"{what} {shown(name)!r}: letters, digits and . _ + - only, not first")


def shown(text: str) -> str:
    """`text` for an error, shortened."""
    return text if len(text) <= 80 else f"{text[:77]}…"


# rules


def name(text: str) -> None:
    """A file's or task's name."""
    check_name(text, "name")


def label(text: str) -> None:
    """The name of a release or system, which is part of the names of products and volumes."""
    check_name(text, "name")
    if len(text) > LABEL_LIMIT:
        raise ValueError(f"{shown(text)!r} has {len(text)} characters; at most {LABEL_LIMIT} "
                         "are allowed")


def variable(text: str) -> None:
    """A name in the environment of a program."""
    if not _VARIABLE.match(text):
        raise ValueError(f"{shown(text)!r} is not the name of a variable")


def below(text: str) -> str:
    """`text`, if it is a path below a folder in the form that trees have.

    That is: no empty names, no `.` or `..`, no `/` at either end, and within NetBSD's limits.
    Raises ValueError.
    """
    names = text.split("/")
    if any(part in {"", ".", ".."} for part in names):
        raise ValueError(f"path {shown(text)!r} must be a path below its folder" + _plain(names))
    size = len(text.encode(errors="surrogateescape"))
    if size > PATH_LIMIT:
        raise ValueError(f"{shown(text)}: a path of {size} bytes; NetBSD allows {PATH_LIMIT}")
    longest = max(len(part.encode(errors="surrogateescape")) for part in names)
    if longest > NAME_LIMIT:
        raise ValueError(f"{shown(text)}: a name of {longest} bytes; NetBSD allows {NAME_LIMIT}")
    return text


def _plain(names: list[str]) -> str:
    plain = [part for part in names if part not in {"", "."}]
    return f": write {shown('/'.join(plain))!r}" if plain and ".." not in plain else ""


def covers(folders: Iterable[str], path: str) -> bool:
    """Whether `path` is one of `folders`, or below one."""
    return any(f"{path}/".startswith(f"{folder}/") for folder in folders)


def path(text: str) -> None:
    """A path in a configuration: like `below`, and without invisible characters."""
    sentence(text)
    below(text)


def full_path(text: str) -> None:
    """A path from the root of a system."""
    if not text.startswith("/"):
        raise ValueError(f"{shown(text)!r} must be a full path")
    path(text[1:])


def word(text: str) -> None:
    """A word of the command line of Xen or a kernel, which they split at blanks and quotes."""
    if not _WORD.match(text):
        raise ValueError(
            f"{shown(text)!r} is not a word of a command line: use ASCII without blanks, quotes "
            "and backslashes, and give each word separately" if text else "an empty word")


def title(text: str) -> None:
    """A title in a menu, without the characters that GRUB interprets."""
    sentence(text)
    if set(text) & set('"$\\'):
        raise ValueError(f'{shown(text)!r}: a title cannot have ", $ or \\')


def sentence(text: str) -> None:
    """Any text on one line."""
    if not text or text.isspace():
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError(f"{shown(text)!r} has unprintable characters")


def line(text: str) -> None:
    """A text without blanks: a URL, a pattern."""
    sentence(text)
    if " " in text:
        raise ValueError(f"{shown(text)!r} contains a blank")


def expression(text: str) -> None:
    """A regular expression; an empty one matches at once."""
    if text:
        sentence(text)
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{shown(text)!r} is not a regular expression: {error}") from None


# fields


class FieldProblems(ValueError):  # noqa: N818  a plural
    """The problems with the fields of a table, as pairs (key, problem)."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {problem}" for key, problem in found))
        self.found = found


class Fields:
    """Checks fields against rules, and collects the problems."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def one(self, key: str, text: str, rule: Rule, *, empty: bool = False) -> None:
        """Check a text; `empty`: whether it may be empty, which means that there is none."""
        if empty and not text:
            return
        try:
            rule(text)
        except ValueError as error:
            self.found.append((key, str(error)))

    def all(self, key: str, texts: Iterable[str], rule: Rule, *, twice: bool = True) -> None:
        """Check a list; `twice`: whether an item may occur again."""
        seen = set()
        for number, text in enumerate(texts):
            self.one(f"{key}[{number}]", text, rule)
            self.that(f"{key}[{number}]", twice or text not in seen,
                      f"{shown(text)} is there twice")
            seen.add(text)

    def keys(self, key: str, table: Mapping[str, object], rule: Rule) -> None:
        """Check the keys of a table."""
        for text in table:
            self.one(f"{key}.{text}", text, rule)

    def number(self, key: str, number: int, least: int, most: int) -> None:
        """Check that a number is within limits, both allowed."""
        self.that(key, least <= number <= most, f"must be a number from {least} to {most}, is "
                  f"{shown_number(number)}")

    def time(self, key: str, seconds: int) -> None:
        """Check that every image format can store a time."""
        self.that(key, 0 <= seconds <= TIME_LIMIT, time_problem(seconds))

    def that(self, key: str, is_right: bool, problem: str) -> None:
        """Check anything else."""
        if not is_right:
            self.found.append((key, problem))


@contextmanager
def fields() -> Iterator[Fields]:
    """Raises FieldProblems with all problems that were found inside."""
    found = Fields()
    yield found
    if found.found:
        raise FieldProblems(found.found)


def shown_number(number: int) -> str:
    """A number for an error; Python refuses to write one of more than 4,300 digits."""
    return str(number) if abs(number) < 10**40 else "one of more than 40 digits"


def time_problem(seconds: int) -> str:
    """Why a time is refused."""
    return f"the time {shown_number(seconds)} cannot be written: {TIME_REASON}"
