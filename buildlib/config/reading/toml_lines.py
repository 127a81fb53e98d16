"""Finds the lines of keys in a TOML document, for errors.

The parser of Python's library does not say where a key was. So the document, which that parser has
accepted, is read once more; values are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildlib.model import toml

# A string, a comment, a sign, or a word: a bare key, or a part of a number or time.
_TOKEN = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"{3,5}'
    r"|'''[^']*(?:'(?!'')[^']*)*'{3,5}"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*+\'|#[^\n]*+|[][{}=,.\n]|[^][{}=,.\n"\'#\s]++',
    re.DOTALL,
)


def key_lines(text: str) -> dict[str, int]:
    """Key, as errors name it, to its line: `boot.timeout`, `packages[2]`, `users.www`.

    text  a valid TOML document
    """
    return _Reader(text).lines


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines: dict[str, int] = {}
        self._counts: dict[str, int] = {}  # of the tables in each array of tables
        self._line = 1
        self._tokens = self._read(text)
        self._next = next(self._tokens, "")
        self._document()

    def _read(self, text: str) -> Iterator[str]:
        line, at = 1, 0
        for token in _TOKEN.finditer(text):
            if token[0][0] != "#":
                line += text.count("\n", at, token.start())
                at = token.start()
                self._upcoming = line
                yield token[0]

    def _take(self) -> str:
        token, self._line = self._next, self._upcoming
        self._next = next(self._tokens, "")
        return token

    def _note(self, path: str) -> None:
        self.lines.setdefault(path, self._line)

    def _document(self) -> None:
        table = ""
        while self._next:
            if self._next == "[":
                table = self._header()
            elif self._next == "\n":
                self._take()
            else:
                self._pair(table)

    def _header(self) -> str:
        """The path of a table, or of the next table of an array."""
        self._take()
        is_array = self._next == "["
        if is_array:
            self._take()
        path = self._key("")
        self._take()
        if not is_array:
            return path
        self._take()
        number = self._counts[path] = self._counts.get(path, -1) + 1
        path = f"{path}[{number}]"
        self._note(path)
        return path

    def _pair(self, table: str) -> None:
        path = self._key(table)
        self._take()  # =
        self._value(path)

    def _key(self, path: str) -> str:
        """The path of a dotted key; each of its tables is noted."""
        while True:
            if path in self._counts:  # below an array, a name means its last table
                path = f"{path}[{self._counts[path]}]"
            part = _plain(self._take())
            path = f"{path}.{part}" if path else part
            self._note(path)
            if self._next != ".":
                return path
            self._take()

    def _value(self, path: str) -> None:
        if self._next == "[":
            self._list(path)
        elif self._next == "{":
            self._inline(path)
        else:
            while self._next not in {",", "]", "}", "\n", ""}:
                self._take()

    def _list(self, path: str) -> None:
        self._take()
        number = 0
        while self._skipped() != "]":
            item = f"{path}[{number}]"
            self.lines.setdefault(item, self._upcoming)
            self._value(item)
            number += 1
        self._take()

    def _inline(self, path: str) -> None:
        self._take()
        while self._skipped() != "}":
            self._pair(path)
        self._take()

    def _skipped(self) -> str:
        """The next token that neither separates values nor ends a line."""
        while self._next in {",", "\n"}:
            self._take()
        return self._next


def _plain(token: str) -> str:
    """The name that a bare or quoted part of a key stands for."""
    if token[0] == "'":
        return token[1:-1]
    if token[0] != '"':
        return token
    return str(toml.loads(f"name = {token}".encode())["name"])
