"""Safe reading of small files written by others: regular files only, up to a size limit."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
MOST = 64 << 20  # bytes; larger than any handwritten file or any document in a store


def open_regular(path: str | Path) -> int:
    """A descriptor for reading the regular file at `path`.

    FIFOs and devices are rejected without blocking. Raises OSError, also for anything that is not a
    regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder, not a file", str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def status_at(path: str | Path) -> os.stat_result | None:
    """The lstat(2) result for a path, or None if nothing exists there (ENOENT, ENOTDIR, ELOOP).

    Raises any other OSError.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in _NOTHING:
            return None
        raise


def is_file(path: Path) -> bool:
    """Whether `path` is an existing file. False if it is unreachable, as behind a too long link."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether `path` is an existing folder; like `is_file`."""
    try:
        return path.is_dir()
    except OSError:
        return False


def read_small(path: str | Path, *, most: int = MOST) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises OSError as `open_regular` does, and if the file is too large.
    """
    data = read_start(path, most=most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most} bytes", str(path))
    return data


def read_start(path: str | Path, *, most: int) -> bytes:
    """The first `most` bytes of a regular file. Raises OSError as `open_regular` does."""
    descriptor = open_regular(path)
    try:
        pieces, size = [], 0
        while size < most and (piece := os.read(descriptor, most - size)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)
