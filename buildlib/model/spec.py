r"""Handwritten specs that accompany a folder, in the language of mtree(8).

    /set type=file uname=root gname=wheel          defaults for the following lines, until /unset
    ./etc/secret mode=0600                         a path from the root, since it has a slash
    etc type=dir                                   or one name, below the preceding folder
        rc.conf mode=u=rw,go=r                     …
    ..                                             back to the parent folder

`#` begins a comment; a backslash at the end of a line joins it with the next. Names and links are
decoded as unvis(3) does. Every keyword of mtree(8) either has its effect or is rejected by name. An
unknown keyword is an error: a misspelt `mode` could leave a file open to everyone.

Stricter than mtree(8): a path may occur only once, no escape may leave the tree, and patterns are
rejected.
Source: NetBSD's usr.sbin/mtree/misc.c 1.30.8.2 of 2013 (parsekey), spec.c 1.80.2.3 of 2014 (spec,
set), mtree.8; fparseln(3), unvis(3), setmode(3). Tests compare the result with NetBSD's own mtree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from buildlib.model.errors import ConfigError
from buildlib.model.mtree_keywords import (
    ESCAPE,
    OWNERS,
    decoded_name,
    keywords_of,
    known,
    shown_bytes,
)
from buildlib.model.names import PATH_LIMIT, below
from buildlib.model.text import BOM
from buildlib.model.tree import ROOT

SHOWN = 20  # problems reported for one file
PROBLEMS_MAX = 1000  # the reader stops after this many problems
_WORD_MAX = 1 << 16  # bytes of a path before it is decoded
_FEW = 1000
_COMMENTED = re.compile(rb"((?:[^\\#]|\\.)*\\?)", re.DOTALL)
_PATTERN = re.compile(rb"[*?]|\[[^][]*\]")  # stops at a second [, which would take n² steps


@dataclass(frozen=True, slots=True)
class SpecLine:
    """A path's line in a spec: its number, and its keywords with normalised values."""

    line: int
    keywords: Mapping[str, str]

    def says(self, keyword: str) -> bool:
        """Whether the line has the keyword."""
        return keyword in self.keywords


def read_spec(spec: bytes, *, where: str) -> dict[str, SpecLine]:
    """Path to its line in the spec. Raises ConfigError that lists every wrong line."""
    reader, problems = _Reader(), list[tuple[int, str]]()
    for number, line in _lines(spec.removeprefix(BOM)):
        try:
            reader.take(number, line)
        except ValueError as error:
            problems.append((number, str(error)))
            if len(problems) == PROBLEMS_MAX:
                break
    if problems:
        raise spec_error(problems, where=where)
    return reader.said


def spec_error(problems: list[tuple[int, str]], *, where: str) -> ConfigError:
    """One error for all problems of a spec, given as pairs (line, problem)."""
    if len(problems) == 1:
        line, problem = problems[0]
        return ConfigError(problem, where=f"{where}:{line}", reason="mtree")
    listed = [f"line {line}: {problem}" for line, problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        listed.append(f"and {len(problems) - SHOWN} more")
    count = f"{len(problems)}{' or more' if len(problems) == PROBLEMS_MAX else ''}"
    return ConfigError(
        f"the spec has {count} problems", where=where, problems=tuple(listed), reason="mtree"
    )


def _lines(spec: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and text of each line as fparseln(3) returns them: joined, without comments."""
    begun, pieces = 0, list[bytes]()
    for number, line in enumerate(spec.split(b"\n"), 1):
        text = line.removesuffix(b"\r")
        if b"#" in text and (match := _COMMENTED.match(text)):
            text = match[1]
            if not text and pieces:
                continue
        begun = begun if pieces else number
        if (len(text) - len(text.rstrip(b"\\"))) % 2:
            pieces.append(text[:-1])
            continue
        yield begun, b"".join([*pieces, text])
        pieces.clear()
    if pieces:
        yield begun, b"".join(pieces)


class _Reader:
    """The lines so far, the defaults of /set, and the folder for names without a slash."""

    def __init__(self) -> None:
        self.said: dict[str, SpecLine] = {}
        self._defaults: dict[str, str] = {}
        self._read: dict[tuple[bytes, ...], dict[str, str]] = {}
        self._folder: str | None = ROOT  # None: not known
        self._left = False  # the root, by `..`

    def take(self, number: int, line: bytes) -> None:
        """Take one line. Raises ValueError."""
        words = line.split()
        if not words:
            return
        if b"\0" in line:
            raise ValueError("a spec cannot contain a NUL")
        head, *rest = words
        if head == b"/set":
            own = keywords_of(rest)
            self._defaults = _over(self._defaults, own)
        elif head == b"/unset":
            self._unset(
                [
                    known(word.decode("ascii", "replace")) if word != b"all" else "all"
                    for word in rest
                ]
            )
        elif head == b"..":
            self._up(rest)
        else:
            self._entry(number, head, rest)

    def _unset(self, names: list[str]) -> None:
        for name in names:
            if name == "all":
                self._defaults.clear()
            self._defaults.pop(name, None)

    def _up(self, rest: list[bytes]) -> None:
        if rest:
            raise ValueError("`..` must be alone on its line")
        if self._left:
            raise ValueError("`..`: there is no folder above the root")
        if self._folder is None:
            raise ValueError("`..`: the line before has no type; write type=dir there")
        self._left = self._folder == ROOT
        self._folder = _parent(self._folder)

    def _entry(self, number: int, head: bytes, rest: list[bytes]) -> None:
        path = self._path(head)
        # set before the checks, so that the lines after a wrong one are checked too
        self._folder = path if path == ROOT or b"type=dir" in rest else _parent(path)
        self._left = False
        keywords = _over(self._defaults, self._keywords(tuple(rest)))
        kind = keywords.get("type", "dir" if path == ROOT else "")
        self._folder = None if not kind else path if kind == "dir" else _parent(path)
        if path in self.said:
            raise ValueError(f"{path}: line {self.said[path].line} already describes it")
        self.said[path] = SpecLine(number, keywords)

    def _keywords(self, words: tuple[bytes, ...]) -> dict[str, str]:
        """The keywords of a line, cached: most lines of a long spec have the same ones."""
        found = self._read.get(words)
        if found is None:
            found = keywords_of(words)
            if len(self._read) < _FEW:
                self._read[words] = found
        return found

    def _path(self, word: bytes) -> str:
        if len(word) > _WORD_MAX:
            raise ValueError(
                f"{shown_bytes(word[:_WORD_MAX])}: a path of {len(word)} bytes; "
                f"NetBSD allows {PATH_LIMIT}"
            )
        if _PATTERN.search(ESCAPE.sub(b"", word)):
            raise ValueError(
                f"{shown_bytes(word)}: patterns are not supported; write one line for each path, "
                r"and \052 for *, \077 for ?, \133 for ["
            )
        path = decoded_name(word)
        if path == ROOT:
            return ROOT
        if path.startswith("/"):
            raise ValueError(f"{path}: begin a path with ./; only /set and /unset begin with /")
        if "/" in path:
            path = path.removeprefix("./")
        elif self._left:
            raise ValueError(f"{path}: a path cannot be above the root")
        elif self._folder is None:
            raise ValueError(
                f"{path}: the line before has no type, so the folder is unknown; "
                f"write ./{path}, or a type= there"
            )
        elif self._folder != ROOT:
            path = f"{self._folder}/{path}"
        return below(path)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or ROOT


def _over(defaults: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Defaults and the line's own keywords; the line's own win. An owner given by number replaces a
    default by name, and vice versa.
    """
    said = {OWNERS[key] for key in own if key in OWNERS}
    return {**{key: value for key, value in defaults.items() if key not in said}, **own}
