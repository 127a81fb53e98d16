"""Running inputs in worker processes, and telling of what must not be."""

from __future__ import annotations

import os
import pickle
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.spending import peak, release

from buildlib.model.errors import GoldmasterError
from fuzz.changes import changed, spliced
from fuzz.targets import TARGETS, Target

SECONDS, MEGABYTES = 5.0, 300.0
_BATCH = 50  # inputs of one target that a worker runs before it tells
_ROOM = 2 << 30  # bytes of addresses that a worker may take besides what it has
_WORK = 50.0  # CPU seconds of a worker, for inputs that are quick; one more may be slow
_WAIT = 10 * 60.0  # seconds until a worker hangs: on a busy machine little CPU time takes long


@dataclass(frozen=True)
class Finding:
    """An input that did what none may do; `seed` makes it again."""

    target: str
    seed: str
    what: str


@dataclass
class Counts:
    """How many inputs ran, and how they ended."""

    runs: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")


def make(target: Target, seed: str) -> bytes:
    """The input of a seed."""
    chance = random.Random(seed)
    data = target.make(chance)
    if chance.randrange(12) == 0:
        data = spliced(chance, data, target.make(chance))
    return target.wrap(changed(chance, data), chance)


def run(target: Target, seed: str, folder: Path) -> tuple[str, float]:
    """Run one input: what must not be, or nothing; whether it was refused is its sign.

    The answer is (text, seconds): "", "refused", or the traceback.
    """
    data = make(target, seed)
    begun = time.process_time()
    try:
        target.read(data, folder)
        answer = ""
    except target.refuses:
        answer = "refused"
    except GoldmasterError as error:
        str(error)
        answer = "refused"
    except BaseException:  # noqa: BLE001  that is what is looked for
        answer = traceback.format_exc()
    return answer, time.process_time() - begun


def campaign(
    number: int, seed: str, *, only: str = "", workers: int = 2, counts: Counts | None = None
) -> Counts:
    """Run `number` inputs, spread over the targets whose names have `only` in them.

    counts  is added to while it runs, for a caller who may stop it
    """
    counts = counts or Counts()
    names = [name for name in TARGETS if only in name]
    batches = _batches(names, number, seed)
    running: dict[int, _Worker] = {}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        while True:
            while len(running) < workers and (batch := next(batches, None)) is not None:
                worker = _Worker(*batch, scratch=Path(scratch) / f"w{len(running)}-{batch[1][0]}")
                running[worker.descriptor] = worker
            if not running:
                return counts
            ready, _, _ = select.select(list(running), [], [], 0.5)
            for descriptor in list(running):
                worker = running[descriptor]
                if descriptor in ready or worker.late():
                    del running[descriptor]
                    worker.finish(counts)


def _batches(names: list[str], number: int, seed: str) -> Iterator[tuple[str, list[str]]]:
    """Targets in turn, so that a campaign that is stopped has tried them all."""
    each = -(-number // len(names))
    for start in range(0, each, _BATCH):
        for at, name in enumerate(names):
            most = number // len(names) + (at < number % len(names))
            seeds = [f"{seed}/{name}/{one}" for one in range(start, min(start + _BATCH, most))]
            if seeds:
                yield name, seeds


class _Worker:
    """A process that runs some inputs of one target."""

    def __init__(self, name: str, seeds: list[str], *, scratch: Path) -> None:
        self._name, self._seeds, self._scratch = name, seeds, scratch
        scratch.mkdir(parents=True)
        self.descriptor, writer = os.pipe()
        self._child = os.fork()
        if not self._child:
            try:
                _work(TARGETS[name], seeds, scratch, writer)
            finally:  # whatever happens, the child never goes on as the campaign
                os._exit(1)
        os.close(writer)
        self._begun = time.monotonic()

    def late(self) -> bool:
        return time.monotonic() - self._begun > _WAIT

    def finish(self, counts: Counts) -> None:
        """Take in what the worker tells; a run that it began and did not end is a finding."""
        if self.late():
            os.kill(self._child, signal.SIGKILL)
        with open(self.descriptor, "rb") as file:
            told = list(_told(file.read()))
        _, status = os.waitpid(self._child, 0)
        for seed, answer, seconds, megabytes in told:
            counts.runs[self._name] += 1
            counts.refused[self._name] += answer == "refused"
            counts.slowest = max(counts.slowest, (seconds, seed))
            counts.largest = max(counts.largest, (megabytes, seed))
            problems = [answer] if answer not in {"", "refused"} else []
            problems += [f"{seconds:.1f} s"] * (seconds > SECONDS)
            problems += [f"{megabytes:.0f} MB"] * (megabytes > MEGABYTES)
            counts.findings += [Finding(self._name, seed, what) for what in problems]
        if len(told) < len(self._seeds):
            counts.findings.append(
                Finding(self._name, self._seeds[len(told)], f"the worker ended with {status}")
            )
        shutil.rmtree(self._scratch, ignore_errors=True)


def _told(data: bytes) -> Iterator[tuple[str, str, float, float]]:
    while data:
        size, data = int.from_bytes(data[:4], "little"), data[4:]
        if len(data) < size:
            return
        yield pickle.loads(data[:size])
        data = data[size:]


def _work(target: Target, seeds: list[str], scratch: Path, writer: int) -> None:
    """In the child: run, and tell after each. The folder of an input is the only one it may use."""
    release()
    most = _addresses() + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    work = int(4 * SECONDS + _WORK)
    resource.setrlimit(resource.RLIMIT_CPU, (work, work))
    room = scratch / "room"
    for path, text in (("canary", "x"), ("beside/file", "y")):
        (scratch / path).parent.mkdir(exist_ok=True)
        (scratch / path).write_text(text)
    os.chdir(scratch)
    for seed in seeds:
        Path("/proc/self/clear_refs").write_text("5")
        before = peak()
        if target.writes or not room.exists():
            shutil.rmtree(room, ignore_errors=True)
            room.mkdir()
        answer, seconds = run(target, seed, room)
        if target.writes and (escaped := _escaped(scratch)):
            answer = f"outside of its folder: {escaped}"
        told = pickle.dumps((seed, answer, seconds, peak() - before))
        os.write(writer, len(told).to_bytes(4, "little") + told)
    os._exit(0)


def _addresses() -> int:
    """Bytes of addresses of this process; one that has run many tests has much."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _escaped(scratch: Path) -> str:
    """What is not as it was beside the folder, or leads out of it."""
    found = {
        str(path.relative_to(scratch))
        for path in scratch.rglob("*")
        if not path.is_relative_to(scratch / "room")
    }
    if (
        found != {"room", "canary", "beside", "beside/file"} - {"room"} | ({"room"} & found)
        or (scratch / "canary").read_text() != "x"
    ):
        return ", ".join(sorted(found))
    for path in (scratch / "room").rglob("*"):
        if path.is_symlink() and _leads_out(path, scratch / "room"):
            return str(path)
    return ""


def _leads_out(link: Path, room: Path) -> bool:
    try:
        return not link.resolve().is_relative_to(room.resolve())
    except (OSError, RuntimeError):  # a circle
        return False


def show(counts: Counts) -> int:
    """Print the counts and the findings; the status to end with."""
    for name in sorted(counts.runs):
        print(f"{name:<24} {counts.runs[name]:>8} runs {counts.refused[name]:>8} refused")
    print(f"{'all':<24} {counts.runs.total():>8} runs {counts.refused.total():>8} refused")
    print(f"slowest {counts.slowest[0]:.2f} s: {counts.slowest[1]}")
    print(f"largest {counts.largest[0]:.0f} MB: {counts.largest[1]}")
    for finding in counts.findings[:40]:
        print(f"--- {finding.target}: {finding.seed}\n{finding.what}", file=sys.stderr)
    print(f"{len(counts.findings)} findings")
    return 1 if counts.findings else 0
