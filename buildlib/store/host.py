"""Errors of the build host, in words a user can act on."""

from __future__ import annotations

import errno
from pathlib import Path

from buildlib.store.surroundings import free_bytes, free_files
from buildlib.words.errors import StoreError

SPACE_HINT = ("free some space, or remove what no build needs with `doit gc`; "
              "nothing that was finished is lost")
_LITTLE_BYTES, _FEW_FILES = 4 << 20, 100


def host_error(error: OSError, *, where: str, folder: Path) -> StoreError:
    """What the system refused, at which path, and for a full disk how much is free.

    folder  where space is looked at when the error names no path
    """
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    named = error.filename2 or error.filename  # what was written to comes second
    path = named if isinstance(named, str | Path) else None
    return StoreError(
        "the disk is full" if full else f"{error.strerror or error}",
        where=f"{where}, {path}" if path else where,
        why=space_left(Path(path or folder)) if full else None,
        hint=SPACE_HINT if full else None,
        reason="disk-full" if full else "host-io",
    )


def is_nearly_full(folder: Path) -> bool:
    """Whether so little is free that a tool may have failed for it."""
    files_left = free_files(folder)
    return free_bytes(folder) < _LITTLE_BYTES or (
        files_left is not None and files_left < _FEW_FILES)


def space_left(path: Path) -> str:
    """How much more goes where `path` is or would be."""
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    bytes_left, files_left = free_bytes(folder), free_files(folder)
    text = f"{bytes_left >> 10} KiB"
    if files_left is not None and files_left < _FEW_FILES:
        text += f" and room for {files_left} files"
    return f"{text} are free below {folder}"
