"""Digests of files outside the store, remembered by stat signature.

The signature is modification time, change time, size and inode: what git's index uses, and the
change time cannot be set back by a program. A file that changed just before it was hashed is not
remembered, since a second change within one tick of the clock would have the same signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from buildlib.store import surroundings

_TICK_NS = 100_000_000

Compute: TypeAlias = Callable[[str], str]


class Seen:
    """A memory of digests, kept in one file. Methods may be called from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._dirty = False
        self._memory: dict[str, list[int | str]] = {}
        with contextlib.suppress(OSError, ValueError):
            memory = json.loads(path.read_bytes())
            self._memory = memory if isinstance(memory, dict) else {}

    def sha256(self, path: str, status: os.stat_result | None = None) -> str:
        """SHA-256 of the file at `path`. Raises OSError where it cannot be read."""
        return self.memo(path, _hash_file, status)

    def memo(
        self, path: str, compute: Compute, status: os.stat_result | None = None, kind: str = ""
    ) -> str:
        """`compute(path)`, remembered while the file keeps its signature; `kind` tells uses apart.
        """
        status = status or os.stat(path)
        name = f"{kind}:{path}" if kind else path
        signature: list[int | str] = [
            status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino]
        known = self._memory.get(name)
        if known is not None and known[:4] == signature:
            return str(known[4])
        started = int(surroundings.now() * 10**9)
        value = compute(path)
        with self._lock:
            if max(status.st_mtime_ns, status.st_ctime_ns) < started - _TICK_NS:
                self._memory[name] = [*signature, value]
            else:
                self._memory.pop(name, None)
            self._dirty = True
        return value

    def save(self) -> None:
        """Write the memory, if it changed. Losing it costs time, never correctness."""
        with self._lock:
            if self._dirty:
                scratch = self._path.with_name(f"{self._path.name}.{os.getpid()}")
                scratch.write_text(json.dumps(self._memory))
                scratch.replace(self._path)
                self._dirty = False


def _hash_file(path: str) -> str:
    with open(path, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise IsADirectoryError(path)
        return hashlib.file_digest(file, "sha256").hexdigest()
