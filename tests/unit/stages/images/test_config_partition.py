"""Sizes of configuration partitions: as large as asked for, never larger."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.readers import format_readers
from support.readers.trees import TIME, file, folder
from support.readers.ufs import Ufs

from buildlib.formats.ffs.ufs1 import BLOCK
from buildlib.model.errors import ConfigError
from buildlib.model.tree import Entry, tree_of
from buildlib.stages.images.config_partition import _layout, size_of, write_image

MB = 1 << 20
CONTENTS = {**folder("."), **file("local/hosts", b"hosts"), **file("large", b"x" * 300_000)}
TREE = tree_of(CONTENTS)
BY_DIGEST = {entry.sha256: data for entry, data in CONTENTS.items()}


def test_an_image_has_the_tree_s_files(tmp_path: Path) -> None:
    path = tmp_path / "image"
    assert write_image(path, TREE, BY_DIGEST, time=TIME, size=2 * MB) == 2 * MB
    ufs = Ufs(path)
    assert format_readers.differences(TREE, ufs.tree) == []
    assert ufs.nodes[ufs.numbers["large"]].content == b"x" * 300_000
    assert [file.name for file in tmp_path.iterdir()] == ["image"], "nothing beside it"


def test_the_same_tree_is_the_same_image(tmp_path: Path) -> None:
    images = []
    for name in ("one", "two"):
        write_image(tmp_path / name, TREE, BY_DIGEST, time=TIME, size=MB)
        images.append((tmp_path / name).read_bytes())
    assert images[0] == images[1]


@pytest.mark.parametrize(
    "size", [MB, MB + BLOCK, MB + BLOCK - 1, 3 * MB + 1, 64 * MB, 65 * MB, 128 * MB, 200 * MB + 5]
)
def test_an_image_is_as_large_as_asked_for(size: int) -> None:
    """In whole blocks."""
    assert _layout(TREE, time=TIME, size=size).size == size // BLOCK * BLOCK


def test_a_last_group_that_would_only_hold_its_tables_is_left_out() -> None:
    image = _layout(TREE, time=TIME, size=64 * MB + BLOCK)
    assert (image.size, image.geometry.groups) == (64 * MB, 1)
    assert _layout(TREE, time=TIME, size=128 * MB + 2 * BLOCK).size == 128 * MB


def test_the_size_by_default() -> None:
    """Four times the content, at least 64 MiB; an inode for 8 KiB."""
    small = _layout(TREE, time=TIME, size=0)
    assert small.size == 64 * MB
    assert small.geometry.groups * small.geometry.inodes_per_group >= 64 * MB // 8192
    big = Entry("big", "file", 0o644, size=30 * MB, sha256="0" * 64)
    large = _layout(tree_of([*folder("."), big]), time=TIME, size=0)
    assert 4 * 30 * MB <= large.size < 4 * 31 * MB


def test_the_smallest_size() -> None:
    """What is needed, and not a block less."""
    with pytest.raises(ConfigError) as caught:
        _layout(TREE, time=TIME, size=BLOCK)
    assert caught.value.reason == "size"
    found = [size for size in range(20 * BLOCK, 60 * BLOCK, BLOCK) if _fits(size)]
    assert found == list(range(found[0], 60 * BLOCK, BLOCK))
    assert _layout(TREE, time=TIME, size=found[0]).size == found[0]
    with pytest.raises(ConfigError, match=f"{found[0] - 1} bytes are too few") as caught:
        _layout(TREE, time=TIME, size=found[0] - 1)
    assert caught.value.why == f"{found[0]} are needed, without any free space"


def _fits(size: int) -> bool:
    try:
        _layout(TREE, time=TIME, size=size)
    except ConfigError:
        return False
    return True


def test_two_trees_have_two_identities() -> None:
    """A positive number: the kernel shows it as a signed one."""
    other = tree_of([*folder("."), *file("other", b"x")])
    one, two = (_layout(tree, time=TIME, size=MB)._identity for tree in (TREE, other))
    assert one != two
    assert 0 <= one < 1 << 31


@pytest.mark.parametrize(("text", "size"), [("64m", 64 * MB), ("1g", 1 << 30), ("1", 1)])
def test_sizes_as_text(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "0", "0m", "5%", "x", "1.5m", "-1m", "9" * 50 + "%"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        size_of(text)
    assert caught.value.reason == "size"
    assert len(caught.value.what) < 80
