"""Running a single stage with a store in a temporary folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.keys import Keys
from buildlib.engine.stage import HostPackage, OutputRef, Stage, StageContext
from buildlib.host.jobserver import Slots
from buildlib.model.digest import Blob
from buildlib.model.events import Sink, silent
from buildlib.model.mtree import format_tree, parse
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.sources.mirrors import Mirrors
from buildlib.store.packs import StoredTree, read_content
from buildlib.store.records import Output
from buildlib.store.store import Store

Input: TypeAlias = "StoredTree | bytes | Output"

TREE = OutputRef("test", "tree")


class Bench:
    """A store on which stages run without an engine."""

    def __init__(self, build: Path) -> None:
        self.store = Store(build)
        self._keys = Keys(self.store, CodeDigests(self.store.seen))
        self._runs = 0

    def stored(self, entries: Mapping[Entry, bytes] | Tree, *, packs: int = 1) -> StoredTree:
        """A stored tree of entries with their contents in several packs.

        The files of a plain `Tree` are empty.
        """
        contents = {} if isinstance(entries, Tree) else dict(entries)
        tree = entries if isinstance(entries, Tree) else tree_of(contents)
        made: list[Blob] = []
        for number in range(packs):
            with self.store.packs.writer(made) as pack:
                for data in list(contents.values())[number::packs]:
                    pack.add(data)
        return StoredTree(tree, tuple(made))

    def run_stage(
        self,
        stage: Stage,
        inputs: Mapping[OutputRef, Input] | None = None,
        *,
        sink: Sink = silent,
        tools: Mapping[str, Path] | None = None,
    ) -> dict[str, Output]:
        """Run `stage`, whose fields name `inputs`. Return its stored outputs.

        `tools` replace those of the host.
        """
        job = self.context(stage, inputs, sink=sink, tools=tools)
        return {name: self.output(value) for name, value in stage.run(job).items()}

    def context(
        self,
        stage: Stage,
        inputs: Mapping[OutputRef, Input] | None = None,
        *,
        sink: Sink = silent,
        tools: Mapping[str, Path] | None = None,
    ) -> StageContext:
        """What `stage` runs in."""
        self._runs += 1
        folder = Path(self.store.blobs.fresh())
        folder.mkdir()
        packages = [value for value in vars(stage).values() if isinstance(value, HostPackage)]
        found = {tool: self._keys.tool(tool) for tool in stage.tools()}
        return StageContext(
            name=type(stage).__name__,
            folder=folder,
            log=self.store.logs / f"{self._runs}.log",
            inputs={ref: self.output(value) for ref, value in (inputs or {}).items()},
            blobs=self.store.blobs,
            packs=self.store.packs,
            trees=self.store.trees,
            runner=self.store.runner,
            workspaces=self.store.workspaces,
            tools={tool: path for tool, (path, _) in found.items()} | dict(tools or {}),
            tool_digests={tool: digest for tool, (_, digest) in found.items()},
            host_packages={package: self._keys.host_package(package) for package in packages},
            sink=sink,
            slots=Slots(1),
            services={Mirrors: Mirrors()},
            partial=self.store.build / "partial",
        )

    def output(self, value: Input | Blob) -> Output:
        """`value` as the output of a stage."""
        if isinstance(value, Output):
            return value
        if isinstance(value, Blob):
            return Output(value)
        if isinstance(value, bytes):
            return Output(self.store.blobs.put(value))
        spec = format_tree(value.tree)
        assert parse(spec) == value.tree  # an input is one or the other
        return Output(self.store.blobs.put(spec), value.packs, value.files)

    def path(self, output: Output) -> Path:
        """The path of a file output."""
        return self.store.blobs.path(output.blob)

    def read(self, output: Output) -> bytes:
        """The content of a file output."""
        return self.path(output).read_bytes()

    def tree(self, output: Output) -> Tree:
        """The tree of an output, or the one it describes."""
        return parse(self.read(output))

    def contents(self, output: Output) -> dict[str, bytes]:
        """The contents of a tree output, by SHA-256."""
        stored = StoredTree(self.tree(output), output.packs, output.files)
        places = self.store.packs.contents(stored)
        return {digest: read_content(place) for digest, place in places.items()}
