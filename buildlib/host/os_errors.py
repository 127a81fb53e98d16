"""Errors of the build host, in words that a user can act on."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from buildlib.host.environment import free_bytes, free_files
from buildlib.model.errors import StoreError
from buildlib.model.refusals import OTHERS, REFUSALS

SPACE_HINT = REFUSALS[errno.ENOSPC].do
_LITTLE_BYTES, _FEW_FILES = 4 << 20, 100


def host_error(error: OSError, *, where: str, folder: Path) -> StoreError:
    """The error for an OSError: what failed, at which path, what to do, and on a full disk how much
    space is free.

    folder  where free space is measured if the error names no path
    """
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    named = error.filename2 or error.filename  # the target of a write comes second
    path = _culprit(named) if isinstance(named, str | Path) else None
    system = error.strerror or str(error) or type(error).__name__
    what, hint = REFUSALS.get(error.errno or 0, (system, OTHERS))
    return StoreError(
        what,
        where=f"{where}, {path}" if path else where,
        why=space_left(Path(path or folder))
        if full
        else system
        if what.lower() != system.lower()
        else None,
        hint=hint,
        reason="disk-full" if full else "host-io",
    )


def _culprit(path: str | Path) -> str | Path:
    """The first parent of a path that exists and is not a folder, or else the path itself."""
    for place in reversed(Path(path).parents):
        if os.path.lexists(place) and not place.is_dir():
            return place
    return path


def memory_error(*, where: str) -> StoreError:
    """The error for a MemoryError."""
    what, hint = REFUSALS[errno.ENOMEM]
    return StoreError(
        what, where=where, why="the process could not allocate more", hint=hint, reason="memory"
    )


def is_nearly_full(folder: Path) -> bool:
    """Whether so little space is free that a tool may have failed because of it."""
    files_left = free_files(folder)
    return free_bytes(folder) < _LITTLE_BYTES or (
        files_left is not None and files_left < _FEW_FILES
    )


def space_left(path: Path) -> str:
    """How much free space there is at `path`, which need not exist."""
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    bytes_left, files_left = free_bytes(folder), free_files(folder)
    text = f"{bytes_left >> 10} KiB"
    if files_left is not None and files_left < _FEW_FILES:
        text += f" and room for {files_left} files"
    return f"{text} are free below {folder}"
