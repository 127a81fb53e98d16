"""The layout of an FFS image, read back by a reader that checks every table."""

from __future__ import annotations

import pytest
from support.readers import format_readers
from support.readers.trees import TIME, Contents, block, char, fifo, file, folder, link
from support.readers.ufs import Ufs
from support.stages.stage_bench import TREE, Bench

from buildlib.formats.ffs.layout import FfsLayout, Space
from buildlib.formats.ffs.ufs1 import (
    BLOCK,
    FRAGMENT,
    GROUP_LIMIT,
    INODE_LIMIT,
    LIMIT,
    PER_BLOCK,
    ROOT_INODE,
    Geometry,
)
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.stages.images.ffs import FfsImage
from buildlib.store.packs import StoredTree

DIRECT = 12 * BLOCK  # what an inode points to itself
SIZES = (
    *(0, 1, FRAGMENT - 1, FRAGMENT, FRAGMENT + 1),
    *(BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + FRAGMENT),
    *(DIRECT - 1, DIRECT, DIRECT + 1, DIRECT + 5 * BLOCK + 3),
)


def pressed(bench: Bench, contents: Contents, *, free: str = "0") -> tuple[Ufs, Tree]:
    stage = FfsImage(TREE, TIME, free=free)
    outputs = bench.run_stage(stage, {TREE: bench.stored(contents)})
    return Ufs(bench.path(outputs["image"])), tree_of(contents)


def data_of(size: int) -> bytes:
    """Bytes that differ in every fragment."""
    return b"".join(b"%8d" % number for number in range(-(-size // 8)))[:size]


def layout(
    *entries: Entry, free_bytes: int = 0, free_percent: int = 0, free_inodes: int = 0
) -> FfsLayout:
    """The layout of a root folder with these entries."""
    return FfsLayout(
        tree_of([*folder("."), *entries]),
        time=TIME,
        identity=1,
        free_bytes=free_bytes,
        free_percent=free_percent,
        free_inodes=free_inodes,
    )


def sized(path: str, blocks: int, rest: int = 0) -> Entry:
    """A file of so many whole blocks and `rest` bytes; its content does not matter."""
    return Entry(path, "file", 0o644, size=blocks * BLOCK + rest, sha256="0" * 64)


def test_files_of_every_size(bench: Bench) -> None:
    contents = dict(folder("."))
    for size in SIZES:
        contents |= file(f"size-{size}", data_of(size))
    ufs, tree = pressed(bench, contents)
    assert format_readers.differences(tree, ufs.tree) == []


@pytest.mark.parametrize("target", [1, 59, 60, 61, 1000])
def test_links_of_every_length(bench: Bench, target: int) -> None:
    """A short target is in the inode (ufs/ufs/dinode.h of NetBSD: UFS1_MAXSYMLINKLEN)."""
    ufs, tree = pressed(bench, {**folder("."), **link("link", "x" * target)})
    assert format_readers.differences(tree, ufs.tree) == []


@pytest.mark.parametrize("count", [1, 2, 40, 300])
def test_folders_of_every_size(bench: Bench, count: int) -> None:
    contents = dict(folder(".") | folder("d"))
    for number in range(count):
        contents |= file(f"d/{number:03}-{'n' * (number % 50)}", b"x" * number)
    ufs, tree = pressed(bench, contents)
    assert format_readers.differences(tree, ufs.tree) == []


def test_the_same_tree_is_the_same_image(bench: Bench) -> None:
    contents = {
        **folder("."),
        **file("a", b"one"),
        **folder("d"),
        **file("d/b", data_of(BLOCK + 1)),
    }
    assert pressed(bench, contents)[0].data == pressed(bench, contents)[0].data


def test_contents_of_every_kind_are_where_the_inodes_say(bench: Bench) -> None:
    contents = {
        **folder("."),
        **char("null", 2, 2),
        **block("disk", 142, 300),
        **fifo("fifo"),
        **link("long", "x" * 200),
        **file("a", b"hard", inode="i"),
        **file("b", b"hard", inode="i"),
        **folder("d/e"),
        **file("large", data_of(DIRECT + 3 * BLOCK + 1)),
    }
    ufs, tree = pressed(bench, contents)
    assert format_readers.differences(tree, ufs.tree) == []
    assert ufs.numbers["a"] == ufs.numbers["b"]
    found = ufs.nodes[ufs.numbers["large"]].content
    assert found == data_of(DIRECT + 3 * BLOCK + 1)


@pytest.mark.thorough
def test_a_file_in_two_groups(bench: Bench) -> None:
    """The second group has inodes in use, and a partly used block."""
    big = bench.store.blobs.tmp / "big"
    with big.open("wb") as stream:
        stream.truncate(70 << 20)
    blob = bench.store.blobs.adopt(big)
    contents: Contents = {}
    for number in range(300):
        contents |= file(f"z/{number}", b"%d" % number)
    stored = bench.stored(contents)
    entry = Entry("m", "file", 0o644, time=TIME, size=blob.size, sha256=blob.sha256)
    tree = tree_of([*stored.tree, entry])
    outputs = bench.run_stage(
        FfsImage(TREE, TIME, free="0", inodes=0),
        {TREE: StoredTree(tree, stored.packs, (blob,))},
    )
    ufs = Ufs(bench.path(outputs["image"]))
    assert format_readers.differences(tree, ufs.tree) == []
    assert (ufs.groups, ufs.fpg, ufs.ipg) == (2, GROUP_LIMIT, 256)
    assert {number // ufs.ipg for number in ufs.nodes} == {0, 1}
    assert ufs.size == max(ufs.used) // PER_BLOCK * PER_BLOCK + PER_BLOCK


# places


def test_blocks_leave_out_the_tables_of_each_group() -> None:
    """Groups of 8 blocks, the first 2 with tables."""
    space = Space(data_at=2 * PER_BLOCK, per_group=8 * PER_BLOCK)
    assert space.blocks(5) == [PER_BLOCK * number for number in (2, 3, 4, 5, 6)]
    assert space.blocks(8) == [PER_BLOCK * n for n in (7, 10, 11, 12, 13, 14, 15, 18)]
    assert space.next == 19
    assert space.blocks(0) == []


def test_fragments_go_into_the_fullest_block_with_room() -> None:
    space = Space(data_at=2 * PER_BLOCK, per_group=100 * PER_BLOCK)
    assert [space.fragments(3), space.fragments(6)] == [16, 24]
    assert space.parts == {2: 3, 3: 6}
    assert space.fragments(1) == 30, "two are free there, five in the other"
    assert space.fragments(5) == 19
    assert space.parts == {3: 7}, "a full block is not in parts"
    assert space.fragments(1) == 31
    assert space.parts == {}
    assert space.fragments(7) == 32
    assert space.fragments(2) == 40, "one free fragment is not enough"
    assert space.next == 6


@pytest.mark.parametrize(
    ("blocks", "rest", "pointers", "lists", "used"),
    [
        (0, 1, 1, 0, 1),
        (0, FRAGMENT + 1, 1, 0, 2),
        (0, BLOCK - 1, 1, 0, 8),
        (11, FRAGMENT, 12, 0, 11 * 8 + 1),
        (12, 0, 12, 0, 12 * 8),
        (12, 1, 13, 1, 14 * 8),
        (12 + 4096, 0, 13, 1, (12 + 4097) * 8),
        (12 + 4096, 1, 14, 3, (12 + 4096 + 1 + 3) * 8),
        (12 + 2 * 4096, 0, 14, 3, (12 + 2 * 4096 + 3) * 8),
        (12 + 2 * 4096, 1, 14, 4, (12 + 2 * 4096 + 1 + 4) * 8),
    ],
)
def test_a_large_file_has_indirect_blocks(
    blocks: int, rest: int, pointers: int, lists: int, used: int
) -> None:
    node = layout(sized("a", blocks, rest)).inodes[1]
    assert (len(node.top), len(node.indirect), node.fragments) == (pointers, lists, used)
    places = [*node.blocks, *(at for at, _ in node.indirect)]
    assert len(set(places)) == blocks + (rest > 0) + lists
    assert list(node.top[:12]) == list(node.blocks[:12])


def test_adjacent_blocks_are_one_piece() -> None:
    """A file of two groups is in two pieces; the second one ends with the file."""
    image = layout(sized("a", 4100, 5))
    (_, offset, at, size), (_, again, beyond, rest) = image.extents()
    assert (offset, at) == (0, (32 + PER_BLOCK) * FRAGMENT)
    assert (again, beyond) == (size, (GROUP_LIMIT + 32) * FRAGMENT)
    assert size + rest == 4100 * BLOCK + 5
    assert at + size == GROUP_LIMIT * FRAGMENT


# sizes


def test_a_small_image_has_one_group_as_large_as_itself() -> None:
    """Its tables, and a block that the summary and the root folder share."""
    assert layout().geometry == Geometry(40, 1, 40, 128)
    assert layout(sized("a", 1)).geometry == Geometry(48, 1, 48, 128)
    assert layout(sized("a", 1)).size == 48 * FRAGMENT


@pytest.mark.parametrize(
    ("free_bytes", "free_percent", "size"),
    [(1, 0, 48), (8 * FRAGMENT, 0, 48), (8 * FRAGMENT + 1, 0, 56), (0, 50, 64), (0, 19, 48)],
)
def test_free_space_is_rounded_up_to_blocks(free_bytes: int, free_percent: int, size: int) -> None:
    image = layout(free_bytes=free_bytes, free_percent=free_percent)
    assert image.geometry == Geometry(size, 1, size, 128)


def test_free_inodes_fill_blocks() -> None:
    used = ROOT_INODE + 1
    assert layout(free_inodes=128 - used).geometry.inodes_per_group == 128
    assert layout(free_inodes=129 - used).geometry.inodes_per_group == 256


def test_a_group_has_as_many_inodes_as_it_can_count() -> None:
    used = ROOT_INODE + 1
    full = layout(free_inodes=INODE_LIMIT - used).geometry
    assert (full.groups, full.inodes_per_group) == (1, INODE_LIMIT)
    more = layout(free_inodes=INODE_LIMIT - used + 1).geometry
    assert (more.groups, more.inodes_per_group) == (2, 16384)


def test_a_group_is_filled_to_its_end() -> None:
    """Beside the file: 4 blocks of tables, 1 for summary and root, 1 with the file's addresses."""
    whole = GROUP_LIMIT // PER_BLOCK - 6
    full = layout(sized("a", whole))
    assert full.geometry == Geometry(GROUP_LIMIT, 1, GROUP_LIMIT, 128)
    smallest = GROUP_LIMIT + 32 + PER_BLOCK
    more = layout(sized("a", whole, 1))
    assert more.geometry == Geometry(smallest, 2, GROUP_LIMIT, 128)
    free = layout(sized("a", whole), free_bytes=1)
    assert free.geometry.size == smallest, "the last group has room for its tables and a block"


def test_an_image_of_4_tib_is_the_largest() -> None:
    used = 32 + 512 + PER_BLOCK  # tables, 65,536 summaries, root
    largest = layout(free_bytes=(LIMIT - used) * FRAGMENT).geometry
    assert (largest.size, largest.groups) == (LIMIT, 1 << 16)
    with pytest.raises(StageError) as caught:
        layout(free_bytes=(LIMIT - used + 1) * FRAGMENT)
    assert caught.value.reason == "ffs-size"


@pytest.mark.parametrize("target", [1023, 1024])
def test_a_target_has_at_most_1023_bytes(target: int) -> None:
    entry = Entry("a", "link", 0o755, link="x" * target)
    if target == 1023:
        assert layout(entry).inodes[1].size == target
    else:
        with pytest.raises(StageError, match="1024 bytes") as caught:
            layout(entry)
        assert (caught.value.reason, caught.value.where) == ("ffs-link", "a")


def test_a_name_that_is_too_long_is_told_with_its_folder() -> None:
    long = "n" * 256
    with pytest.raises(StageError) as caught:
        layout(Entry("d", "dir", 0o755), Entry(f"d/{long}", "fifo", 0o644))
    assert (caught.value.reason, caught.value.where) == ("ffs-name", f"d/{long}")


def test_links_are_counted() -> None:
    """A folder has its name, its `.` and each subfolder's `..`; a file has its names."""
    image = layout(
        Entry("d", "dir", 0o755),
        Entry("d/e", "dir", 0o755),
        Entry("d/f", "dir", 0o755),
        *(Entry(f"d/{name}", "file", 0o644, sha256="0" * 64, inode="i") for name in "xyz"),
    )
    assert [(node.entry.path, node.links) for node in image.inodes] == [
        (".", 3),
        ("d", 4),
        ("d/e", 2),
        ("d/f", 2),
        ("d/x", 3),
    ]
