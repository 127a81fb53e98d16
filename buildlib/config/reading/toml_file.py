"""Reads TOML files: recipes, release definitions, tables, settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from buildlib.host.reading import read_small
from buildlib.model import toml
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load, problems_of
from buildlib.model.text import decoded

T = TypeVar("T")

_LINE = re.compile(r"line ([0-9]+)\b")


class TomlFile:
    """A TOML document, and the lines of its keys.

    name    what errors call the file
    tables  its content
    """

    def __init__(self, name: str, data: bytes) -> None:
        """Raises ValueError, as `toml.loads` does."""
        self.name, self._data = name, data
        self.tables: Mapping[str, Any] = toml.loads(data)
        self._lines: Mapping[str, int] | None = None

    def line_of(self, key: str) -> int | None:
        """The line of a key, such as `boot.timeout` or `packages[2]`, or of the nearest table or
        list around it.
        """
        if self._lines is None:  # for errors alone
            from buildlib.config.reading.toml_lines import key_lines

            self._lines = key_lines(decoded(self._data))
        while key and key not in self._lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self._lines.get(key)

    def load(self, kind: type[T], *, more: Iterable[str] = ()) -> T:
        """The document as a dataclass; see `schema.load`.

        more  other problems found in it, each of the form `KEY: …`
        Raises ConfigError with the line of each problem.
        """
        problems = list(more)
        try:
            value = load(kind, self.tables, where=self.name)
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise problems_of(self.name, [self._placed(problem) for problem in problems])
        return value

    def _placed(self, problem: str) -> str:
        line = self.line_of(problem.partition(": ")[0])
        return f"line {line}: {problem}" if line else problem


def read_toml(path: Path, *, name: str) -> TomlFile:
    """The file at `path`; `name` is its name in errors.

    Raises ConfigError: reason `toml`, with the line, or `file` if it cannot be read.
    """
    try:
        return TomlFile(name, read_small(path))
    except ValueError as error:
        line = _LINE.match(str(error))
        raise ConfigError(
            f"{name} is not valid TOML",
            where=f"{name}:{line[1]}" if line else name,
            why=str(error),
            reason="toml",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{name} cannot be read", where=path, why=error.strerror, reason="file"
        ) from error
