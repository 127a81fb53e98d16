"""Digests of files outside the store, remembered by stat signature.

The signature is modification time, change time, size and inode: what git's index uses, and the
change time cannot be set back by a program. A file that changed just before it was hashed is not
remembered, since a second change within one tick of the clock would have the same signature.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from buildlib.host import environment
from buildlib.host.atomic_files import fresh_name, write_file
from buildlib.host.reading import read_small
from buildlib.model import json_text
from buildlib.store.null_build import Signature, checked, signature, with_sum

_TICK_NS = 100_000_000
_NOTE = 5  # what a note holds
_MOST = 32 << 20  # bytes: 200,000 paths

Compute: TypeAlias = Callable[[str], str]


class StatCache:
    """A memory of digests, kept in one file. Methods may be called from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._dirty = False
        self._memory: dict[str, list[int | str]] = {}
        self.looked: dict[str, Signature] = {}
        self.links: dict[str, Signature] = {}
        with contextlib.suppress(OSError, ValueError):
            known = json_text.loads(checked(read_small(path, most=_MOST)), most=_MOST)
            if isinstance(known, dict) and all(map(_is_note, known.values())):
                self._memory = known

    def note(self, path: str | Path, *, follow: bool = True) -> None:
        """Remember that the run looked at a path, present or not, for the next run's glance.

        To be called before the path is read: what changes afterwards has another signature.
        """
        notes = self.looked if follow else self.links
        notes.setdefault(str(path), signature(str(path), follow=follow))

    def sha256(self, path: str, status: os.stat_result | None = None) -> str:
        """SHA-256 of the file at `path`. Raises OSError where it is none or cannot be read."""
        status = status or os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # to open a FIFO would wait for ever
            raise OSError(errno.EINVAL, "not a file", path)
        return self.memo(path, _hash_file, status)

    def memo(
        self, path: str, compute: Compute, status: os.stat_result | None = None, kind: str = ""
    ) -> str:
        """`compute(path)`, remembered while the file keeps its signature.

        `kind` tells uses apart.
        """
        status = status or os.stat(path)
        name = f"{kind}:{path}" if kind else path
        mark = [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]
        self.looked.setdefault(path, mark)
        known = self._memory.get(name)
        if known is not None and known[:4] == mark:
            return str(known[4])
        started = int(environment.now() * 10**9)
        value = compute(path)
        with self._lock:
            if max(status.st_mtime_ns, status.st_ctime_ns) < started - _TICK_NS:
                self._memory[name] = [*mark, value]
            else:
                self._memory.pop(name, None)
                self.looked[path] = None  # too young to be trusted next time
            self._dirty = True
        return value

    def save(self) -> None:
        """Write the memory, if it changed and the disk has room: losing it only costs time."""
        folder = self._path.parent / "tmp"
        with self._lock, contextlib.suppress(OSError):
            if self._dirty:
                folder.mkdir(exist_ok=True)
                write_file(self._path, with_sum(json.dumps(self._memory).encode()),
                           scratch=fresh_name(folder), clearing=True)
                self._dirty = False


def _is_note(value: object) -> bool:
    """Whether it has the form of what `StatCache.memo` remembers: a signature and a text."""
    return isinstance(value, list) and len(value) == _NOTE and isinstance(value[-1], str)


def _hash_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
