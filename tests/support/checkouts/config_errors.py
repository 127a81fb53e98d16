"""Configuration mistakes for tests: an edit of a checkout, the error, and the undo."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from support.checkouts.scratch import Ran, Scratch

Edit: TypeAlias = Callable[[Scratch], object]


@dataclass(frozen=True)
class Bad:
    """A mistake, and the expected error: the beginning of each line."""

    edit: Edit
    what: str
    where: str = ""
    why: str = ""
    do: str = ""
    problems: tuple[str, ...] = ()


def changed(name: str, old: str, new: str) -> Edit:
    """Replace text that occurs once."""
    return lambda scratch: scratch.edit(name, old, new)


def added(name: str, text: str) -> Edit:
    """Append text."""
    return lambda scratch: scratch.append(name, text)


def written(name: str, text: str) -> Edit:
    """Write a file."""
    return lambda scratch: scratch.write(name, text)


def both(*edits: Edit) -> Edit:
    """Several mistakes at once."""

    def edit(scratch: Scratch) -> None:
        for one in edits:
            one(scratch)

    return edit


def check(ran: Ran, bad: Bad) -> None:
    """Check that the error says what, where, why, and what to do."""
    first, *lines = ran.err[ran.err.index("ERROR: ") :].splitlines()
    assert bad.what in first
    for label, text in (("where", bad.where), ("why", bad.why), ("do", bad.do)):
        if text:
            (line,) = [line for line in lines if line.startswith(f"  {label}:")][:1]
            assert text in line or text in without_numbers(line)
    problems = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
    expected = list(bad.problems)
    assert expected in (problems, [without_numbers(problem) for problem in problems])


def without_numbers(text: str) -> str:
    """What is left of a message without the numbers of lines: those have tests of their own."""
    return re.sub(r"^line \d+: |(?<=[.]toml|[.]lock):\d+(?=:)", "", text)


def snapshot(scratch: Scratch) -> dict[Path, bytes | None]:
    """Every file of recipes, sets and configurations; None for a link."""
    return {
        path: None if path.is_symlink() else path.read_bytes()
        for part in ("recipes", "sets", "kernel-configs")
        for path in below(scratch.path(part))
        if path.is_symlink() or path.is_file()
    }


def below(folder: Path) -> Iterator[Path]:
    """Everything in a folder. `rglob` of early versions of Python 3.11 stops at a too long link."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def put_back(scratch: Scratch, before: dict[Path, bytes | None]) -> None:
    """Restore the files of the snapshot."""
    for part in ("recipes", "sets", "kernel-configs"):
        for path in sorted(below(scratch.path(part)), reverse=True):
            if path.is_symlink() or not path.is_dir():
                if path not in before:
                    path.unlink()
            elif not any(path in known.parents for known in before):
                path.rmdir()
    for path, data in before.items():
        if data is not None and (not path.exists() or path.read_bytes() != data):
            path.write_bytes(data)
