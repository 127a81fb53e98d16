"""Our side of the rows on images: `pressing.py keep FOLDER STORE`, `iso STORE`, `ffs STORE`.

What is timed is a stage as a build runs it: it reads the tree's spec, lays out, writes, and hashes
the image, which the store then has. `bare-iso` writes the same without hashing it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.formats import image_writer
from buildlib.model.digest import Blob
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso
from buildlib.store.packs import StoredTree
from buildlib.store.records import Output

TIME = 1_000_000_000
BIOS = OutputRef("test", "bios")
LARGE = 64 << 20  # files from this size on are blobs of their own, as images are


def keep(folder: str, build: str) -> None:
    """Have a plain folder in a store, as a tree."""
    from buildlib.model.digest import Blob
    from buildlib.model.tree import Tree
    from buildlib.sources.folder import read_tree

    bench, packs = Bench(Path(build)), list[Blob]()
    source = Path(folder)
    large = {
        path.name: bench.store.blobs.copy_in(path)
        for path in source.iterdir()
        if path.is_file() and path.stat().st_size >= LARGE
    }
    if large:
        from buildlib.model.tree import Entry, tree_of

        tree = tree_of(
            Entry(name, "file", 0o644, time=TIME, size=blob.size, sha256=blob.sha256)
            for name, blob in large.items()
        )
    else:
        with bench.store.packs.writer(packs) as pack:
            tree = read_tree(
                source, source.with_name(f"{source.name}.mtree"), pack, origin="bench", time=TIME
            )
            tree = Tree(tuple(entry for entry in tree if entry.path != ".made"))
    output = bench.output(StoredTree(tree, tuple(packs), tuple(large.values())))
    Path(build, "tree.json").write_text(
        json.dumps(
            [[blob.sha256, blob.size] for blob in (output.blob, *output.packs)]
            + [[blob.sha256, -blob.size] for blob in output.files]
        )
    )


def _kept(build: str) -> Output:
    spec, *rest = json.loads(Path(build, "tree.json").read_text())
    return Output(
        Blob(*spec),
        tuple(Blob(*row) for row in rest if row[1] >= 0),
        tuple(Blob(name, -size) for name, size in rest if size < 0),
    )


class _Nothing:
    """In place of SHA-256."""

    def update(self, data: object) -> None:
        """Do not hash."""

    def hexdigest(self) -> str:
        """A name that no content has."""
        return "0" * 64


def press(kind: str, build: str) -> None:
    """Run the stage; the name of the image."""
    bench = Bench(Path(build))
    if kind == "bare-iso":
        vars(image_writer)["hashlib"] = SimpleNamespace(sha256=_Nothing)
        vars(image_writer)["_Hashing"].read = lambda *_words: None  # what is not hashed is not read
    if kind != "ffs":
        stage = Iso(TREE, {"bios": BIOS}, volume="bench", application="bench", time=TIME)
        outputs = bench.run_stage(stage, {TREE: _kept(build), BIOS: bytes(1 << 16)})
        print(bench.path(outputs["iso"]))
    else:
        print(bench.path(bench.run_stage(FfsImage(TREE, TIME), {TREE: _kept(build)})["image"]))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", folder, store]:
            keep(folder, store)
        case [("iso" | "bare-iso" | "ffs") as kind, store]:
            press(kind, store)
