"""FFS structures: what no reader looks at, and the values at the limits."""

from __future__ import annotations

from struct import unpack_from

import pytest

from buildlib.formats.ffs import ufs1
from buildlib.formats.ffs.ufs1 import Geometry, Summary
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry

SMALL = Geometry(40, 1, 40, 128)
LARGE = Geometry(2 * 32768 + 1000, 3, 32768, 4096)


@pytest.mark.parametrize(
    ("geometry", "data_at", "summary_size"),
    [
        (SMALL, 32, 2048),
        (LARGE, 280, 2048),
        (Geometry(1 << 22, 128, 32768, 128), 32, 2048),
        (Geometry(1 << 22, 129, 32768, 128), 32, 4096),
    ],
)
def test_where_the_data_of_a_group_begins(
    geometry: Geometry, data_at: int, summary_size: int
) -> None:
    assert (geometry.data_at, geometry.summary_size) == (data_at, summary_size)


def test_where_an_inode_is() -> None:
    assert LARGE.inode_at(2) == 24 * 2048 + 256
    assert LARGE.inode_at(4095) == 24 * 2048 + 4095 * 128
    assert LARGE.inode_at(2 * 4096 + 1) == (2 * 32768 + 24) * 2048 + 128


def test_the_superblock_s_fields() -> None:
    """By offset (sys/ufs/ffs/fs.h); with the values that newfs(8) writes. All others are 0."""
    block = ufs1.superblock(LARGE, Summary(5, 600, 70, 8), time=99, identity=0x80000001, volume="v")
    size, data = 66536, 66536 - 8 - 3 * (280 - 8) - 1
    fields = (  # offset, and the 32-bit words from there on
        (8, 8, 16, 24, 280, 0, -1),
        (32, 99, size, data, 3, 16384, 2048, 8, 5, 0, 60),
        (72, -16384, -2048, 14, 11, 4, 4096, 3, 2, 2048),
        (116, 4096, 128, 4, 0, 131072, 1),
        (144, 99, -0x7FFFFFFF, 280, 2048, 6144),
        (168, 131072, 131072, 3, 1, 4096, 32768),
        (192, 5, 600, 70, 8, -0x7FFFFF00),
        (680, ord("v")),
        (860, 16384),
        (1000, 8192, 0, 5, 0, 600, 0, 70, 0, 8),
        (1072, 99, 0, size, 0, data, 0, 280),
        (1196, 16384, 64),
        (1316, 4, 60, 2),
        (1336, 16383, 0, 2047, 0, 0, 1, 1),
        (1372, 0x011954),
    )
    words = {at + 4 * number: word for at, *row in fields for number, word in enumerate(row)}
    largest = 16384 * (12 + 4096 + 4096**2 + 4096**3) - 1
    assert unpack_from("<q", block, 1328) == (largest,)
    found = {at: unpack_from("<i", block, at)[0] for at in range(0, 1376, 4)}
    del found[1328], found[1332]  # one number of 64 bits
    assert {at: word for at, word in found.items() if word or at in words} == words


def test_a_volume_has_31_letters() -> None:
    """And a 0 at its end, which the field has room for."""
    block = ufs1.superblock(SMALL, Summary(0, 0, 0, 0), time=0, identity=0, volume="x" * 31)
    assert block[680:712] == b"x" * 31 + b"\0"


def test_a_group_counts_what_is_free() -> None:
    """Blocks that are used, free, and partly used; runs of free blocks by their lengths."""
    geometry = Geometry(40 * 8, 1, 40 * 8, 128)
    whole = b"\xff"
    free = b"\0" * 5 + whole + b"\0" + whole * 2 + b"\xf8" + whole * 7 + b"\x52" + whole * 4
    free += b"\0" * (40 - len(free))
    block, summary = ufs1.group(geometry, 0, free=free, inodes=13, folders=2, time=77)
    assert summary == Summary(2, 1 + 2 + 7 + 4, 115, 5 + 3)
    assert len(block) == 2048
    header = (0, 0x090255, 77, 0, 1, 128, 320, 2, 14, 115, 8)
    assert unpack_from("<4i2hi4i", block) == header
    assert unpack_from("<8i", block, 52) == (0, 3, 0, 0, 0, 1, 0, 0), "runs of fragments"
    fields = unpack_from("<8i", block, 84)
    free_at, end, counts, clusters = fields[3:7]
    assert fields == (168, 172, 174, 174 + 16, end, counts, clusters, 40)
    assert block[174:190] == b"\xff\x1f" + bytes(14), "13 inodes"
    assert block[free_at : free_at + 40] == free
    assert unpack_from("<4i", block, counts + 4) == (1, 1, 0, 2), "4 stands for 4 and more"
    assert (counts, clusters, end) == (228, 248, 253)
    bits = "".join(f"{byte:08b}"[::-1] for byte in block[clusters:end])
    assert bits == "".join("1" if byte == 0xFF else "0" for byte in free)


@pytest.mark.parametrize(("used", "bits"), [(0, b"\0\0"), (8, b"\xff\0"), (9, b"\xff\1")])
def test_the_first_inodes_are_in_use(used: int, bits: bytes) -> None:
    block, _ = ufs1.group(SMALL, 0, free=bytes(5), inodes=used, folders=0, time=0)
    assert block[174:176] == bits


def test_a_group_s_map_and_counts_end_within_its_size() -> None:
    for inodes in range(128, 32641, 128):
        geometry = Geometry(32768, 1, 32768, inodes)
        *_, end = ufs1._offsets(geometry)
        assert end <= ufs1._group_size(geometry) <= ufs1.BLOCK


@pytest.mark.parametrize(
    ("device", "word"),
    [((0, 0), 0), ((2, 3), 0x203), ((4095, 0x12345), 0x123FFF45), ((1, (1 << 20) - 1), 0xFFF001FF)],
)
def test_a_device_number(device: tuple[int, int], word: int) -> None:
    entry = Entry("a", "char", 0o600, device=device)
    data = ufs1.inode(entry, links=1, size=0, pointers=[], fragments=0)
    assert unpack_from("<L", data, 40) == (word,)


@pytest.mark.parametrize("device", [(4096, 0), (-1, 0), (0, 1 << 20), (0, -1)])
def test_a_device_number_that_netbsd_does_not_have(device: tuple[int, int]) -> None:
    entry = Entry("a", "char", 0o600, device=device)
    with pytest.raises(StageError) as caught:
        ufs1.inode(entry, links=1, size=0, pointers=[], fragments=0)
    assert (caught.value.reason, caught.value.where) == ("ffs-device", "a")


def test_an_inode_s_fields() -> None:
    entry = Entry("a", "file", 0o4755, uid=7, gid=8, time=1234)
    data = ufs1.inode(entry, links=3, size=5 << 32, pointers=[100, 108], fragments=9)
    assert len(data) == 128
    assert unpack_from("<Hh4xQ6i", data) == (0o104755, 3, 5 << 32, 1234, 0, 1234, 0, 1234, 0)
    assert unpack_from("<3i", data, 40) == (100, 108, 0)
    assert unpack_from("<LlLLL", data, 100) == (0, 36, 0, 7, 8)


@pytest.mark.parametrize(("size", "is_inside"), [(59, True), (60, False)])
def test_a_short_target_is_in_the_inode(size: int, is_inside: bool) -> None:
    entry = Entry("a", "link", 0o755, link="t" * size)
    data = ufs1.inode(entry, links=1, size=size, pointers=[100], fragments=1)
    assert (data[40 : 40 + size] == b"t" * size) is is_inside
    assert (unpack_from("<i", data, 40) == (100,)) is not is_inside


def test_a_folder_s_entries_cross_no_boundary() -> None:
    """Each takes 8 bytes, its name with a 0 at the end, rounded up to words of 4 bytes."""
    entries = [(2, "dir", "."), (2, "dir", ".."), (3, "file", "abc"), (4, "link", "abcd")]
    data = ufs1.folder(entries)
    assert len(data) == 512
    assert unpack_from("<LHBB4s", data) == (2, 12, 4, 1, b".\0\0\0")
    assert unpack_from("<LHBB4s", data, 24) == (3, 12, 8, 3, b"abc\0")
    assert unpack_from("<LHBB8s", data, 36) == (4, 512 - 36, 10, 4, b"abcd\0\0\0\0")
    # entries of 256 bytes fill a block exactly; one that is larger begins the next
    assert len(ufs1.folder([(3, "file", "x" * 247)] * 2)) == 512
    assert len(ufs1.folder([(3, "file", "x" * 247), (3, "file", "x" * 248)])) == 1024


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127])
def test_the_longest_name(name: str) -> None:
    data = ufs1.folder([(3, "fifo", name)])
    assert unpack_from("<LHBB", data) == (3, 512, 1, len(name.encode()))


def test_a_longer_name() -> None:
    with pytest.raises(StageError, match="256 bytes") as caught:
        ufs1.folder([(3, "fifo", "é" * 128)])
    assert (caught.value.reason, caught.value.where) == ("ffs-name", "é" * 128)
