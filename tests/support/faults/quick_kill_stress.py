"""Stress test of a store: builds of a tenth of a second, killed with -9 at random moments.

The builds have all parts of real ones: a tree in a pack, a tool, blobs that are written in pieces,
stages in two threads, products with a build record. `Siege` does the same with whole checkouts.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.product import Product
from buildlib.engine.publish import Publisher
from buildlib.engine.stage import OutputRef, Outputs, SourceFile, Stage, StageContext
from buildlib.model.digest import sha256
from buildlib.model.events import Event, Finished, silent
from buildlib.store.store import Store
from support.checkouts.fault_checkout import works_in
from support.stages.fake_stages import Harvest, Join, Plant, Read

Products: TypeAlias = Mapping[str, str]

WORDS = ("one", "two", "three")  # source files; each has one of two texts
VARIANTS = 2 ** len(WORDS)
PATIENCE = 120.0  # seconds; only a stuck store takes so long
_LINES = 4_000  # of the large content
_PAUSE = 0.002


@dataclass(frozen=True)
class Tool(Stage):
    """A content converted by a tool of the host, in a few steps."""

    TOOLS = ("sh",)

    line: OutputRef

    def run(self, job: StageContext) -> Outputs:
        """Run the tool, which writes piece by piece."""
        (job.folder / "in").write_bytes(job.read(self.line))
        job.run("sh", "-c", "for i in 1 2 3 4; do cat in; sleep 0.005; done >out")
        return {"out": job.blobs.adopt(job.folder / "out")}


@dataclass(frozen=True)
class Large(Stage):
    """A content that is written in many pieces."""

    line: OutputRef

    def run(self, job: StageContext) -> Outputs:
        """Write it."""
        line = job.read(self.line) + b"\n"
        with job.blobs.writer() as writer:
            for number in range(_LINES):
                writer.write(b"%d " % number + line)
                if number % 500 == 0:
                    time.sleep(_PAUSE)
        return {"all": writer.blob}


def write_words(variant: int, place: Path) -> None:
    """Write the source files in `place`, each by a rename."""
    for number, name in enumerate(WORDS):
        scratch = place / f"{name}.new"
        scratch.write_text(f"{name} {variant >> number & 1}\n")
        scratch.replace(place / name)


def products_of(place: Path) -> Products:
    """The products in `place`, and their digests."""
    folder = place / "dist"
    return {
        path.name: sha256(path.read_bytes())
        for path in (folder.iterdir() if folder.exists() else ())
    }


def _stages(folder: Path) -> dict[str, Stage]:
    reads = {name: Read(SourceFile(folder / name, name)) for name in WORDS}
    return {
        **reads,
        "join": Join(tuple(OutputRef(name, "words") for name in WORDS)),
        "tool": Tool(OutputRef("join", "line")),
        "large": Large(OutputRef("one", "words")),
        "plant": Plant(
            OutputRef("tool", "out"), {f"f{number:02}": "x" * number for number in range(40)}
        ),
        "harvest": Harvest(OutputRef("plant", "tree")),
    }


def build(folder: Path, *, at_once: bool = True) -> int:
    """Build everything in `folder` like doit. Return how many stages and products were made."""
    store = Store(folder / "build")
    store.begin(waiting=lambda _text: None)
    try:
        store.blobs.clear_tmp()
        made = _build(folder, store, at_once=at_once)
        store.seen.save()
    finally:
        store.end()
    return made


def _build(folder: Path, store: Store, *, at_once: bool) -> int:
    made: list[Event] = []
    engine = Engine(
        Graph(_stages(folder)),
        store,
        Keys(store, CodeDigests(store.seen)),
        sink=made.append,
        jobs=2,
    )
    threads = [
        threading.Thread(target=engine.build, args=(name,))
        for name in ("large", "harvest")
        if at_once
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    product = Product(
        "all",
        folder / "dist",
        {"large": OutputRef("large", "all"), "leaf": OutputRef("harvest", "leaf")},
        record="all.json",
    )
    for name in ("large", "harvest"):
        engine.build(name)
    publisher = Publisher(engine, silent, facts={"release": "quick"})
    fresh = not publisher.is_current(product)
    if fresh:
        publisher.publish(product)
    return fresh + sum(isinstance(event, Finished) and event.outcome == "built" for event in made)


def _forked(work: Callable[[], int]) -> int:
    """A process that does `work` and exits with its result, or 255 if it raises."""
    if pid := os.fork():
        return pid
    try:
        os.setpgid(0, 0)
        os._exit(work())
    except BaseException:  # noqa: BLE001  nothing of the parent's may run in it
        import traceback

        traceback.print_exc()
    finally:
        os._exit(255)


@dataclass
class QuickSiege:
    """Attacks on one store in `folder`, which must not exist."""

    folder: Path
    seed: int
    kills: int = 0
    recoveries: int = 0
    left: int = 0  # tools left by a killed run
    _known: dict[int, Products] = field(default_factory=dict)
    _variant: int = 0
    _seconds: float = 0.1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        for variant in range(VARIANTS):  # from fresh builds elsewhere
            place = self.folder / f"fresh-{variant}"
            place.mkdir(parents=True)
            self._set(variant, place)
            started = time.monotonic()
            assert self._whole(place) > 0
            self._seconds = time.monotonic() - started
            self._known[variant] = products_of(place)
        self.place = self.folder / "siege"
        self.place.mkdir()
        self._set(0, self.place)

    def attack(self) -> None:
        """One or two builds at once, killed at a random moment."""
        self._disturb()
        runs = [_forked(lambda: build(self.place)) for _ in range(self.random.choice((1, 1, 1, 2)))]
        time.sleep(self.random.uniform(0, self._seconds))
        for pid in runs:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, signal.SIGKILL)
                status = os.waitpid(pid, 0)[1]
                self.kills += os.WIFSIGNALED(status)
        self.left += bool(works_in(self.place))
        self._check()

    def _disturb(self) -> None:
        """Create work: change inputs, drop results, remove products."""
        if self.random.random() < 0.6:
            self._set(self.random.randrange(VARIANTS), self.place)
        if self.random.random() < 0.7:
            for path in self.place.glob("build/store/records/*/*.json"):
                if self.random.random() < 0.8:
                    path.unlink()
        if self.random.random() < 0.2:
            for path in self.place.glob("dist/*"):
                path.unlink()

    def recover(self) -> None:
        """An undisturbed build has the right result, like a fresh one, and leaves no process."""
        self._whole(self.place)
        self.recoveries += 1
        assert products_of(self.place) == self._known[self._variant], self.report()
        assert self._whole(self.place) == 0, f"there is work left: {self.report()}"
        assert not works_in(self.place), f"{works_in(self.place)}: {self.report()}"
        assert not list((self.place / "build/store/tmp").iterdir()), self.report()
        self._check()

    def report(self) -> str:
        """Counts, for a log."""
        return (
            f"seed {self.seed}: {self.kills} kills, {self.recoveries} recoveries, "
            f"{self.left} times a tool was left"
        )

    def _set(self, variant: int, place: Path) -> None:
        write_words(variant, place)
        self._variant = variant

    def _whole(self, place: Path) -> int:
        """Run to the end. Return what it made. If it does not end, the store is stuck."""
        pid, end = _forked(lambda: build(place)), time.monotonic() + PATIENCE
        while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() > end:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise AssertionError(f"the store is stuck: {self.report()}")
            time.sleep(0.002)
        status = os.waitstatus_to_exitcode(found[1])
        assert 0 <= status < 255, f"the run failed ({status}): {self.report()}"
        return status

    def _check(self) -> None:
        """Products are intact, and everything that a record names is there unchanged."""
        for name, digest in products_of(self.place).items():
            assert digest in {known[name] for known in self._known.values()}, (
                f"{name} is not whole or has no business there: {self.report()}"
            )
        store = self.place / "build/store"
        for path in store.glob("records/*/*.json"):
            for blob, packs, files in json.loads(path.read_bytes())["outputs"].values():
                for kind, (name, size) in [
                    ("blobs", blob),
                    *(("packs", pack) for pack in packs),
                    *(("blobs", file) for file in files),
                ]:
                    assert (store / kind / name[:2] / name).stat().st_size == size, self.report()
