"""Unpacks a binary set into a tree."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.digest import Blob
from buildlib.sources.archive.unpack import ingest
from buildlib.store.packs import StoredTree


@dataclass(frozen=True)
class Unpack(Stage):
    """The tree of the set `name`; every entry records its origin. Output: `tree`."""

    archive: OutputRef
    name: str

    def run(self, context: StageContext) -> Outputs:
        """Read the archive once, writing contents into a pack."""
        packs: list[Blob] = []
        path = context.path(self.archive)
        total = path.stat().st_size
        with context.packs.writer(packs) as pack:
            tree = ingest(
                path,
                pack,
                origin=self.name,
                where=self.archive.stage,
                tell=lambda done: context.tell(done, total, "bytes"),
            )
        return {"tree": StoredTree(tree, tuple(packs))}
