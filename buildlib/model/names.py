"""Rules for configuration values that become a name, a path or an argument.

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
TIME_REASON = "FFS version 1 stores times in 32 bits, from 1970 to 2038"
LINE_LIMIT = 1023  # bytes of a command line: Xen and NetBSD drop the rest silently
SHIPPED = "goldmaster:"  # prefix of names that come with the package, not with the project
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")
_WORD = re.compile(r"[!#-&(-\[\]-~]+\Z")  # ASCII without spaces, quotes and backslashes
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_name(name: str, what: str) -> None:
    """Check a name that becomes a file or task name. Raises ValueError for an invalid one."""
    if not _NAME.match(name) or len(name) > NAME_LIMIT:
        raise ValueError(
            f"{what} {shown(name)!r}: use only letters, digits and . _ + -; "
            "begin with a letter or digit"
        )


def shown(text: str) -> str:
    """`text` shortened for an error message."""
    return text if len(text) <= 80 else f"{text[:77]}…"


# rules


def name(text: str) -> None:
    """The name of a file or task."""
    check_name(text, "name")


def label(text: str) -> None:
    """The name of a release or system; it becomes part of product and volume names."""
    check_name(text, "name")
    if len(text) > LABEL_LIMIT:
        raise ValueError(
            f"{shown(text)!r} has {len(text)} characters; at most {LABEL_LIMIT} are allowed"
        )


def variable(text: str) -> None:
    """The name of an environment variable."""
    if not _VARIABLE.match(text):
        raise ValueError(f"{shown(text)!r} is not a valid variable name")


def below(text: str) -> str:
    """Return `text` if it is a path as trees contain them; raise ValueError otherwise.

    Such a path has no empty names, no `.` or `..`, no `/` at either end, and stays within NetBSD's
    limits.
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


def shipped(rule: Rule) -> Rule:
    """`rule` for a name that may begin with SHIPPED."""
    return lambda text: rule(bare(text))


def bare(text: str) -> str:
    """A name without the prefix SHIPPED."""
    return text.removeprefix(SHIPPED)


def full_path(text: str) -> None:
    """A path from the root of a system."""
    if not text.startswith("/"):
        raise ValueError(f"{shown(text)!r} must be a full path")
    path(text[1:])


def word(text: str) -> None:
    """An argument for Xen or a kernel; both split their command line at spaces and quotes."""
    if not _WORD.match(text):
        raise ValueError(
            f"{shown(text)!r} is not a single argument: use ASCII without spaces, quotes "
            "and backslashes, and give each argument separately"
            if text
            else "an empty argument"
        )


def title(text: str) -> None:
    """A menu title without the characters that GRUB interprets."""
    sentence(text)
    if set(text) & set('"$\\'):
        raise ValueError(f'{shown(text)!r}: a title cannot contain ", $ or \\')


def sentence(text: str) -> None:
    """Any text on one line."""
    if not text or text.isspace():
        raise ValueError("is empty")
    if not text.isprintable():
        raise ValueError(f"{shown(text)!r} contains unprintable characters")


def line(text: str) -> None:
    """A text without spaces, such as a URL or a pattern."""
    sentence(text)
    if " " in text:
        raise ValueError(f"{shown(text)!r} contains a space")


def expression(text: str) -> None:
    """A regular expression; an empty one matches immediately."""
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
        """Check a text. `empty` allows the empty text, which means that no value is set."""
        if empty and not text:
            return
        try:
            rule(text)
        except ValueError as error:
            self.found.append((key, str(error)))

    def all(self, key: str, texts: Iterable[str], rule: Rule, *, twice: bool = True) -> None:
        """Check a list. `twice` allows an item to occur more than once."""
        seen = set()
        for number, text in enumerate(texts):
            self.one(f"{key}[{number}]", text, rule)
            self.that(
                f"{key}[{number}]", twice or text not in seen, f"{shown(text)} is given twice"
            )
            seen.add(text)

    def keys(self, key: str, table: Mapping[str, object], rule: Rule) -> None:
        """Check the keys of a table."""
        for text in table:
            self.one(f"{key}.{text}", text, rule)

    def number(self, key: str, number: int, least: int, most: int) -> None:
        """Check that a number is from `least` to `most`, both inclusive."""
        self.that(
            key,
            least <= number <= most,
            f"must be a number from {least} to {most}, is {shown_number(number)}",
        )

    def time(self, key: str, seconds: int) -> None:
        """Check that every image format can store a time."""
        self.that(key, 0 <= seconds <= TIME_LIMIT, time_problem(seconds))

    def that(self, key: str, is_right: bool, problem: str) -> None:
        """Check any other condition."""
        if not is_right:
            self.found.append((key, problem))


@contextmanager
def fields() -> Iterator[Fields]:
    """Collect the problems found inside the block; raise FieldProblems with all of them."""
    found = Fields()
    yield found
    if found.found:
        raise FieldProblems(found.found)


def shown_number(number: int) -> str:
    """A number for an error message. Python refuses to print more than 4,300 digits."""
    return str(number) if abs(number) < 10**40 else "one of more than 40 digits"


def time_problem(seconds: int) -> str:
    """Why a time is rejected."""
    return f"the time {shown_number(seconds)} cannot be written: {TIME_REASON}"
