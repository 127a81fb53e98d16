"""One writer a store.

The lock is flock(2) on a file that the run's tools inherit open. So it is held until the last of
them is gone: when a run is killed with -9 and leaves a compiler behind, the next run does not
start beside it in the same work folder. It ends what is left over, then goes on.
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
    """The lock of the store in `folder`. `descriptor` is what tools inherit while it is held."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self.descriptor = -1

    def acquire(self, *, waiting: Callable[[str], None]) -> None:
        """Hold the lock; while another run holds it, wait, after one call of `waiting`."""
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        status = status_at(self._path)
        if status is not None and not stat.S_ISREG(status.st_mode):
            remove(self._path)  # no run has such a thing open as its lock
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
        told = False
        dead = 0  # the owner found dead at the last look; a new one needs a moment to sign
        while not self._try(descriptor):
            owner, text = _read_pid(descriptor), ""
            if not owner or _alive(owner):
                text = f"another run (process {owner or '?'}) is at work here; waiting for it"
            elif owner == dead and not _end_tools(self._path, lambda taker: not _alive(taker)):
                text = f"waiting for tools that a run (process {owner}) left; they cannot be ended"
            else:
                dead = owner
            if text and not told:
                waiting(text)
                told = True
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
        """Kill every other process that has inherited the lock: tools that left their group."""
        if self.descriptor >= 0:
            _end_tools(self._path, lambda taker: taker == os.getpid())

    def release(self) -> None:
        """Give the lock back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _read_pid(descriptor: int) -> int:
    try:
        return int(os.pread(descriptor, 20, 0) or b"0")
    except ValueError:
        return 0


def _alive(pid: int) -> bool:
    """Whether the process is there and not a zombie that nobody has waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _end_tools(path: Path, of: Callable[[int], bool]) -> int:
    """Kill the processes that hold a lock which a process that `of` tells took. Their number."""
    ended = 0
    for pid, taker in _holders(path):
        if pid != os.getpid() and of(taker):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                ended += 1
    return ended


def _holders(path: Path) -> Iterator[tuple[int, int]]:
    """(process, who took the lock) for all that have the locked open file itself.

    A run that waits has opened one of its own. What is in the file does not count here: a run that
    has just got the lock has not signed yet. The kernel knows who took it (0: dead, elsewhere).
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
