"""No image is made from content that does not match its digest, whatever its times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.stages.stage_bench import TREE, Bench, Input

from buildlib.engine.stage import OutputRef, Stage
from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import MissingBlob
from buildlib.model.tree import Entry, tree_of
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso
from buildlib.store.blobs import CHUNK
from buildlib.store.packs import ALIGN, StoredTree
from buildlib.store.records import Output

TIME = 1_000_000_000
BIOS = OutputRef("test", "bios")
SMALL, LARGE = b"small", bytes(range(256)) * (2 * CHUNK // 256 + 1)  # more than two chunks
KERNEL = LARGE[::-1]
STAGES: dict[str, Stage] = {
    "iso": Iso(TREE, {"bios": BIOS}, volume="v", application="a", time=TIME),
    "ffs": FfsImage(TREE, TIME),
}
# The place of the flipped bit: in the pack, its index or a blob that is copied as a whole.
PLACES = {
    "a small content": ("pack", 2),
    "the zeros behind it": ("pack", len(SMALL) + 1),
    "a content's first chunk": ("pack", ALIGN + 10),
    "a content's last chunk": ("pack", ALIGN + len(LARGE) - 1),
    "the index": ("index", 40),
    "a blob's first chunk": ("blob", 0),
    "a blob's last chunk": ("blob", len(KERNEL) - 1),
}


def stored(bench: Bench) -> Output:
    packs: list[Blob] = []
    with bench.store.packs.writer(packs) as pack:
        for data in (SMALL, LARGE):
            pack.add(data)
    kernel = bench.store.blobs.put(KERNEL)
    tree = tree_of(
        Entry(name, "file", 0o644, time=TIME, size=len(data), sha256=sha256(data))
        for name, data in (("a", SMALL), ("b", LARGE), ("kernel", KERNEL))
    )
    return bench.output(StoredTree(tree, tuple(packs), (kernel,)))


def flip(path: Path, offset: int) -> None:
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.thorough
@pytest.mark.parametrize("runs", [0, 1], ids=["first use", "used before"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", STAGES)
def test_damaged_content_makes_no_image(tmp_path: Path, kind: str, place: str, runs: int) -> None:
    tree = stored(Bench(tmp_path))
    inputs: dict[OutputRef, Input] = {TREE: tree, BIOS: bytes(2048)}
    names = {"iso": "iso", "ffs": "image"}
    for _ in range(runs):
        Bench(tmp_path).run_stage(STAGES[kind], inputs)
    what, offset = PLACES[place]
    store = (bench := Bench(tmp_path)).store
    pack = str(store.packs.where(tree.packs[0].sha256))
    flip(
        Path(
            {"pack": pack, "index": f"{pack}.idx", "blob": store.blobs.where(sha256(KERNEL))}[what]
        ),
        offset,
    )
    with pytest.raises(MissingBlob):
        bench.run_stage(STAGES[kind], inputs)
    assert not store.has(tree), "what is damaged is gone, so that it is made again"
    again = Bench(tmp_path)
    stored(again)
    made = again.run_stage(STAGES[kind], inputs)[names[kind]]
    clean = Bench(tmp_path / "clean")
    right = clean.run_stage(STAGES[kind], {TREE: stored(clean), BIOS: bytes(2048)})[names[kind]]
    assert made.blob == right.blob
