"""The cost of an image, measured in lines run, memory used and bytes moved, never in seconds."""

from __future__ import annotations

import os
import random
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, Stage
from buildlib.formats.ffs.layout import FfsLayout
from buildlib.formats.iso9660.layout import IsoLayout
from buildlib.formats.iso9660.volume_descriptor import Labels
from buildlib.model.digest import sha256
from buildlib.model.mtree import format_tree, parse
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso
from buildlib.store.packs import StoredTree

TREE, BOOT = OutputRef("tree", "tree"), OutputRef("boot", "bios")
ISO = Iso(TREE, {"bios": BOOT}, "COST", "COST", 0)
FFS = FfsImage(TREE, 0)


def lines_of(work: Callable[[], object]) -> int:
    """Number of the project's lines that ran."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace if "buildlib" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def files(count: int, size: int = 106 << 10) -> list[Entry]:
    """Files of one folder in no order, all of whose names are the same in 30 capitals.

    At 106 KiB each leaves part of a block, and a few hundred fill a cylinder group.
    """
    entries = [
        Entry(
            f"folder/a-name-that-is-longer-than-thirty-{number}",
            "file",
            0o444,
            size=size,
            sha256=f"{number:064x}",
            origin="base",
        )
        for number in range(count)
    ]
    random.Random(count).shuffle(entries)
    return entries


def lay_iso(tree: Tree) -> None:
    IsoLayout(tree, labels=Labels("COST"), time=0).render()


def lay_ffs(tree: Tree) -> None:
    list(
        FfsLayout(tree, time=0, identity=1, free_bytes=0, free_percent=5, free_inodes=100).render()
    )


@pytest.mark.parametrize("lay", [lay_iso, lay_ffs])
def test_four_times_the_files_take_four_times_the_work(lay: Callable[[Tree], None]) -> None:
    few, many = (lines_of(partial(lay, tree_of(files(count)))) for count in (500, 2_000))
    assert many < 4.4 * few


def test_specs_are_read_and_written_line_by_line() -> None:
    def work(count: int) -> None:
        tree = tree_of(files(count))
        assert parse(format_tree(tree)) == tree

    assert lines_of(lambda: work(2_000)) < 4.4 * lines_of(lambda: work(500))


def test_memory_of_a_file() -> None:
    """A hundred thousand take less than 300 MB: 2,700 bytes each, without Python itself."""
    spec, count = format_tree(tree_of(files(4_000, size=1))), 4_000
    lay_iso(parse(spec))  # what is kept for all images is not counted
    tracemalloc.start()
    try:
        tree = parse(spec)
        lay_iso(tree)
        format_tree(tree)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_700 * count


@pytest.mark.parametrize(("stage", "output"), [(ISO, "iso"), (FFS, "image")])
def test_contents_are_copied_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stage: Stage, output: str
) -> None:
    """Copied from the pack by the kernel if possible; the result is in the store."""
    contents = {}
    for number in range(20):
        data = random.Random(number).randbytes(300_000)
        contents[_entry(f"file{number:02d}", data)] = data
    stored = bench.stored(contents)
    moved: dict[str, int] = {"kernel": 0, "ours": 0}
    written: set[int] = set()
    _count(monkeypatch, moved, written)
    made = bench.run_stage(stage, {TREE: stored, BOOT: bytes(4096)})[output]
    assert moved["kernel"] + moved["ours"] < made.blob.size + 20_000, "image and spec"
    assert moved["kernel"] >= (4 << 20 if output == "iso" else 0), "what lies together in both"
    path = bench.path(made)
    assert written == {path.stat().st_ino}
    bench.store.blobs.place(made.blob, bench.store.build / "product")
    assert (bench.store.build / "product").samefile(path)


def test_images_on_a_disc_lie_where_blocks_can_be_shared(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XFS and btrfs then copy nothing: the disc image shares its blocks with the contents."""
    tree = tree_of([_entry("a", b"odd"), *(_entry(name, _large(name)) for name in ("b", "c"))])
    packs = bench.stored({_entry("a", b"odd"): b"odd"}).packs
    blobs = tuple(bench.store.blobs.put(_large(name)) for name in ("b", "c"))
    copy, places = os.copy_file_range, list[tuple[int, int, int]]()

    def note(source: int, target: int, size: int, start: int, at: int) -> int:
        places.append((start, at, size))
        return copy(source, target, size, start, at)

    monkeypatch.setattr(os, "copy_file_range", note)
    bench.run_stage(ISO, {TREE: StoredTree(tree, packs, blobs), BOOT: bytes(4096)})
    assert sum(size for _, _, size in places) > 16 << 20
    assert all(word % 4096 == 0 for place in places for word in place)


def _large(name: str) -> bytes:
    return random.Random(name).randbytes((9 << 20) + 5)


def _entry(path: str, data: bytes) -> Entry:
    return Entry(path, "file", 0o444, size=len(data), sha256=sha256(data))


def _count(monkeypatch: pytest.MonkeyPatch, moved: dict[str, int], written: set[int]) -> None:
    by_kernel, write, at = os.copy_file_range, os.write, os.pwrite

    def note(target: int, done: int, how: str) -> int:
        moved[how] += done
        if done > 100_000:
            written.add(os.fstat(target).st_ino)
        return done

    def copy(source: int, target: int, *words: int) -> int:
        return note(target, by_kernel(source, target, *words), "kernel")

    def counted(how: Callable[..., int]) -> Callable[..., int]:
        def call(*words: Any) -> int:
            return note(words[0], how(*words), "ours")

        return call

    monkeypatch.setattr(os, "copy_file_range", copy)
    monkeypatch.setattr(os, "write", counted(write))
    monkeypatch.setattr(os, "pwrite", counted(at))
