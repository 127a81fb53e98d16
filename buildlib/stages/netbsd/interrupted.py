"""Which files in a work folder are surely whole, when what wrote them was killed.

make(1) takes an object that is newer than its source for finished, also one that a killed compiler
has half written. So while a build runs, the time at which the oldest of its running commands may
have begun is noted beside the folder, again and again: the *horizon*. Commands that run when the
kill comes, be it kill -9 of everything, began after it; what was last changed before it is whole.
What was changed after it is removed before the build goes on. A note that is out of date is still
true, only further back.

Commands are all processes of the build's session but make itself and what waits for a make below
it. Times are those the file system gives (`st_ctime`), which no program can set back; the clock
of the processes is not compared with it. After a crash of the whole machine contents may be
missing whatever the times say: then nothing counts.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from buildlib.host.atomic_files import remove, write_file
from buildlib.host.environment import boot_id
from buildlib.host.reading import read_small
from buildlib.model.numbers import whole_number

_LOOK_SECONDS = 1.0
_OBJECTS = (".o", ".lo", ".pico")
_MAKES = frozenset({"nbmake", "make", "bmake", "gmake"})  # nbmake-MACHINE is the wrapper

Process: TypeAlias = tuple[int, str]  # process, and when it began: numbers are used again


@dataclass(frozen=True, slots=True)
class _Row:
    """A process as /proc has it."""

    parent: int
    command: str


class InterruptedBuild:
    """The horizon of the work folder `folder`, noted in a file beside it.

    inputs  what tells all that the build reads from anything else; empty: it is not looked at
    """

    def __init__(self, folder: Path, inputs: str = "") -> None:
        self._folder = folder
        self._file = folder.with_name(f"{folder.name}.horizon")
        self._inputs = inputs

    def sweep(self) -> int | None:
        """Remove what may not be whole. The number of objects left; None: nothing at all is left.

        To be called before the build begins or goes on. What was made of other inputs is not
        whole: make(1) would not see that these are others.
        """
        known = self._read() if self._has_same_inputs() else None
        objects = files = 0
        for path, status in _files(str(self._folder)):
            if known is None or status.st_ctime_ns >= known:
                os.unlink(path)
            else:
                files += 1
                objects += path.endswith(_OBJECTS)
        self._write(self._pulse())  # what is there now is whole
        return objects if files else None

    @contextmanager
    def watching(self, leader: int) -> Iterator[None]:
        """Keep the note up to date while the build with session leader `leader` runs."""
        ended = threading.Event()

        def look() -> None:
            watch = _Watch(leader, self._read() or 0)
            while not ended.wait(_LOOK_SECONDS):
                with contextlib.suppress(OSError):  # a full disk: the note stays as it is, and true
                    self._write(watch.look(self._pulse()))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def forget(self) -> None:
        """The build has succeeded: no note is needed any more."""
        remove(self._file)

    def _has_same_inputs(self) -> bool:
        """Whether the remains were made of the same inputs; from now on they are."""
        if not self._inputs:
            return True
        path = self._file.with_name(f"{self._folder.name}.inputs")
        try:
            before = read_small(path)
        except OSError:
            before = b""
        write_file(path, self._inputs.encode(), clearing=True)
        return before == self._inputs.encode()

    def _pulse(self) -> int:
        """What time the file system has, in ns since 1970."""
        path = self._file.with_name(f"{self._file.name}.pulse")
        path.write_bytes(b"")
        time = path.stat().st_ctime_ns
        path.unlink()
        return time

    def _read(self) -> int | None:
        try:
            boot, time = read_small(self._file).decode().split()
            return whole_number(time) if boot == boot_id() else None
        except (OSError, ValueError):
            return None

    def _write(self, time: int) -> None:
        write_file(self._file, f"{boot_id()} {time}\n".encode(), clearing=True)


class _Watch:
    """What is known of the processes of one session."""

    def __init__(self, leader: int, began: int) -> None:
        self._leader = leader
        self._last = began
        self._horizon = began
        self._since: dict[Process, int] = {}

    def look(self, now: int) -> int:
        """The horizon, from the processes as they are at the time `now` of the file system."""
        if now < self._last:  # the clock was set back: no older time can be compared
            self._horizon, self._since = 0, {}
            self._last = 0
        rows = _session(self._leader)
        commands = _commands(rows)
        # one that was not a command at the last look became it after that
        self._since = {command: self._since.get(command, self._last) for command in commands}
        self._last = now
        self._horizon = max(self._horizon, min([now, *self._since.values()]))
        return self._horizon


def _commands(rows: Mapping[Process, _Row]) -> list[Process]:
    """Those that may be writing: neither a make nor above one."""
    by_number = {process[0]: row for process, row in rows.items()}
    drivers: set[int] = set()
    for process, row in rows.items():
        number = process[0]
        if row.command in _MAKES or row.command.startswith("nbmake-"):
            while number in by_number and number not in drivers:
                drivers.add(number)
                number = by_number[number].parent
    return [process for process in rows if process[0] not in drivers]


def _session(leader: int) -> dict[Process, _Row]:
    """All processes of a session."""
    rows: dict[Process, _Row] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                head, _, tail = file.read().rpartition(b")")
        except OSError:
            continue
        fields = tail.split()  # from the state on: proc(5), field 3
        if len(fields) > 19 and int(fields[3]) == leader and fields[0] != b"Z":
            command = head.partition(b"(")[2].decode(errors="replace")
            rows[int(name), fields[19].decode()] = _Row(int(fields[1]), command)
    return rows


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """All regular files below `folder`."""
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            found = list(entries)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path, entry.stat(follow_symlinks=False)
