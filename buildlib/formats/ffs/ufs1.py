"""The structures of FFS version 1 as bytes, little endian.

Addresses are in fragments of FRAGMENT bytes; inodes count from 0, the root is ROOT_INODE.
Sources: sys/ufs/ffs/fs.h, sys/ufs/ufs/{dinode,dir}.h of NetBSD 10; newfs(8) for the values of
fields that no reader needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from buildlib.formats.fixed_fields import FixedFields
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry

BLOCK, FRAGMENT = 16384, 2048
PER_BLOCK = BLOCK // FRAGMENT
INODE_SIZE, INODES_PER_BLOCK = 128, BLOCK // 128
POINTERS = BLOCK // 4
DIRECT = 12
SUPERBLOCK_AT = 8192
ROOT_INODE = 2
SHORT_LINK = 60  # a target shorter than this is stored in the inode
# Where the parts of a group begin, in fragments: the copy of the superblock, the group's own block,
# the inodes. The first group has its boot block and superblock before them.
COPY_AT, GROUP_AT, INODES_AT = 8, 16, 24
LIMIT = 1 << 31  # fragments of a file system
GROUP_LIMIT = 32768  # fragments: 64 MiB
INODE_LIMIT = 32640  # inodes of a group: their number is a signed 16-bit word, in whole blocks
_SECTORS = FRAGMENT // 512
_CLUSTER = 4  # longest run of free blocks that a group counts
_SUPERBLOCK_SIZE = 1376
_FS_MAGIC, _CG_MAGIC = 0x011954, 0x090255
_MAPS_AT = 174  # in a group: after its header and the empty tables of the 4.2BSD format
_ENTRY_BLOCK = 512  # no entry of a folder crosses its boundary
_TYPES = {"fifo": 1, "char": 2, "dir": 4, "block": 6, "file": 8, "link": 10}
_MODES = {kind: number << 12 for kind, number in _TYPES.items()}
_WHOLE = 0xFF
_FORMAT = "FFS version 1"
_SUMMARY = FixedFields(_FORMAT, "<4i", "folders blocks inodes fragments")
_INODE = FixedFields(
    _FORMAT,
    "<Hh4xQ6i60s2LlLL8x",
    "mode links size time nanoseconds time nanoseconds time "
    "nanoseconds pointers flags fragments generation uid gid",
)
_ADDRESS, _DEVICE_NUMBER = (
    FixedFields(_FORMAT, "<i", "address"),
    FixedFields(_FORMAT, "<L", "device"),
)
_ENTRY = FixedFields(_FORMAT, "<LHBB", "inode length kind name")
_LENGTH = FixedFields(_FORMAT, "<H", "length")
_GROUP = FixedFields(
    _FORMAT,
    "<4i2hi4i",
    "list magic time group cylinders inodes fragments folders blocks inodes fragments",
)
_COUNTS = FixedFields(_FORMAT, "<8i", "count*8")
_CLUSTERS = FixedFields(_FORMAT, f"<{_CLUSTER}i", f"count*{_CLUSTER}")
# The superblock's fields that are not 0, with their offsets.
_SUPERBLOCK: tuple[tuple[int, FixedFields], ...] = tuple(
    (at, FixedFields(_FORMAT, layout, names))
    for at, layout, names in (
        (8, "<6i", "superblock group inodes data cylinder mask"),
        (32, "<3i", "time size contents"),
        (44, "<7i", "groups block fragment fragments spare delay rotations"),
        (72, "<4i", "mask mask shift shift"),
        (88, "<5i", "contiguous most shift shift size"),
        (116, "<7i", "pointers inodes sectors optimization sectors interleave skew"),
        (144, "<iI3i", "time identity address size size"),
        (168, "<4i", "sectors sectors groups cylinders"),
        (184, "<2i", "inodes fragments"),
        (192, "<4i4B", "folders blocks inodes fragments modified clean readonly flags"),
        (680, "<32s", "volume"),
        (860, "<i", "block"),
        (1000, "<5q", "superblock folders blocks inodes fragments"),
        (1072, "<4q", "time size contents address"),
        (1196, "<2i", "files folders"),
        (1312, "<4i3q", "kind clusters link format largest mask mask"),
        (1356, "<2i", "inodes rotations"),
        (1372, "<i", "magic"),
    )
)


@dataclass(frozen=True, slots=True)
class Summary:
    """Number of folders; of free blocks, inodes, and fragments in partly used blocks."""

    folders: int
    blocks: int
    inodes: int
    fragments: int

    def words(self) -> tuple[int, int, int, int]:
        """The numbers in the order used by all structures."""
        return self.folders, self.blocks, self.inodes, self.fragments


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of a file system.

    size              in fragments; a multiple of whole blocks
    groups            number of cylinder groups; the last may be shorter than the others
    per_group         fragments per group
    inodes_per_group  inodes per group; they fill whole blocks
    """

    size: int
    groups: int
    per_group: int
    inodes_per_group: int

    @property
    def data_at(self) -> int:
        """Offset of the data in a group, in fragments."""
        return INODES_AT + self.inodes_per_group * INODE_SIZE // FRAGMENT

    @property
    def summary_size(self) -> int:
        """Size of the table of all groups' summaries in bytes, rounded up to whole fragments."""
        return -(-16 * self.groups // FRAGMENT) * FRAGMENT

    def inode_at(self, number: int) -> int:
        """Offset of an inode in the image, in bytes."""
        group, index = divmod(number, self.inodes_per_group)
        return (group * self.per_group + INODES_AT) * FRAGMENT + index * INODE_SIZE


def superblock(
    geometry: Geometry, total: Summary, *, time: int, identity: int, volume: str = ""
) -> bytes:
    """The superblock.

    identity  a 32-bit number that identifies this file system
    volume    its name, at most 31 ASCII characters
    """
    data = bytearray(_SUPERBLOCK_SIZE)
    size, at = geometry.size, geometry.data_at
    summary = geometry.summary_size
    data_size = size - COPY_AT - geometry.groups * (at - COPY_AT) - summary // FRAGMENT
    sectors = geometry.per_group * _SECTORS
    largest = BLOCK * (DIRECT + POINTERS + POINTERS**2 + POINTERS**3) - 1
    values: tuple[tuple[int | bytes, ...], ...] = (
        (COPY_AT, GROUP_AT, INODES_AT, at, 0, -1),
        (time, size, data_size),
        (geometry.groups, BLOCK, FRAGMENT, PER_BLOCK, 5, 0, 60),
        (-BLOCK, -FRAGMENT, 14, 11),
        (_CLUSTER, BLOCK // 4, 3, 2, 2048),
        (POINTERS, INODES_PER_BLOCK, _SECTORS, 0, sectors, 1, 0),
        (time, identity, at, summary, _group_size(geometry)),
        (sectors, sectors, geometry.groups, 1),
        (geometry.inodes_per_group, geometry.per_group),
        (*total.words(), 0, 1, 0, 0x80),  # clean; 0x80: flags are in their new place
        (volume.encode(),),
        (BLOCK,),
        (SUPERBLOCK_AT, *total.words()),
        (time, size, data_size, at),
        (16384, 64),  # newfs's assumptions: average file size, files per folder
        (0, _CLUSTER, SHORT_LINK, 2, largest, BLOCK - 1, FRAGMENT - 1),
        (1, 1),
        (_FS_MAGIC,),
    )
    for (where, fields), words in zip(_SUPERBLOCK, values, strict=True):
        fields.pack_into(data, where, *words)
    return bytes(data)


def _offsets(geometry: Geometry) -> tuple[int, int, int, int]:
    """Offsets in a group: the fragment map, the cluster counts, the cluster map, and the end."""
    free = _MAPS_AT + geometry.inodes_per_group // 8
    # the first count is unused; newfs lets it overlap the end of the map before it
    counts = -(-(free + -(-geometry.per_group // 8) - 4) // 4) * 4
    clusters = counts + 4 * (_CLUSTER + 1)
    return free, counts, clusters, clusters + -(-geometry.per_group // PER_BLOCK // 8)


def _group_size(geometry: Geometry) -> int:
    """Size of a group's header and maps in bytes, as stored in the superblock: whole fragments."""
    fixed = 176 + 4 + 4 + 2 + 4 * _CLUSTER
    maps = geometry.inodes_per_group // 8 + -(-geometry.per_group // 8)
    size = fixed + maps + -(-geometry.per_group // PER_BLOCK // 8)
    return -(-size // FRAGMENT) * FRAGMENT


def group(
    geometry: Geometry, number: int, *, free: bytes, inodes: int, folders: int, time: int
) -> tuple[bytes, Summary]:
    """The block of a cylinder group, and its summary.

    free     one byte per block: a bit for each free fragment
    inodes   how many of the group's inodes are in use; these are the first ones
    """
    free_at, counts_at, clusters_at, end = _offsets(geometry)
    data = bytearray(_group_size(geometry))
    summary = Summary(
        folders,
        free.count(_WHOLE),
        geometry.inodes_per_group - inodes,
        sum(byte.bit_count() for byte in free if byte != _WHOLE),
    )
    _GROUP.pack_into(
        data,
        0,
        0,
        _CG_MAGIC,
        time,
        number,
        1,
        geometry.inodes_per_group,
        len(free) * PER_BLOCK,
        *summary.words(),
    )
    _COUNTS.pack_into(data, 52, *_frag_counts(free))
    _COUNTS.pack_into(data, 84, 168, 172, _MAPS_AT, free_at, end, counts_at, clusters_at, len(free))
    data[_MAPS_AT : _MAPS_AT + inodes // 8] = b"\xff" * (inodes // 8)
    if inodes % 8:
        data[_MAPS_AT + inodes // 8] = (1 << inodes % 8) - 1
    _CLUSTERS.pack_into(data, counts_at + 4, *_cluster_counts(free))
    data[free_at : free_at + len(free)] = free
    whole = "".join("1" if byte == _WHOLE else "0" for byte in reversed(free))
    data[clusters_at:end] = int(whole, 2).to_bytes(end - clusters_at, "little")
    return bytes(data), summary


def _frag_counts(free: bytes) -> list[int]:
    """Number of runs of 1, 2 … 7 free fragments in partly used blocks, from index 1."""
    counts = [0] * PER_BLOCK
    for byte in free:
        if byte not in {0, _WHOLE}:
            for run in f"{byte:08b}".split("0"):
                if run:
                    counts[len(run)] += 1
    return counts


def _cluster_counts(free: bytes) -> list[int]:
    """Number of runs of 1, 2 … _CLUSTER or more free blocks."""
    counts = [0] * _CLUSTER
    for run in bytes(byte == _WHOLE for byte in free).split(b"\0"):
        if run:
            counts[min(len(run), _CLUSTER) - 1] += 1
    return counts


def addresses(blocks: Sequence[int]) -> bytes:
    """The content of an indirect block, which lists addresses of other blocks."""
    return FixedFields(_FORMAT, f"<{len(blocks)}i", f"address*{len(blocks)}").pack(*blocks)


def summaries(groups: Sequence[Summary]) -> bytes:
    """The table of all groups' summaries."""
    return b"".join(_SUMMARY.pack(*item.words()) for item in groups)


def inode(entry: Entry, *, links: int, size: int, pointers: Sequence[int], fragments: int) -> bytes:
    """An inode.

    pointers   up to 12 addresses of data, then those of indirect blocks (15 in total)
    fragments  how many it uses, including those of indirect blocks
    """
    where = b"".join(_ADDRESS.pack(address) for address in pointers)
    if entry.device is not None:
        where = _DEVICE_NUMBER.pack(_device(entry, *entry.device))
    elif entry.kind == "link" and size < SHORT_LINK:
        where = entry.link.encode(errors="surrogateescape")
    time = entry.time
    try:
        return _INODE.pack(
            _MODES[entry.kind] | entry.mode,
            links,
            size,
            time,
            0,
            time,
            0,
            time,
            0,
            where,
            0,
            fragments * _SECTORS,
            0,
            entry.uid,
            entry.gid,
        )
    except StageError as error:
        error.where = entry.path
        raise


def _device(entry: Entry, major: int, minor: int) -> int:
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise StageError(
            f"{major},{minor} is not a NetBSD device number",
            where=entry.path,
            why="the major number has 12 bits, the minor number 20",
            reason="ffs-device",
        )
    return minor << 12 & 0xFFF00000 | major << 8 | minor & 0xFF


def folder(entries: Iterable[tuple[int, str, str]]) -> bytes:
    """The content of a folder from (inode, kind, name). Raises StageError for a too long name."""
    blocks, block, last = [], bytearray(), 0
    for number, kind, name in entries:
        data = name.encode(errors="surrogateescape")
        if len(data) > 255:
            raise StageError(
                f"a name of {len(data)} bytes cannot be written",
                where=name,
                why="FFS allows at most 255 bytes",
                reason="ffs-name",
            )
        size = 8 + (len(data) + 4) // 4 * 4
        if len(block) + size > _ENTRY_BLOCK:
            blocks.append(_filled(block, last))
            block = bytearray()
        last = len(block)
        block += _ENTRY.pack(number, size, _TYPES[kind], len(data)) + data.ljust(size - 8, b"\0")
    return b"".join([*blocks, _filled(block, last)])


def _filled(block: bytearray, last: int) -> bytes:
    """The block, with its last entry extended to the end."""
    _LENGTH.pack_into(block, last + 4, _ENTRY_BLOCK - last)
    return bytes(block.ljust(_ENTRY_BLOCK, b"\0"))
