"""Unpacking sets into a store or a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from buildlib.model.digest import Blob
from buildlib.model.errors import ArchiveError
from buildlib.model.tree import Tree
from buildlib.sources.archive.unpack import extract, ingest
from buildlib.store.blobs import Blobs
from buildlib.store.packs import Packs, StoredTree, content_of, read_content

TIME = 1_700_000_000


class Bench:
    """Archives and a store in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packs = Packs(folder, Blobs(folder))
        self.count = 0

    def archive(self, data: bytes) -> Path:
        self.count += 1
        path = self.folder / f"{self.count}.tgz"
        path.write_bytes(data)
        return path

    def ingest(self, data: bytes) -> tuple[Tree, dict[str, bytes]]:
        packs: list[Blob] = []
        with self.packs.writer(packs) as pack:
            tree = ingest(self.archive(data), pack, origin="base", where="base.tgz")
        places = self.packs.contents(StoredTree(tree, tuple(packs)))
        return tree, {
            entry.path: read_content(content_of(places, entry))
            for entry in tree
            if entry.kind == "file"
        }

    def extract(self, *archives: bytes) -> Path:
        root = self.folder / "sources"
        root.mkdir(exist_ok=True)
        extract(
            [(self.archive(data), f"set{number}") for number, data in enumerate(archives)], root
        )
        return root


def refused(action: Callable[[], object]) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        action()
    return caught.value
