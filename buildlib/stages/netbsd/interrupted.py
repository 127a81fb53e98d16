"""Finds the files in a work folder that are complete although their build was killed.

make(1) takes an object newer than its source for complete, even one that a killed compiler left
half-written. So while a build runs, a file beside the folder is updated continually with the
earliest time at which any of the running commands can have started: the *horizon*. Any command
that a kill (even kill -9 of everything) interrupts started after it, so a file last changed before
it is complete. Files changed later are deleted before the build resumes. An outdated horizon is
still correct, only earlier than necessary.

Commands are all processes of the build's session except make itself and the ancestors of a make.
Times are the file system's (`st_ctime`), which no program can set back; they are not compared with
the clock of processes. After a crash of the whole machine, file contents may be missing whatever
the times say, so no file is kept then.
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

Process: TypeAlias = tuple[int, str]  # process id and start time: ids are reused


@dataclass(frozen=True, slots=True)
class _Row:
    """A process as listed in /proc."""

    parent: int
    command: str


class InterruptedBuild:
    """The horizon of the work folder `folder`, stored in a file beside it.

    inputs  identifies everything that the build reads; empty: inputs are not compared
    """

    def __init__(self, folder: Path, inputs: str = "") -> None:
        self._folder = folder
        self._file = folder.with_name(f"{folder.name}.horizon")
        self._inputs = inputs

    def sweep(self) -> int | None:
        """Delete files that may be incomplete; return the number of objects kept, None if empty.

        Call it before the build starts or resumes. Files made from other inputs are deleted too:
        make(1) would not notice that the inputs changed.
        """
        known = self._read() if self._has_same_inputs() else None
        objects = files = 0
        for path, status in _files(str(self._folder)):
            if known is None or status.st_ctime_ns >= known:
                os.unlink(path)
            else:
                files += 1
                objects += path.endswith(_OBJECTS)
        self._write(self._pulse())  # every file left is complete
        return objects if files else None

    @contextmanager
    def watching(self, leader: int) -> Iterator[None]:
        """Keep the horizon up to date while the build with session leader `leader` runs."""
        ended = threading.Event()

        def look() -> None:
            watch = _Watch(leader, self._read() or 0)
            while not ended.wait(_LOOK_SECONDS):
                with contextlib.suppress(OSError):  # a full disk: the old horizon stays valid
                    self._write(watch.look(self._pulse()))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def forget(self) -> None:
        """Delete the horizon after a successful build."""
        remove(self._file)

    def _has_same_inputs(self) -> bool:
        """Whether the files were made from the same inputs; records the current ones."""
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
        """The file system's current time in ns since 1970."""
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
    """Tracks the processes of one session."""

    def __init__(self, leader: int, began: int) -> None:
        self._leader = leader
        self._last = began
        self._horizon = began
        self._since: dict[Process, int] = {}

    def look(self, now: int) -> int:
        """The horizon, from the processes that run at the file system's time `now`."""
        if now < self._last:  # the clock was set back: earlier times cannot be compared
            self._horizon, self._since = 0, {}
            self._last = 0
        rows = _session(self._leader)
        commands = _commands(rows)
        # a process that was not a command at the last look became one after it
        self._since = {command: self._since.get(command, self._last) for command in commands}
        self._last = now
        self._horizon = max(self._horizon, min([now, *self._since.values()]))
        return self._horizon


def _commands(rows: Mapping[Process, _Row]) -> list[Process]:
    """The processes that may be writing: neither a make nor an ancestor of one."""
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
