"""The store's lock: one writer at a time.

The lock is flock(2) on an open file that the run's tools inherit, so it is held until the last of
them has ended. If a run is killed with SIGKILL and leaves a compiler behind, the next run does not
work in the same folder at the same time: it first ends the leftover tools.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from buildlib.host.atomic_files import remove
from buildlib.host.reading import status_at
from buildlib.model.errors import StoreError

_POLL_SECONDS = 0.1


class RunLock:
    """The lock of the store in `folder`. While it is held, tools inherit `descriptor`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self.descriptor = -1

    def acquire(self, *, waiting: Callable[[str], None]) -> None:
        """Take the lock; if another run holds it, call `waiting` once and wait."""
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        status = status_at(self._path)
        if status is not None and not stat.S_ISREG(status.st_mode):
            remove(self._path)  # not a lock file of any run
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._wait(descriptor, waiting)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        self.descriptor = descriptor

    def _wait(self, descriptor: int, waiting: Callable[[str], None]) -> None:
        reported = False
        dead = 0  # the owner found dead in the last round; a new one needs a moment to sign
        while not self._try(descriptor):
            owner, text = _read_pid(descriptor), ""
            if not owner or _alive(owner):
                text = f"another run (process {owner or '?'}) is using the store; waiting for it"
            elif owner == dead and not _end_tools(self._path, lambda taker: not _alive(taker)):
                text = f"waiting for tools of an ended run (process {owner}) that cannot be killed"
            else:
                dead = owner
            if text and not reported:
                waiting(text)
                reported = True
            time.sleep(_POLL_SECONDS)

    def _try(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreError(
                "the store cannot be locked", where=self._path, why=str(error), reason="lock"
            ) from error
        return True

    def end_tools(self) -> None:
        """Kill every other process that inherited the lock, such as tools that left their group."""
        if self.descriptor >= 0:
            _end_tools(self._path, lambda taker: taker == os.getpid())

    def release(self) -> None:
        """Release the lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _read_pid(descriptor: int) -> int:
    try:
        return int(os.pread(descriptor, 20, 0) or b"0")
    except ValueError:
        return 0


def _alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _end_tools(path: Path, of: Callable[[int], bool]) -> int:
    """Kill the processes that hold a lock taken by a process for which `of` is true. Return their
    number.
    """
    ended = 0
    for pid, taker in _holders(path):
        if pid != os.getpid() and of(taker):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                ended += 1
    return ended


def _holders(path: Path) -> Iterator[tuple[int, int]]:
    """Pairs (process, process that took the lock) of all processes that share the locked file.

    A waiting run has an open file of its own. The pid in the file is not used here: a run that has
    just got the lock has not signed yet. The kernel knows who took it (0: dead, or in another
    namespace).
    """
    real = str(path.resolve())
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for link in (process / "fd").iterdir():
                if str(link.readlink()) == real:
                    info = (process / "fdinfo" / link.name).read_text()
                    if lock := re.search(r"FLOCK\s+\S+\s+\S+\s+(\d+)", info):
                        yield int(process.name), int(lock[1])
                        break
