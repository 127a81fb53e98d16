"""Reading small files that others may have put there: regular files only, and not without end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
MOST = 64 << 20  # bytes: more than any file that people write or a store keeps as one document


def open_regular(path: str | Path) -> int:
    """A descriptor to read the regular file at `path` with.

    A FIFO or a device is refused before it can make anybody wait. Raises OSError: that of the
    system, or one that says that this is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "a folder is there, not a file", str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def status_at(path: str | Path) -> os.stat_result | None:
    """What lstat(2) says of a path; None where nothing is there, nor can be: something else than a
    folder is on the way, or links that lead in a circle. Raises OSError for all else.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in _NOTHING:
            return None
        raise


def read_small(path: str | Path, *, most: int = MOST) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises OSError, as `open_regular` does, or one that says that it is too large.
    """
    data = read_start(path, most=most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most} bytes", str(path))
    return data


def read_start(path: str | Path, *, most: int) -> bytes:
    """The first `most` bytes of a regular file. Raises OSError, as `open_regular` does."""
    descriptor = open_regular(path)
    try:
        pieces, size = [], 0
        while size < most and (piece := os.read(descriptor, most - size)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)
