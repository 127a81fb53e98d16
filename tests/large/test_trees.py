"""Very large trees: every reader finds everything, on a disc and in a root image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from support.readers import ffs_readers, format_readers, iso_readers
from support.readers.trees import TIME, Contents, file, link
from support.readers.ufs import Ufs
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.tree import ROOT, Entry, Tree
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso
from buildlib.store.packs import StoredTree

MANY = 100_000
BIOS = OutputRef("grub:bios", "image")


def deep() -> Contents:
    path = "/".join(["d"] * 1000)
    return {**file(f"{path}/leaf", b"deep"), **link(f"{path}/up", "../leaf")}


def wide() -> Contents:
    contents: Contents = {}
    for number in range(20_000):
        contents |= file(f"many/{number}.o", b"%d" % (number % 7), uid=number)
    return contents


def many() -> Contents:
    contents: Contents = {}
    for number in range(MANY):
        path = f"{number % 100}/{number // 100 % 20}/{number}"
        contents |= file(path, b"%d" % (number % 7), 0o4755 if number % 3 else 0o644, gid=number)
    return contents


@dataclass(frozen=True)
class Large:
    """A tree in a store, and a path whose content is read."""

    bench: Bench
    stored: StoredTree
    sample: Entry
    data: bytes

    def disc(self) -> tuple[Path, Tree]:
        stage = Iso(TREE, {"bios": BIOS}, volume="large", application="", time=TIME)
        outputs = self.bench.run_stage(stage, {TREE: self.stored, BIOS: b"boot image" * 20})
        return self.bench.path(outputs["iso"]), self.bench.tree(outputs["spec"])

    def image(self) -> Path:
        outputs = self.bench.run_stage(FfsImage(TREE, TIME, free="1m"), {TREE: self.stored})
        return self.bench.path(outputs["image"])


@pytest.fixture(params=[deep, wide, many])
def large(bench: Bench, request: pytest.FixtureRequest) -> Large:
    contents = request.param()
    sample = [entry for entry in contents if entry.kind == "file"][-1]
    return Large(bench, bench.stored(contents), sample, contents[sample])


def test_a_disc(large: Large) -> None:
    iso, tree = large.disc()
    for name, judge in iso_readers.ISO_JUDGES.items():
        if name != "pycdlib" or len(tree) < MANY:
            assert format_readers.differences(tree, judge(iso)) == [], name
    assert format_readers.grub_reads(iso, large.sample) == large.data
    assert (
        format_readers.grub_lists(iso, large.sample.parent).split(" ").count(large.sample.name) == 1
    )


def shallow(tree: Tree) -> Tree:
    """The part that The Sleuth Kit reads: it descends at most 128 folders."""
    return Tree(tuple(entry for entry in tree if entry.path.count("/") <= 128))


def test_a_root_image(large: Large) -> None:
    image = large.image()
    tree, ufs = large.stored.tree, Ufs(image)
    assert format_readers.differences(tree, ufs.tree) == []
    found, inodes = ffs_readers.sleuthkit(image)
    assert format_readers.differences(shallow(tree), {ROOT: ufs.tree[ROOT], **found}) == []
    inode = ufs.numbers[large.sample.path]
    assert inodes.get(large.sample.path, str(inode)) == str(inode)
    assert ffs_readers.sleuthkit_reads(image, str(inode)) == large.data
    assert format_readers.grub_reads(image, large.sample) == large.data
    assert (
        format_readers.grub_lists(image, large.sample.parent).split(" ").count(large.sample.name)
        == 1
    )
