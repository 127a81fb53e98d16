"""FFS images: two independent readers and a check of all tables find the tree's contents."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from struct import unpack_from

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support.readers import ffs_readers, format_readers
from support.readers.trees import TIME, Contents, block, char, fifo, file, folder, link, trees
from support.readers.ufs import Ufs
from support.stages.stage_bench import TREE, Bench

from buildlib.formats.ffs import ufs1
from buildlib.formats.ffs.layout import FfsLayout
from buildlib.model.errors import MissingBlob, StageError
from buildlib.model.mtree import format_tree
from buildlib.model.tree import ROOT, Entry, Tree, tree_of
from buildlib.stages.images.ffs import FfsImage, amount
from buildlib.store.packs import StoredTree

STAGE = FfsImage(TREE, TIME, free="1m")  # fls refuses images of less than 256 KiB


def press(
    bench: Bench, contents: Contents, *, packs: int = 1, stage: FfsImage = STAGE
) -> tuple[Path, Tree]:
    """An image of the tree, and the tree according to its spec."""
    outputs = bench.run_stage(stage, {TREE: bench.stored(contents, packs=packs)})
    return bench.path(outputs["image"]), bench.tree(outputs["spec"])


def check(bench: Bench, contents: Contents, *, stage: FfsImage = STAGE) -> tuple[Ufs, Path]:
    """Write the image, check every table, also with The Sleuth Kit."""
    image, _ = press(bench, contents, stage=stage)
    tree = tree_of(contents)
    ufs = Ufs(image)
    assert format_readers.differences(tree, ufs.tree) == []
    assert (
        format_readers.spec_differences(format_tree(tree), format_readers.spec_of(ufs.tree)) == []
    )
    assert format_readers.grub_differences(image, tree) == []
    assert all(len({ufs.numbers[path] for path in group}) == 1 for group in linked(tree))
    assert len(ufs.nodes) == len(tree) - sum(len(group) - 1 for group in linked(tree))
    found, inodes = ffs_readers.sleuthkit(image)
    shown = {path: ffs_readers.shown_by_sleuthkit(path) for path in ufs.tree if path != ROOT}
    if len(set(shown.values())) == len(shown):
        named = tree_of(
            replace(entry, path=shown.get(entry.path, ROOT), inode="") for entry in tree
        )
        assert format_readers.differences(named, {ROOT: ufs.tree[ROOT], **found}) == []
        assert {path: str(ufs.numbers[path]) for path in shown} == {
            path: inodes[name] for path, name in shown.items()
        }
    return ufs, image


def linked(tree: Tree) -> list[set[str]]:
    groups: dict[str, set[str]] = {}
    for entry in tree:
        if entry.inode:
            groups.setdefault(entry.inode, set()).add(entry.path)
    return list(groups.values())


# contents found by readers


@pytest.mark.programs
def test_every_kind_of_entry(shared_bench: Bench) -> None:
    contents = {
        **folder(".", 0o711, uid=4, time=TIME + 5),
        **folder("tmp", 0o1777),
        **folder("empty"),
        **file("bin/su", b"su!" * 10, 0o4555, gid=1),
        **file("bin/mail", b"", 0o2755, gid=6),
        **file("usr/a", b"one", 0o6711, inode="x"),
        **file("usr/b", b"one", 0o6711, inode="x"),
        **file("usr/lib/c", b"one", 0o6711, inode="x"),
        **file("usr/same", b"one"),
        **file("none1"),
        **file("twin1", inode="y"),
        **file("twin2", inode="y"),
        **link("relative", "bin/su"),
        **link("absolute", "/usr/a"),
        **link("as it is", "a//b/"),
        **link("59", "x" * 59),
        **link("60", "y" * 60),
        **link("1023", "z" * 1023),
        **char("dev/null", 2, 2, 0o666),
        **block("dev/xbd0a", 142, 0),
        **char("dev/large", 4095, (1 << 20) - 1),
        **fifo("run/fifo"),
        **file("owner", b"", uid=70000, gid=(1 << 32) - 1),
        **file("epoch", time=0),
        **file("new", time=(1 << 31) - 1),
        **file("n" * 255, b"name"),
        **file("Größe-日本", b"u"),
        **file("raw\udcff\udc80", b"r"),
        **file("line\nend", b"l"),
    }
    ufs, image = check(shared_bench, contents)
    assert ffs_readers.sleuthkit_links(image, str(ufs.numbers["usr/b"])) == 3
    assert ffs_readers.sleuthkit_reads(image, str(ufs.numbers["usr/lib/c"])) == b"one"
    for path, data in {"bin/su": b"su!" * 10, "usr/lib/c": b"one", "n" * 255: b"name"}.items():
        assert format_readers.grub_reads(image, Entry(path, "file", 0)) == data


def test_times_before_1970(shared_bench: Bench) -> None:
    image, tree = press(shared_bench, file("old", time=-(1 << 31)))
    assert format_readers.differences(tree, Ufs(image).tree) == []


@pytest.mark.programs
def test_files_of_every_size(shared_bench: Bench) -> None:
    """Sizes around the limits of fragments, blocks, direct and indirect pointers."""
    sizes = [
        1,
        2047,
        2048,
        2049,
        4096,
        14336,
        14337,
        16383,
        16384,
        16385,
        18432,
        3 * 16384 + 5,
        12 * 16384 - 1,
        12 * 16384,
        12 * 16384 + 1,
        13 * 16384,
        13 * 16384 + 2049,
    ]
    contents: Contents = {}
    for number, size in enumerate(sizes):
        contents |= file(f"{number:02}", bytes([number + 1]) * size)
    ufs, image = check(shared_bench, contents)
    for number in (2, 9, 14, 16):
        path = f"{number:02}"
        data = bytes([number + 1]) * sizes[number]
        assert ffs_readers.sleuthkit_reads(image, str(ufs.numbers[path])) == data
        assert format_readers.grub_reads(image, Entry(path, "file", 0)) == data


@pytest.mark.programs
def test_small_ends_share_blocks(shared_bench: Bench) -> None:
    contents: Contents = {}
    for number in range(100):
        contents |= file(f"{number:03}", b"x" * (2048 * (number % 7 + 1)))
    ufs, _ = check(shared_bench, contents, stage=replace(STAGE, free="0", inodes=0))
    used = sum(-(-len(data) // 2048) for data in contents.values())
    assert ufs.size - ufs.dblkno <= used + 8 * 8, "hardly a block is left in parts"


@pytest.mark.programs
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(trees())
def test_any_tree(shared_bench: Bench, contents: Contents) -> None:
    ufs, image = check(shared_bench, contents)
    nonempty = [entry for entry in contents if entry.kind == "file" and entry.size]
    for entry in nonempty:
        assert format_readers.grub_reads(image, entry) == contents[entry]
        assert ffs_readers.sleuthkit_reads(image, str(ufs.numbers[entry.path])) == contents[entry]


@pytest.mark.programs
def test_several_groups(bench: Bench) -> None:
    """An image of more than 128 MiB, mostly holes, with a file that crosses cylinder groups.

    Every group has inodes in use.
    """
    big = bench.store.blobs.tmp / "big"
    with big.open("wb") as stream:
        stream.truncate(150 << 20)
        stream.seek(100 << 20)
        stream.write(b"in the midst")
    blob = bench.store.blobs.adopt(big)
    small: Contents = {**file("z/last", b"last")}
    for number in range(5000):
        small |= file(f"a/{number}")
    stored = bench.stored(small)
    entry = Entry("m", "file", 0o644, time=TIME, size=blob.size, sha256=blob.sha256)
    tree = tree_of([*stored.tree, entry])
    outputs = bench.run_stage(
        replace(STAGE, inodes=0), {TREE: StoredTree(tree, stored.packs, (blob,))}
    )
    image = bench.path(outputs["image"])
    ufs = Ufs(image)
    assert ufs.groups == 3
    assert format_readers.differences(tree, ufs.tree) == []
    assert {number // ufs.ipg for number in ufs.nodes} == {0, 1, 2}
    found, inodes = ffs_readers.sleuthkit(image)
    assert format_readers.differences(tree, {ROOT: ufs.tree[ROOT], **found}) == []
    assert ffs_readers.sleuthkit_reads(image, inodes["z/last"]) == b"last"
    read = ffs_readers.sleuthkit_reads(image, inodes["m"])
    assert (len(read), read[100 << 20 :][:12]) == (150 << 20, b"in the midst")


def test_more_than_an_indirect_block_can_list() -> None:
    """Files of 64 MiB and more need double indirect blocks; only the layout is tested."""
    entry = Entry("big", "file", 0o644, size=(12 + 4096 + 5000) * 16384 + 1, sha256="0" * 64)
    image = FfsLayout(
        tree_of([entry]), time=TIME, identity=1, free_bytes=0, free_percent=0, free_inodes=0
    )
    node = image.inodes[1]
    assert len(node.top) == 14
    assert len(node.indirect) == 1 + 2 + 1
    listed = b"".join(data for _, data in node.indirect[:3])
    assert list(unpack_from(f"<{len(listed) // 4}i", listed)) == node.blocks[12:]
    assert unpack_from("<2i", node.indirect[3][1]) == tuple(at for at, _ in node.indirect[1:3])
    assert len(set(node.blocks) | {at for at, _ in node.indirect}) == len(node.blocks) + 4


# sizes


def test_free_space(shared_bench: Bench) -> None:
    contents = file("data", b"x" * 1_000_000)
    bare = press(shared_bench, contents, stage=replace(STAGE, free="0"))[0]
    more = press(shared_bench, contents, stage=replace(STAGE, free="3m"))[0]
    share = press(shared_bench, contents, stage=replace(STAGE, free="50%"))[0]
    size = bare.stat().st_size
    assert more.stat().st_size == size + (3 << 20)
    assert size * 1.5 - 16384 <= share.stat().st_size <= size * 1.5 + 16384
    assert free_of(Ufs(more)) - free_of(Ufs(bare)) == 3 << 20


def free_of(ufs: Ufs) -> int:
    _, blocks, _, fragments = unpack_from("<4i", ufs.super, 192)
    return int(blocks * ufs.bsize + fragments * ufs.fsize)


@pytest.mark.thorough
@pytest.mark.parametrize("inodes", [0, 1, 1000, 40_000])
def test_free_inodes(shared_bench: Bench, inodes: int) -> None:
    image, _ = press(shared_bench, file("a"), stage=replace(STAGE, inodes=inodes))
    ufs = Ufs(image)
    (free,) = unpack_from("<i", ufs.super, 200)
    assert inodes <= free < inodes + 128 * ufs.groups


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("5%", (0, 5)),
        ("0", (0, 0)),
        ("10b", (5120, 0)),
        ("64m", (64 << 20, 0)),
        ("1G", (1 << 30, 0)),
        (" 7k ", (7168, 0)),
    ],
)
def test_amounts(text: str, result: tuple[int, int]) -> None:
    assert amount(text) == result


@pytest.mark.parametrize("text", ["", "5 %", "-1", "1x2", "five", "5%%", "1.5m", "٣"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(StageError) as caught:
        amount(text)
    assert caught.value.reason == "ffs-free"


# rejected trees


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("a/" + "n" * 256, "fifo", 0o644), "ffs-name"),
        (Entry("a/link", "link", 0o755, link="x" * 1024), "ffs-link"),
        (Entry("a/new", "fifo", 0o644, time=1 << 31), "ffs-date"),
        (Entry("a/old", "dir", 0o755, time=-(1 << 31) - 1), "ffs-date"),
        (Entry("a/dev", "char", 0o600, device=(4096, 0)), "ffs-device"),
        (Entry("a/dev", "block", 0o600, device=(0, 1 << 20)), "ffs-device"),
    ],
)
def test_what_ffs_cannot_carry(bench: Bench, entry: Entry, reason: str) -> None:
    with pytest.raises(StageError) as caught:
        press(bench, {entry: b"", **folder("a")})
    assert caught.value.reason == reason
    assert caught.value.where == entry.path
    assert caught.value.why


def test_too_many_subfolders() -> None:
    entry = Entry("a", "dir", 0o755)
    assert len(ufs1.inode(entry, links=32767, size=512, pointers=[100], fragments=1)) == 128
    with pytest.raises(StageError) as caught:
        ufs1.inode(entry, links=32768, size=512, pointers=[100], fragments=1)
    assert (caught.value.reason, caught.value.where) == ("ffs-links", "a")


def test_content_that_is_missing_or_of_another_size(bench: Bench) -> None:
    stored = bench.stored(file("a", b"abc"))
    with pytest.raises(MissingBlob):
        bench.run_stage(STAGE, {TREE: StoredTree(stored.tree)})
    wrong = tree_of(
        replace(entry, size=entry.size + 1) if entry.path == "a" else entry for entry in stored.tree
    )
    with pytest.raises(StageError) as caught:
        bench.run_stage(STAGE, {TREE: StoredTree(wrong, stored.packs)})
    assert caught.value.reason == "short-content"


# tables compared with NetBSD's own makefs


@pytest.mark.programs
def test_what_file_says(shared_bench: Bench) -> None:
    image, _ = press(shared_bench, file("a", b"1"))
    said = format_readers.tool("file", "-b", image)
    assert b"Unix Fast File system [v1] (little-endian)" in said
    assert b"clean flag 1" in said


# the same bytes everywhere


def sample() -> Contents:
    contents = {**folder("tmp", 0o1777), **link("l", "x" * 300), **char("dev/null", 2, 2)}
    for number in range(200):
        contents |= file(f"{number % 10}/{number}", b"%d" % (number % 50) * number * 9)
    return {**contents, **file("a", b"hard", inode="i"), **file("b", b"hard", inode="i")}


def test_layout_depends_on_the_tree_alone(bench: Bench) -> None:
    contents = sample()
    images = {press(bench, contents, packs=packs)[0] for packs in (1, 2, 7)}
    images.add(press(bench, dict(reversed(contents.items())), packs=3)[0])
    assert len(images) == 1, "an image is named by its digest"


_PRESS = """
import sys
from pathlib import Path
from support.stages.stage_bench import Bench
import test_ffs
bench = Bench(Path(sys.argv[1]))
print(test_ffs.press(bench, test_ffs.sample())[0].name)
"""


@pytest.mark.programs
@pytest.mark.parametrize(
    ("moment", "environment", "umask"),
    [
        ("2001-02-03 04:05:06", {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1"}, 0o077),
        ("2031-08-09 23:59:59", {"TZ": "America/Caracas", "PYTHONHASHSEED": "2", "LC_ALL": "C"}, 0),
    ],
)
def test_the_same_bytes_in_any_surroundings(
    bench: Bench, tmp_path: Path, moment: str, environment: Mapping[str, str], umask: int
) -> None:
    tests = Path(__file__).parents[3]
    done = subprocess.run(
        ["faketime", moment, sys.executable, "-c", _PRESS, str(tmp_path / "else where")],
        cwd=tmp_path,
        umask=umask,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            **environment,
            "PYTHONPATH": f"{tests}:{Path(__file__).parent}:{tests.parent}",
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == press(bench, sample())[0].name
