"""A cache for digests of files outside the store, by stat signature.

The signature is modification time, change time, size and inode, as in git's index; no program can
set the change time back. A file that changed just before it was hashed is not cached, since a
second change within one clock tick would have the same signature.
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
_NOTE = 5  # items of a cache entry
_MOST = 32 << 20  # bytes; enough for 200,000 paths

Compute: TypeAlias = Callable[[str], str]


class StatCache:
    """A cache of digests, stored in one file. Methods may be called from several threads."""

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
        """Note that the run examined a path, present or not, for the next run's glance.

        Call this before reading the path, so that later changes give another signature.
        """
        notes = self.looked if follow else self.links
        notes.setdefault(str(path), signature(str(path), follow=follow))

    def sha256(self, path: str, status: os.stat_result | None = None) -> str:
        """SHA-256 of the file at `path`. Raises OSError if it is not a file or is unreadable."""
        status = status or os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # opening a FIFO would block forever
            raise OSError(errno.EINVAL, "not a file", path)
        return self.memo(path, _hash_file, status)

    def memo(
        self, path: str, compute: Compute, status: os.stat_result | None = None, kind: str = ""
    ) -> str:
        """`compute(path)`, cached while the file keeps its signature.

        `kind` distinguishes different computations.
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
                self.looked[path] = None  # too recent to be trusted next time
            self._dirty = True
        return value

    def save(self) -> None:
        """Write the cache if it changed. Errors are ignored, because losing it only costs time."""
        folder = self._path.parent / "tmp"
        with self._lock, contextlib.suppress(OSError):
            if self._dirty:
                folder.mkdir(exist_ok=True)
                write_file(
                    self._path,
                    with_sum(json.dumps(self._memory).encode()),
                    scratch=fresh_name(folder),
                    clearing=True,
                )
                self._dirty = False


def _is_note(value: object) -> bool:
    """Whether `value` has the form of a cache entry: a signature and a text."""
    return isinstance(value, list) and len(value) == _NOTE and isinstance(value[-1], str)


def _hash_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
