"""The judges of images are complete: every attribute of a tree is checked by some reader."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from support.readers import ffs_readers, format_readers, iso_readers
from support.readers.format_readers import Found
from support.readers.trees import TIME, Contents, block, char, fifo, file, folder, link
from support.readers.ufs import Ufs
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.mtree import format_tree
from buildlib.model.tree import ROOT, Tree, tree_of
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.images.iso import Iso

pytestmark = pytest.mark.programs

BIOS = OutputRef("grub:bios", "image")
# A change, and the readers of discs and of root images that must notice it.
CHANGES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "setuid": ("su", {"mode": 0o555}, "bsdtar xorriso pycdlib mtree", "own sleuthkit mtree"),
    "setgid": ("mail", {"mode": 0o555}, "bsdtar xorriso pycdlib mtree", "own sleuthkit mtree"),
    "sticky": ("tmp", {"mode": 0o777}, "bsdtar xorriso pycdlib mtree", "own sleuthkit mtree"),
    "a bit": (
        "su",
        {"mode": 0o4554},
        "bsdtar xorriso isoinfo pycdlib mtree",
        "own sleuthkit mtree",
    ),
    "owner": ("tmp", {"uid": 1}, "bsdtar xorriso isoinfo pycdlib mtree", "own sleuthkit mtree"),
    "group": ("null", {"gid": 1}, "bsdtar xorriso isoinfo pycdlib mtree", "own sleuthkit mtree"),
    "large owner": (
        "mail",
        {"uid": 70000 - 65536},
        "bsdtar xorriso pycdlib mtree",
        "own sleuthkit mtree",
    ),
    "time": ("link", {"time": TIME + 1}, "bsdtar pycdlib mtree", "own sleuthkit mtree"),
    "the root's time": (ROOT, {"time": TIME + 1}, "bsdtar pycdlib mtree", "own mtree"),
    "size": ("su", {"size": 4}, "bsdtar xorriso isoinfo pycdlib mtree", "own sleuthkit mtree"),
    "content": ("su", {"sha256": "0" * 64}, "bsdtar mtree", "own mtree"),
    "target": (
        "link",
        {"link": "sv"},
        "bsdtar xorriso isoinfo pycdlib mtree",
        "own sleuthkit mtree",
    ),
    "major": ("null", {"device": (3, 2)}, "bsdtar pycdlib", "own mtree"),
    "minor": ("xbd", {"device": (142, 1)}, "bsdtar pycdlib", "own mtree"),
    "links": ("one", {"inode": ""}, "bsdtar isoinfo pycdlib", "own mtree"),
    "kind": (
        "fifo",
        {"kind": "file", "sha256": "0" * 64},
        "bsdtar xorriso isoinfo pycdlib mtree",
        "own sleuthkit mtree",
    ),
    "name": (
        "raw\udcff",
        {"path": "raw\udcfe"},
        "bsdtar xorriso isoinfo pycdlib grub mtree",
        "own sleuthkit grub mtree",
    ),
    "long name": (
        "n" * 255,
        {"path": "n" * 254},
        "bsdtar xorriso isoinfo pycdlib grub mtree",
        "own sleuthkit grub mtree",
    ),
}


@dataclass(frozen=True)
class Judged:
    """A tree, what each reader finds, the spec that one makes, and the names that GRUB lists."""

    tree: Tree
    found: dict[str, dict[str, Found]]
    spec: bytes
    listed: list[str]

    def noticing(self, tree: Tree) -> set[str]:
        """The readers that find a difference from a tree."""
        names = {
            name for name, seen in self.found.items() if format_readers.differences(tree, seen)
        }
        names |= (
            {"mtree"} if format_readers.spec_differences(format_tree(tree), self.spec) else set()
        )
        top = sorted(entry.name for entry in tree if entry.path != ROOT and "/" not in entry.path)
        return names | ({"grub"} if top != self.listed else set())


def contents() -> Contents:
    return {
        **folder(".", 0o711, uid=4),
        **folder("tmp", 0o1777),
        **file("su", b"su!", 0o4555),
        **file("mail", b"", 0o2555, uid=70000),
        **file("one", b"1", inode="i"),
        **file("two", b"1", inode="i"),
        **link("link", "su"),
        **char("null", 2, 2),
        **block("xbd", 142, 0),
        **fifo("fifo"),
        **file("raw\udcff", b"r"),
        **file("n" * 255, b"n"),
    }


def changed(tree: Tree, change: str) -> Tree:
    """The tree with a deliberate mistake."""
    path, values, _, _ = CHANGES[change]
    assert path in tree.by_path
    return tree_of(replace(entry, **values) if entry.path == path else entry for entry in tree)


def top_names(listing: str) -> list[str]:
    """The names that GRUB lists in the root folder."""
    return sorted(
        name.rstrip("/") for name in listing.rstrip(" \n").split(" ") if name not in {"./", "../"}
    )


@pytest.fixture(scope="module")
def disc(shared_bench: Bench) -> Judged:
    stage = Iso(TREE, {"bios": BIOS}, volume="judged", application="", time=TIME)
    outputs = shared_bench.run_stage(
        stage, {TREE: shared_bench.stored(contents()), BIOS: b"boot image" * 20}
    )
    iso, tree = shared_bench.path(outputs["iso"]), shared_bench.tree(outputs["spec"])
    found = {name: judge(iso) for name, judge in iso_readers.ISO_JUDGES.items()}
    return Judged(
        tree,
        found,
        iso_readers.bsdtar_spec(iso),
        top_names(format_readers.grub_lists(iso, ROOT)),
    )


@pytest.fixture(scope="module")
def image(shared_bench: Bench) -> Judged:
    stored = shared_bench.stored(contents())
    outputs = shared_bench.run_stage(FfsImage(TREE, TIME, free="1m"), {TREE: stored})
    path = shared_bench.path(outputs["image"])
    own = Ufs(path).tree
    found = {"own": own, "sleuthkit": {ROOT: Found("dir"), **ffs_readers.sleuthkit(path)[0]}}
    listed = top_names(format_readers.grub_lists(path, ROOT))
    return Judged(stored.tree, found, format_readers.spec_of(own), listed)


def test_what_is_right_is_found_right(disc: Judged, image: Judged) -> None:
    assert disc.noticing(disc.tree) == set()
    assert image.noticing(image.tree) == set()


@pytest.mark.parametrize("change", CHANGES)
def test_who_notices_on_a_disc(disc: Judged, change: str) -> None:
    assert disc.noticing(changed(disc.tree, change)) == set(CHANGES[change][2].split())


@pytest.mark.parametrize("change", CHANGES)
def test_who_notices_in_a_root_image(image: Judged, change: str) -> None:
    assert image.noticing(changed(image.tree, change)) == set(CHANGES[change][3].split())
