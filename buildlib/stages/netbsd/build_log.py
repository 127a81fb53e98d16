"""Finds the cause of a failed build: the first real error among thousands of lines.

With parallel jobs, make keeps printing after the compiler that failed, so the end of the log may
not show the error. The first line of the most specific kind is taken.
"""

from __future__ import annotations

import re
from collections import deque

_BEFORE, _AFTER = 3, 4

# From the most to the least specific. What make and build.sh print about a failure comes last.
_KINDS = tuple(
    map(
        re.compile,
        (
            r"^\S+:\d+(:\d+)?: (fatal |internal compiler )?error: |: fatal error: |: error: ",
            r"^[^\s:]*[A-Za-z][^\s:]*:\d+: (?!warning: |note: |\d).+",  # config(1), as(1), awk(1)
            r"undefined reference to |multiple definition of |cannot find -l|: cannot find ",
            r"[Nn]o space left on device|[Oo]ut of memory|cannot allocate|^Killed$|internal error",
            r": (command )?not found$|[Pp]ermission denied|configure: error:|^[\w.+-]+: cannot ",
            r"don't know how to make |: usage: |^build\.sh: ",
            r"^ERROR: ",
        ),
    )
)
_WARNING = re.compile(r": (warning|note): ")


class ErrorScanner:
    """Scans every line of a build's output and keeps the first of each kind of error."""

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=_BEFORE)
        self._found: dict[int, list[str]] = {}
        self._lines: dict[int, str] = {}
        self._open: dict[int, int] = {}  # kind to the number of following lines still to keep

    def take(self, line: str) -> None:
        """Scan the next line."""
        for kind in list(self._open):
            self._found[kind].append(line)
            self._open[kind] -= 1
            if not self._open[kind]:
                del self._open[kind]
        if not _WARNING.search(line):
            for kind, pattern in enumerate(_KINDS):
                if pattern.search(line):
                    if kind not in self._found:
                        self._found[kind] = [*self._last, line]
                        self._lines[kind] = line
                        self._open[kind] = _AFTER
                    break
        self._last.append(line)

    @property
    def error(self) -> str:
        """The first line of the most specific kind, or an empty string."""
        return self._lines[min(self._lines)].strip() if self._lines else ""

    @property
    def excerpt(self) -> tuple[str, ...]:
        """That line with some lines before and after it."""
        return tuple(self._found[min(self._found)]) if self._found else ()
