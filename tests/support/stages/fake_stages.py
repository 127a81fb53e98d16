"""Toy stages for tests of the engine that count how often they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.stage import OutputRef, Outputs, SourceFile, SourceTree, Stage, StageContext
from buildlib.model.digest import Blob
from buildlib.model.events import Event, Finished
from buildlib.model.tree import Entry, tree_of
from buildlib.store.packs import StoredTree
from buildlib.store.store import Store

RUNS: list[str] = []


@dataclass(frozen=True)
class Read(Stage):
    """The words of a file in lower case, so white space and case do not affect the output."""

    file: SourceFile

    def run(self, job: StageContext) -> Outputs:
        """Read it."""
        RUNS.append(job.name)
        words = self.file.path.read_text().lower().split()
        return {"words": job.blobs.put(" ".join(words).encode())}


@dataclass(frozen=True)
class Join(Stage):
    """Outputs of other stages in one line."""

    parts: tuple[OutputRef, ...]
    glue: str = "+"

    def run(self, job: StageContext) -> Outputs:
        """Join them."""
        RUNS.append(job.name)
        parts = [job.path(ref).read_bytes() for ref in self.parts]
        return {"line": job.blobs.put(self.glue.encode().join(parts))}


@dataclass(frozen=True)
class Plant(Stage):
    """A tree of one file, whose content is another's output."""

    content: OutputRef
    extra: Mapping[str, str]

    def run(self, job: StageContext) -> Outputs:
        """Pack it."""
        RUNS.append(job.name)
        data = job.path(self.content).read_bytes()
        packs: list[Blob] = []
        with job.packs.writer(packs) as pack:
            entries = [Entry("leaf", "file", 0o644, size=len(data), sha256=pack.add(data))]
            for name, text in self.extra.items():
                entries.append(
                    Entry(name, "file", 0o644, size=len(text), sha256=pack.add(text.encode()))
                )
        return {"tree": StoredTree(tree_of(entries), tuple(packs))}


@dataclass(frozen=True)
class Harvest(Stage):
    """The content of the tree's leaf."""

    tree: OutputRef

    def run(self, job: StageContext) -> Outputs:
        """Take it out."""
        from buildlib.store.packs import content_of, read_content

        RUNS.append(job.name)
        stored = job.tree(self.tree)
        place = content_of(job.packs.contents(stored), stored.tree.by_path["leaf"])
        return {"leaf": job.blobs.put(read_content(place))}


@dataclass(frozen=True)
class Meddler(Stage):
    """Changes its own input while it runs."""

    file: SourceFile
    TEXT: ClassVar[str] = "changed under its feet"

    def run(self, job: StageContext) -> Outputs:
        """Change the input."""
        RUNS.append(job.name)
        self.file.path.write_text(self.TEXT)
        return {"words": job.blobs.put(b"made of the old text")}


@dataclass(frozen=True)
class Fails(Stage):
    """Runs a tool that needs a file in the stage's folder, and fails unless the input is good."""

    TOOLS = ("sh",)

    file: SourceFile

    def run(self, job: StageContext) -> Outputs:
        """Prepare the folder, run the tool."""
        (job.folder / "needs").write_text("needed\n")
        status = 0 if self.file.path.read_text() == "good" else 1
        job.run("sh", "-c", f"cat needs; exit {status}")
        return {"none": job.blobs.put(b"")}


@dataclass(frozen=True)
class Everything(Stage):
    """One field of each kind, for golden documents."""

    TOOLS = ("tool",)
    LIBRARIES = ("library",)

    file: SourceFile
    folder: SourceTree
    one: OutputRef
    many: tuple[OutputRef, ...]
    named: Mapping[str, OutputRef]
    words: tuple[str, ...] = ("a", "b")
    number: int = 7
    flag: bool = True
    nothing: str | None = None


class Field:
    """A project of toy stages in one folder, with one store for several engines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        RUNS.clear()

    def file(self, name: str, text: str) -> SourceFile:
        """A source file that is old enough for its times to be trusted."""
        path = self.folder / name
        path.write_text(text)
        return SourceFile(path, name)

    def engine(
        self,
        stages: Mapping[str, Stage],
        results: Mapping[str, tuple[OutputRef, ...]] | None = None,
    ) -> Engine:
        """A new run over the same store; `results` are the outputs used by products."""
        store = Store(self.folder / "build")
        graph = Graph(dict(stages), results=results or {})
        return Engine(
            graph, store, Keys(store, CodeDigests(store.seen)), sink=self.events.append, jobs=1
        )

    def build(
        self,
        stages: Mapping[str, Stage],
        results: Mapping[str, tuple[OutputRef, ...]] | None = None,
    ) -> tuple[Engine, dict[str, str]]:
        """Build the last stage and its inputs. Return how each stage ended, and what ran."""
        self.events.clear()
        RUNS.clear()
        engine = self.engine(stages, results)
        for name in stages:
            engine.build(name)
        ends = {event.stage: event.outcome for event in self.events if isinstance(event, Finished)}
        return engine, dict(ends)
