"""The tables of our FFS images are those of NetBSD's own makefs."""

from __future__ import annotations

from pathlib import Path
from struct import unpack_from

import pytest
from support.readers import format_readers
from support.readers.trees import TIME
from support.readers.ufs import Ufs

from buildlib.formats.ffs import ufs1
from buildlib.formats.ffs.ufs1 import Geometry, Summary


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of 100 MiB in 900 files by makefs, without uninitialized memory it wrote."""
    root = tmp_path_factory.mktemp("reference")
    for number in range(900):
        path = root / "tree" / f"{number % 30}" / f"{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.truncate(number * 257)
    format_readers.tool(
        "makefs",
        "-t",
        "ffs",
        "-B",
        "le",
        "-o",
        "version=1,bsize=16384,fsize=2048",
        "-T",
        str(TIME),
        "-b",
        "10%",
        root / "image",
        root / "tree",
    )
    with (root / "image").open("r+b") as stream:
        for at in (ufs1.SUPERBLOCK_AT, ufs1.COPY_AT * 2048):
            stream.seek(at + 728)
            stream.write(bytes(128))
    return root / "image"


def part(image: Path, at: int, size: int) -> bytes:
    with image.open("rb") as stream:
        stream.seek(at)
        return stream.read(size)


@pytest.mark.programs
def test_the_superblock(reference: Path) -> None:
    theirs = part(reference, ufs1.SUPERBLOCK_AT, 1376)
    geometry, total = geometry_of(theirs)
    ours = ufs1.superblock(geometry, total, time=TIME, identity=unpack_from("<i", theirs, 148)[0])
    assert [at for at in range(0, 1376, 4) if ours[at : at + 4] != theirs[at : at + 4]] == []


def geometry_of(superblock: bytes) -> tuple[Geometry, Summary]:
    (groups,) = unpack_from("<i", superblock, 44)
    inodes, fragments = unpack_from("<2i", superblock, 184)
    (size,) = unpack_from("<i", superblock, 36)
    return (
        Geometry(size, groups, fragments, inodes),
        Summary(*unpack_from("<4i", superblock, 192)),
    )


def test_the_groups(reference: Path) -> None:
    """Counts follow from the map of free fragments; makefs also records its last allocation."""
    geometry, _ = geometry_of(part(reference, ufs1.SUPERBLOCK_AT, 1376))
    assert geometry.groups == 1
    theirs = bytearray(part(reference, ufs1.GROUP_AT * 2048, 16384))
    (free_at,) = unpack_from("<i", theirs, 96)
    folders, _, free_inodes, _ = unpack_from("<4i", theirs, 24)
    free = bytes(theirs[free_at : free_at + geometry.size // 8])
    block_, _ = ufs1.group(
        geometry,
        0,
        free=free,
        inodes=geometry.inodes_per_group - free_inodes,
        folders=folders,
        time=TIME,
    )
    ours = bytearray(block_.ljust(16384, b"\0"))
    for data in (ours, theirs):
        data[40:52] = bytes(12)
    assert [at for at in range(0, 16384, 4) if ours[at : at + 4] != theirs[at : at + 4]] == []


@pytest.mark.thorough
def test_makefs_s_image_passes_the_same_check(reference: Path) -> None:
    """The check of all tables accepts an image by another writer."""
    nodes = Ufs(reference).nodes
    assert len(nodes) == 1 + 30 + 900
