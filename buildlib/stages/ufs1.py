"""The structures of FFS version 1, little endian, as bytes.

Addresses are in fragments of FRAGMENT bytes; inodes count from 0, the root is ROOT_INODE.
Sources: sys/ufs/ffs/fs.h, sys/ufs/ufs/{dinode,dir}.h of NetBSD 10; newfs(8) for what the fields
that no reader needs have to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack, pack_into

from buildlib.words.errors import StageError
from buildlib.words.tree import Entry

BLOCK, FRAGMENT = 16384, 2048
PER_BLOCK = BLOCK // FRAGMENT
INODE_SIZE, INODES_PER_BLOCK = 128, BLOCK // 128
POINTERS = BLOCK // 4
DIRECT = 12
SUPERBLOCK_AT = 8192
ROOT_INODE = 2
SHORT_LINK = 60  # a target shorter than this is kept in the inode
# Where the parts of a group begin, in fragments: the superblock's copy, the group's own block, the
# inodes, for which room is left in the first group's boot and superblock.
COPY_AT, GROUP_AT, INODES_AT = 8, 16, 24
GROUP_LIMIT = 32768  # fragments: 64 MiB
INODE_LIMIT = 32640  # of a group: its count is a signed word, and whole blocks of them
_SECTORS = FRAGMENT // 512
_CLUSTER = 4  # longest run of free blocks that a group counts
_SUPERBLOCK_SIZE = 1376
_FS_MAGIC, _CG_MAGIC = 0x011954, 0x090255
_MAPS_AT = 174  # of a group: after its header and the empty tables of the 4.2BSD format
_ENTRY_BLOCK = 512  # no entry of a folder crosses its boundary
_TYPES = {"fifo": 1, "char": 2, "dir": 4, "block": 6, "file": 8, "link": 10}
_MODES = {kind: number << 12 for kind, number in _TYPES.items()}
_WHOLE = 0xFF


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in use and free: folders; blocks, inodes and fragments (of blocks partly used)."""

    folders: int
    blocks: int
    inodes: int
    fragments: int

    def words(self) -> tuple[int, int, int, int]:
        """In the order in which all structures have them."""
        return self.folders, self.blocks, self.inodes, self.fragments


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of a file system.

    size              in fragments, whole blocks
    groups            cylinder groups; the last may be shorter than the others
    per_group         fragments of a group
    inodes_per_group  whole blocks of them
    """

    size: int
    groups: int
    per_group: int
    inodes_per_group: int

    @property
    def data_at(self) -> int:
        """Where a group's data begins, in fragments."""
        return INODES_AT + self.inodes_per_group * INODE_SIZE // FRAGMENT

    @property
    def summary_size(self) -> int:
        """Bytes of the table of all groups' summaries, in whole fragments."""
        return -(-16 * self.groups // FRAGMENT) * FRAGMENT

    def inode_at(self, number: int) -> int:
        """Where an inode is, in bytes."""
        group, index = divmod(number, self.inodes_per_group)
        return (group * self.per_group + INODES_AT) * FRAGMENT + index * INODE_SIZE


def superblock(
    geometry: Geometry, total: Summary, *, time: int, identity: int, volume: str = ""
) -> bytes:
    """The superblock.

    identity  any number of 32 bits that tells this file system from others
    volume    its name, 31 characters of ASCII at most
    """
    data = bytearray(_SUPERBLOCK_SIZE)
    size, at = geometry.size, geometry.data_at
    summary = geometry.summary_size
    data_size = size - COPY_AT - geometry.groups * (at - COPY_AT) - summary // FRAGMENT
    sectors = geometry.per_group * _SECTORS
    pack_into("<6i", data, 8, COPY_AT, GROUP_AT, INODES_AT, at, 0, -1)
    pack_into("<3i", data, 32, time, size, data_size)
    pack_into("<7i", data, 44, geometry.groups, BLOCK, FRAGMENT, PER_BLOCK, 5, 0, 60)
    pack_into("<4i", data, 72, -BLOCK, -FRAGMENT, 14, 11)
    pack_into("<5i", data, 88, _CLUSTER, BLOCK // 4, 3, 2, 2048)
    pack_into("<7i", data, 116, POINTERS, INODES_PER_BLOCK, _SECTORS, 0, sectors, 1, 0)
    pack_into("<iI3i", data, 144, time, identity, at, summary, _group_size(geometry))
    pack_into("<4i", data, 168, sectors, sectors, geometry.groups, 1)
    pack_into("<2i", data, 184, geometry.inodes_per_group, geometry.per_group)
    pack_into("<4i4B", data, 192, *total.words(), 0, 1, 0, 0x80)  # clean; flags are elsewhere
    pack_into("<32s", data, 680, volume.encode())
    pack_into("<i", data, 860, BLOCK)
    pack_into("<5q", data, 1000, SUPERBLOCK_AT, *total.words())
    pack_into("<4q", data, 1072, time, size, data_size, at)
    pack_into("<2i", data, 1196, 16384, 64)  # what newfs expects of files and folders
    largest = BLOCK * (DIRECT + POINTERS + POINTERS**2 + POINTERS**3) - 1
    pack_into("<4i3q", data, 1312, 0, _CLUSTER, SHORT_LINK, 2, largest, BLOCK - 1, FRAGMENT - 1)
    pack_into("<2i", data, 1356, 1, 1)
    pack_into("<i", data, 1372, _FS_MAGIC)
    return bytes(data)


def _offsets(geometry: Geometry) -> tuple[int, int, int, int]:
    """Of a group: the map of fragments, the counts of clusters, their map, and the end."""
    free = _MAPS_AT + geometry.inodes_per_group // 8
    # the first count is not used; newfs lets it lie over the end of the map before it
    counts = -(-(free + -(-geometry.per_group // 8) - 4) // 4) * 4
    clusters = counts + 4 * (_CLUSTER + 1)
    return free, counts, clusters, clusters + -(-geometry.per_group // PER_BLOCK // 8)


def _group_size(geometry: Geometry) -> int:
    """Bytes of a group's header and maps as the superblock tells them, in whole fragments."""
    fixed = 176 + 4 + 4 + 2 + 4 * _CLUSTER
    maps = geometry.inodes_per_group // 8 + -(-geometry.per_group // 8)
    size = fixed + maps + -(-geometry.per_group // PER_BLOCK // 8)
    return -(-size // FRAGMENT) * FRAGMENT


def group(
    geometry: Geometry, number: int, *, free: bytes, inodes: int, folders: int, time: int
) -> tuple[bytes, Summary]:
    """The block of a cylinder group, and its summary.

    free     a byte a block: the bits of its free fragments
    inodes   how many of the group's inodes are in use; the first ones are
    """
    free_at, counts_at, clusters_at, end = _offsets(geometry)
    data = bytearray(_group_size(geometry))
    summary = Summary(folders, free.count(_WHOLE), geometry.inodes_per_group - inodes,
                      sum(byte.bit_count() for byte in free if byte != _WHOLE))
    pack_into("<4i2hi4i", data, 0, 0, _CG_MAGIC, time, number, 1, geometry.inodes_per_group,
              len(free) * PER_BLOCK, *summary.words())
    pack_into("<8i", data, 52, *_frag_counts(free))
    pack_into("<8i", data, 84, 168, 172, _MAPS_AT, free_at, end, counts_at, clusters_at, len(free))
    data[_MAPS_AT : _MAPS_AT + inodes // 8] = b"\xff" * (inodes // 8)
    if inodes % 8:
        data[_MAPS_AT + inodes // 8] = (1 << inodes % 8) - 1
    pack_into(f"<{_CLUSTER}i", data, counts_at + 4, *_cluster_counts(free))
    data[free_at : free_at + len(free)] = free
    whole = "".join("1" if byte == _WHOLE else "0" for byte in reversed(free))
    data[clusters_at:end] = int(whole, 2).to_bytes(end - clusters_at, "little")
    return bytes(data), summary


def _frag_counts(free: bytes) -> list[int]:
    """How many runs of 1, 2 … 7 free fragments there are in blocks partly used, from index 1."""
    counts = [0] * PER_BLOCK
    for byte in free:
        if byte not in {0, _WHOLE}:
            for run in f"{byte:08b}".split("0"):
                if run:
                    counts[len(run)] += 1
    return counts


def _cluster_counts(free: bytes) -> list[int]:
    """How many runs of 1, 2 … _CLUSTER or more free blocks there are."""
    counts = [0] * _CLUSTER
    for run in bytes(byte == _WHOLE for byte in free).split(b"\0"):
        if run:
            counts[min(len(run), _CLUSTER) - 1] += 1
    return counts


def summaries(groups: Sequence[Summary]) -> bytes:
    """The table of all groups' summaries."""
    return b"".join(pack("<4i", *item.words()) for item in groups)


def inode(
    entry: Entry, *, links: int, size: int, pointers: Sequence[int], fragments: int
) -> bytes:
    """An inode. `pointers`: up to 12 addresses of data, then those of indirect blocks (15 in all).

    fragments  how many it holds, those of indirect blocks among them
    """
    where = b"".join(pack("<l", address) for address in pointers)
    if entry.device is not None:
        where = pack("<L", _device(entry, *entry.device))
    elif entry.kind == "link" and size < SHORT_LINK:
        where = entry.link.encode(errors="surrogateescape")
    time = entry.time
    if not -(1 << 31) <= time < 1 << 31:
        raise StageError(f"the time {time} cannot be written", where=entry.path,
                         why="FFS version 1 has 32 bits for it: 1901 to 2038", reason="ffs-date")
    if links >= 1 << 15:
        raise StageError(f"{links} links are too many", where=entry.path,
                         why="FFS version 1 counts to 32767", reason="ffs-links")
    return pack(
        "<Hh4xQ6i60s2LlLL8x", _MODES[entry.kind] | entry.mode, links, size, time, 0, time, 0,
        time, 0, where, 0, fragments * _SECTORS, 0, entry.uid, entry.gid)


def _device(entry: Entry, major: int, minor: int) -> int:
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise StageError(f"{major},{minor} is no device number of NetBSD", where=entry.path,
                         why="the major number has 12 bits, the minor one 20", reason="ffs-device")
    return minor << 12 & 0xFFF00000 | major << 8 | minor & 0xFF


def folder(entries: Iterable[tuple[int, str, str]]) -> bytes:
    """The content of a folder of (inode, kind, name). Raises StageError for a name too long."""
    blocks, block, last = [], bytearray(), 0
    for number, kind, name in entries:
        data = name.encode(errors="surrogateescape")
        if len(data) > 255:
            raise StageError(f"a name of {len(data)} bytes cannot be written", where=name,
                             why="FFS takes 255 bytes at the most", reason="ffs-name")
        size = 8 + (len(data) + 4) // 4 * 4
        if len(block) + size > _ENTRY_BLOCK:
            blocks.append(_filled(block, last))
            block = bytearray()
        last = len(block)
        block += pack("<LHBB", number, size, _TYPES[kind], len(data)) + data.ljust(size - 8, b"\0")
    return b"".join([*blocks, _filled(block, last)])


def _filled(block: bytearray, last: int) -> bytes:
    """The block, whose last entry takes all that is left of it."""
    pack_into("<H", block, last + 4, _ENTRY_BLOCK - last)
    return bytes(block.ljust(_ENTRY_BLOCK, b"\0"))
