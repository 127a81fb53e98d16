"""Seals: one `lstat` shows whether a file is as this store made it.

A sealed file has a modification time that no program sets by chance: a second chosen at random by
this store. Writing to the file breaks the seal. The nanoseconds within that second are a quick
checksum of the content, once it has been compared with its SHA-256 (`Blobs.path`).

A seal is only valid on the same machine, file system and inode, and for data that is on the disk.
So the store keeps three things in `seal.json`: its second; its place (`seal.mark`, a file that is
never written to, has an inode number and a change time that no copy has); and whether everything
that it sealed was synced, or else the boot in which it was sealed. A store that was moved or
copied, or was being written to during a power cut, chooses another second: this breaks all seals at
once, and each content is read when it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from pathlib import Path

from buildlib.host.atomic_files import (
    fresh_name,
    new_file,
    random_number,
    sync_file_system,
    write_file,
)
from buildlib.host.environment import boot_id, machine_id
from buildlib.host.reading import read_small, status_at
from buildlib.model import json_text

_NS = 10**9
_FIRST, _SECONDS = 1 << 28, 1 << 28  # even seconds from 1978 on: FAT cannot store odd ones
_SECOND = range(_FIRST, _FIRST + 2 * _SECONDS, 2)
_CHUNK = 1 << 18


class Seal:
    """The seal of the store in `folder`. Methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file, self._mark = folder, folder / "seal.json", folder / "seal.mark"
        self._lock = threading.Lock()
        self._boot = boot_id()
        self.look()

    def look(self) -> None:
        """Read the state from disk again; for a run that has waited for another."""
        self._place = self._where()
        second, synced = self._read() or (_FIRST + 2 * (random_number() % _SECONDS), True)
        self._second = second
        self._recorded = not synced  # seal.json says that some seals are not synced

    def holds(self, status: os.stat_result, size: int | None = None) -> bool:
        """Whether a file (of `size` bytes, if given) is as it was stored."""
        return (
            status.st_mtime_ns // _NS == self._second
            and size in {None, status.st_size}
            and stat.S_ISREG(status.st_mode)
        )

    def is_on(self, path: str, size: int | None = None) -> bool:
        """The same for a path, which need not exist."""
        status = status_at(path)
        return status is not None and self.holds(status, size)

    def put(self, file: int | str, checksum: int = 0) -> None:
        """Seal a file, given as a descriptor or a path."""
        if not self._recorded:
            self._begin()
        time = self._second * _NS + checksum
        os.utime(file, ns=(time, time))

    def renew(self, path: str) -> None:
        """Seal a file whose content was compared with its digest. If sealing fails, the content is
        compared again the next time.
        """
        with contextlib.suppress(OSError):
            self.put(path, checksum(path))

    def agrees(self, path: str) -> bool:
        """Whether a sealed file's content has the checksum in its seal."""
        expected = os.stat(path).st_mtime_ns % _NS
        return expected != 0 and expected == checksum(path)

    def settle(self) -> None:
        """At the end of a run, flush everything it stored to the disk, and record that."""
        if self._recorded:
            sync_file_system(self._folder)
            self._write(synced=True)

    def _begin(self) -> None:
        """Before the first seal: from now until `settle`, a power cut breaks all seals."""
        with self._lock:
            if not self._recorded:
                self._write(synced=False)

    def _write(self, *, synced: bool) -> None:
        if not self._place:
            self._make_mark()
        data = {"second": self._second, "place": self._place, "boot": self._boot, "synced": synced}
        write_file(
            self._file,
            json.dumps(data).encode(),
            durable=not synced,
            clearing=True,
            scratch=fresh_name(self._folder / "tmp"),
        )
        self._recorded = not synced

    def _read(self) -> tuple[int, bool] | None:
        """The second, and whether everything was synced; None if no seal is valid."""
        try:
            data = json_text.loads(read_small(self._file))
            second, synced = data["second"], data["synced"]
            here = self._place and data["place"] == self._place
            known = type(second) is int and second in _SECOND  # for other types, `in` is slow
            if known and here and (synced is True or (self._boot and data["boot"] == self._boot)):
                return second, synced is True
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _make_mark(self) -> None:
        with new_file(fresh_name(self._folder / "tmp"), mode=0o444) as file:
            file.appear(self._mark, clearing=True)
        self._place = self._where()

    def _where(self) -> list[str | int]:
        """Values that identify this machine, file system and inode."""
        try:
            mark = os.lstat(self._mark)
        except OSError:
            return []
        if not stat.S_ISREG(mark.st_mode):
            return []
        system = f"{os.statvfs(self._folder).f_fsid:x}"  # 64 bits, unsigned
        return [machine_id(), system, mark.st_ino, mark.st_ctime_ns]


def checksum(path: str) -> int:
    """A quick checksum of a file: CRC-32, as nanoseconds; never 0."""
    from isal.isal_zlib import crc32  # five times faster than SHA-256

    value = 0
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(_CHUNK)
        while size := file.readinto(buffer):
            value = crc32(memoryview(buffer)[:size], value)
    return value % (_NS - 1) + 1


def break_seal(path: str) -> None:
    """Break the seal of a file, so that the next check reads every byte."""
    with contextlib.suppress(OSError):
        os.chmod(path, 0o444)
        os.utime(path)
