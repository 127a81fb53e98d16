"""Mistakes for tests: an edit of a checkout, what is said of it, and how it is put right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from support.checkouts.scratch import Ran, Scratch

Edit: TypeAlias = Callable[[Scratch], object]


@dataclass(frozen=True)
class Bad:
    """A mistake, and what is said of it: the beginning of each line."""

    edit: Edit
    what: str
    where: str = ""
    why: str = ""
    do: str = ""
    problems: tuple[str, ...] = ()


def changed(name: str, old: str, new: str) -> Edit:
    """Replace what is there once."""
    return lambda scratch: scratch.edit(name, old, new)


def added(name: str, text: str) -> Edit:
    """Add at the end."""
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
    """The error says what is wrong, where, why, and what to do."""
    first, *lines = ran.err[ran.err.index("ERROR: "):].splitlines()
    assert bad.what in first
    for label, text in (("where", bad.where), ("why", bad.why), ("do", bad.do)):
        if text:
            (line,) = [line for line in lines if line.startswith(f"  {label}:")][:1]
            assert text in line
    assert [line.removeprefix("  - ") for line in lines if line.startswith("  - ")] == list(
        bad.problems)


def snapshot(scratch: Scratch) -> dict[Path, bytes | None]:
    """Every file of recipes, sets and configurations; None for a link."""
    return {path: None if path.is_symlink() else path.read_bytes()
            for part in ("recipes", "sets", "kernel-configs")
            for path in scratch.path(part).rglob("*") if path.is_symlink() or path.is_file()}


def put_back(scratch: Scratch, before: dict[Path, bytes | None]) -> None:
    """Have the files again as they were in the snapshot."""
    for part in ("recipes", "sets", "kernel-configs"):
        for path in sorted(scratch.path(part).rglob("*"), reverse=True):
            if path.is_symlink() or not path.is_dir():
                if path not in before:
                    path.unlink()
            elif not any(path in known.parents for known in before):
                path.rmdir()
    for path, data in before.items():
        if data is not None and (not path.exists() or path.read_bytes() != data):
            path.write_bytes(data)
