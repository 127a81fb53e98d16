"""Measuring whole processes: user and system seconds and peak memory as the kernel counts them."""

from __future__ import annotations

import atexit
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run: CPU and wall seconds, peak memory in MiB."""

    cpu: float
    wall: float
    memory: float

    def __add__(self, other: Run) -> Run:
        """One after the other."""
        return Run(self.cpu + other.cpu, self.wall + other.wall, max(self.memory, other.memory))


@dataclass(frozen=True, slots=True)
class Command:
    """What is measured; `before` runs unmeasured before each run."""

    argv: Sequence[str | Path]
    cwd: Path
    before: Callable[[], object] = lambda: None
    environment: Mapping[str, str] | None = None


class Folders:
    """Empty folders, a new one for each run; all are removed when the benchmarks end.

    Not before each run: a file system that avoids inodes just freed (ext4 without a journal, for
    minutes) searches for others at the expense of whoever makes files next.
    """

    def __init__(self, place: Path, name: str) -> None:
        self.current = place / name
        self._used = place / f"{name}.used"
        atexit.register(self._remove)

    def fresh(self) -> None:
        """Put the folder aside, if it is there, and make it."""
        if self.current.exists():
            self._used.mkdir(exist_ok=True)
            self.current.rename(self._used / str(len(list(self._used.iterdir()))))
        self.current.mkdir(parents=True)

    def _remove(self) -> None:
        for path in (self.current, self._used):
            shutil.rmtree(path, ignore_errors=True)


def run(command: Command) -> Run:
    """Run once. Raises RuntimeError where it fails."""
    command.before()
    environment = {**os.environ, **(command.environment or {})}
    # a test environment may keep Python from caching what it compiled; people's does not
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command.argv],
        cwd=command.cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{command.argv} failed: {errors.decode(errors='replace')[-2000:]}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def pairs(ours: Command, other: Command, runs: int) -> tuple[list[Run], list[Run]]:
    """Runs of both in turn, after one of each that does not count: the machine's moods cancel."""
    run(ours), run(other)
    both = [(run(ours), run(other)) for _ in range(runs)]
    return [a for a, _ in both], [b for _, b in both]


def middle(runs: Sequence[Run], figure: str) -> float:
    """The median of one figure."""
    return statistics.median(float(getattr(item, figure)) for item in runs)


def ratio(ours: Sequence[Run], others: Sequence[Run], figure: str) -> float:
    """The median of the ratios, pair by pair."""
    return statistics.median(
        float(getattr(a, figure)) / float(getattr(b, figure))
        for a, b in zip(ours, others, strict=True)
    )
