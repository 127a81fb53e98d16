"""The layout of FFS images.

`FfsLayout` takes a tree, assigns every inode and block its place, and renders everything except the
files' contents. The layout depends on the tree alone. Inodes are numbered in tree order, and data
is placed in the same order from the first group on, so that contents that are adjacent in a pack
can be copied together. The end of a small file goes into a partly used block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from buildlib.formats.ffs import ufs1
from buildlib.formats.ffs.ufs1 import (
    BLOCK,
    DIRECT,
    FRAGMENT,
    GROUP_LIMIT,
    INODE_LIMIT,
    INODES_PER_BLOCK,
    LIMIT,
    PER_BLOCK,
    POINTERS,
    ROOT_INODE,
    Geometry,
    Summary,
)
from buildlib.model.errors import StageError
from buildlib.model.tree import ROOT, Entry, Tree


@dataclass(slots=True)
class Inode:
    """An inode being laid out.

    links     number of names; for a folder including `.` and the `..` of its subfolders
    children  of a folder, with their names, until its entries are made
    data      content that does not come from a file: a folder's entries, a link's target
    blocks    address of each block of content
    indirect  address and content of each indirect block
    """

    number: int
    entry: Entry
    parent: Inode | None
    links: int = 0
    children: Sequence[tuple[str, Inode]] = ()
    data: bytes = b""
    size: int = 0
    blocks: Sequence[int] = ()
    indirect: Sequence[tuple[int, bytes]] = ()
    top: Sequence[int] = ()
    fragments: int = 0


class Space:
    """Allocates blocks in order, group by group, starting after the first group's inodes."""

    def __init__(self, *, data_at: int, per_group: int) -> None:
        self._head, self._group = data_at // PER_BLOCK, per_group // PER_BLOCK
        self.next = self._head  # in blocks
        self.parts: dict[int, int] = {}  # partly used block to its number of used fragments
        self._holes: list[list[int]] = [[] for _ in range(PER_BLOCK)]

    def blocks(self, count: int) -> list[int]:
        """Addresses of `count` blocks, contiguous as far as possible."""
        found: list[int] = []
        while count:
            if self.next % self._group < self._head:
                self.next += self._head - self.next % self._group
            take = min(count, self._group - self.next % self._group)
            found += range(self.next * PER_BLOCK, (self.next + take) * PER_BLOCK, PER_BLOCK)
            self.next += take
            count -= take
        return found

    def fragments(self, count: int) -> int:
        """The address of `count` fragments in one block, the fullest one with enough room."""
        for room in range(count, PER_BLOCK):
            if self._holes[room]:
                block = self._holes[room].pop()
                break
        else:
            block, room = self.blocks(1)[0] // PER_BLOCK, PER_BLOCK
        used = PER_BLOCK - room
        self.parts[block] = used + count
        if room > count:
            self._holes[room - count].append(block)
        else:
            del self.parts[block]
        return block * PER_BLOCK + used


class FfsLayout:
    """The layout of one image.

    inodes    in the order of their numbers
    geometry  sizes of the file system
    """

    def __init__(
        self,
        tree: Tree,
        *,
        time: int,
        identity: int,
        free_bytes: int,
        free_percent: int,
        free_inodes: int,
        volume: str = "",
    ) -> None:
        self._time, self._identity, self._volume = time, identity, volume
        self.inodes = _number(tree)
        self._space = Space(data_at=PER_BLOCK, per_group=GROUP_LIMIT)
        wanted = ROOT_INODE + len(self.inodes) + free_inodes
        contents = sum(-(-node.size // FRAGMENT) for node in self.inodes if _has_blocks(node))

        def with_free(used: int) -> int:
            return used + -(-free_bytes // FRAGMENT) + used * free_percent // 100

        # start with the smallest possible number of groups, stop at a signed word's limit
        for groups in count(max(1, with_free(contents) // GROUP_LIMIT)):
            if groups * GROUP_LIMIT > LIMIT:
                raise StageError(
                    "the image is too large",
                    why="FFS version 1 has 32 bits for the number of its fragments: 4 TiB",
                    reason="ffs-size",
                )
            draft = Geometry(0, groups, GROUP_LIMIT, _whole(-(-wanted // groups), INODES_PER_BLOCK))
            if (
                draft.inodes_per_group > INODE_LIMIT
                or with_free(_least(contents, draft)) > groups * GROUP_LIMIT
            ):
                continue
            size = with_free(self._allocate(draft))
            size = max(size, (groups - 1) * GROUP_LIMIT + draft.data_at + PER_BLOCK)
            size = _whole(size, PER_BLOCK)
            if size <= groups * GROUP_LIMIT:
                break
        per_group = size if groups == 1 else GROUP_LIMIT
        self.geometry = replace(draft, size=size, per_group=per_group)

    @property
    def size(self) -> int:
        """Size of the image in bytes."""
        return self.geometry.size * FRAGMENT

    def extents(self) -> Iterator[tuple[Inode, int, int, int]]:
        """(file, offset in it, offset in the image, size) of all contents, in tree order."""
        for node in self.inodes:
            if node.entry.kind == "file" and node.size:
                yield from ((node, *extent) for extent in _extents(node))

    # layout

    def _allocate(self, geometry: Geometry) -> int:
        """Assign everything its place. Return the number of fragments up to the last used block."""
        self._space = Space(data_at=geometry.data_at, per_group=geometry.per_group)
        self._allot(geometry.summary_size)
        for node in self.inodes:
            blocks, node.fragments = self._allot(node.size if _has_blocks(node) else 0)
            node.blocks = node.top = blocks if len(blocks) != 1 else tuple(blocks)
            if len(blocks) > DIRECT:
                node.top = self._point(node, blocks)
        return self._space.next * PER_BLOCK

    def _allot(self, size: int) -> tuple[list[int], int]:
        """Addresses for `size` bytes, and the number of fragments used."""
        whole, rest = divmod(size, BLOCK)
        parts = -(-rest // FRAGMENT)
        if whole >= DIRECT or parts == PER_BLOCK:  # only small files end in a partly used block
            whole, parts = whole + (parts > 0), 0
        blocks = self._space.blocks(whole) if whole else []
        if parts:
            blocks.append(self._space.fragments(parts))
        return blocks, whole * PER_BLOCK + parts

    def _point(self, node: Inode, blocks: list[int]) -> list[int]:
        """Create the indirect blocks for a large file. Return the inode's pointers."""
        node.indirect = indirect = list[tuple[int, bytes]]()

        def listed(addresses: list[int]) -> int:
            (at,) = self._space.blocks(1)
            indirect.append((at, ufs1.addresses(addresses)))
            node.fragments += PER_BLOCK
            return at

        top, rest = blocks[:DIRECT], blocks[DIRECT:]
        top.append(listed(rest[:POINTERS]))
        if rest := rest[POINTERS:]:
            if len(rest) > POINTERS**2:
                raise StageError(
                    f"a file of {node.size} bytes is too large",
                    where=node.entry.path,
                    reason="ffs-size",
                )
            lists = [
                listed(rest[start : start + POINTERS]) for start in range(0, len(rest), POINTERS)
            ]
            top.append(listed(lists))
        return top

    # structures

    def render(self) -> Iterator[tuple[int, bytes]]:
        """(offset, bytes) of everything except the files' contents."""
        geometry = self.geometry
        groups = [self._group(number, parts) for number, parts in enumerate(self._parts())]
        parts = [summary for _, summary in groups]
        total = Summary(
            *(sum(words) for words in zip(*(part.words() for part in parts), strict=True))
        )
        copy = ufs1.superblock(
            geometry, total, time=self._time, identity=self._identity, volume=self._volume
        )
        yield ufs1.SUPERBLOCK_AT, copy
        yield geometry.data_at * FRAGMENT, ufs1.summaries(parts)
        for number, (block, _) in enumerate(groups):
            start = number * geometry.per_group
            yield (start + ufs1.COPY_AT) * FRAGMENT, copy
            yield (start + ufs1.GROUP_AT) * FRAGMENT, block
            if here := self._inodes_of(number):
                yield geometry.inode_at(here[0].number), b"".join(map(_inode, here))
        for node in self.inodes:
            if node.data and _has_blocks(node):
                yield from (
                    (at, node.data[offset : offset + size]) for offset, at, size in _extents(node)
                )
            yield from ((at * FRAGMENT, data) for at, data in node.indirect)

    def _parts(self) -> list[list[tuple[int, int]]]:
        """For each group, its partly used blocks with their numbers of used fragments."""
        parts: list[list[tuple[int, int]]] = [[] for _ in range(self.geometry.groups)]
        for block, used in self._space.parts.items():
            parts[block * PER_BLOCK // self.geometry.per_group].append((block, used))
        return parts

    def _group(self, number: int, parts: list[tuple[int, int]]) -> tuple[bytes, Summary]:
        geometry, space = self.geometry, self._space
        first = number * geometry.per_group // PER_BLOCK
        count = min(geometry.per_group, geometry.size - number * geometry.per_group) // PER_BLOCK
        free = bytearray(b"\xff" * count)
        begin = ufs1.COPY_AT // PER_BLOCK if number else 0
        end = min(max(space.next - first, geometry.data_at // PER_BLOCK), count)
        free[begin:end] = bytes(end - begin)
        for block, used in parts:
            free[block - first] = 0xFF << used & 0xFF
        here = self._inodes_of(number)
        return ufs1.group(
            geometry,
            number,
            free=bytes(free),
            time=self._time,
            inodes=len(here) + (0 if number else ROOT_INODE),
            folders=sum(node.entry.kind == "dir" for node in here),
        )

    def _inodes_of(self, number: int) -> list[Inode]:
        start = number * self.geometry.inodes_per_group - ROOT_INODE
        return self.inodes[max(start, 0) : start + self.geometry.inodes_per_group]


def _whole(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def _least(contents: int, geometry: Geometry) -> int:
    """A lower bound for the fragments up to the last used one, counting contents only.

    It rules out most numbers of groups that are too small without computing a layout.
    """
    begun = -(-contents // (GROUP_LIMIT - geometry.data_at))
    return contents + begun * geometry.data_at


def _inode(node: Inode) -> bytes:
    return ufs1.inode(
        node.entry, links=node.links, size=node.size, pointers=node.top, fragments=node.fragments
    )


def _has_blocks(node: Inode) -> bool:
    return node.entry.kind in {"file", "dir"} or node.size >= ufs1.SHORT_LINK


def _extents(node: Inode) -> list[tuple[int, int, int]]:
    """(offset in the content, offset in the image, size) of each contiguous part."""
    if len(node.blocks) == 1:  # most files are small
        return [(0, node.blocks[0] * FRAGMENT, node.size)]
    found: list[tuple[int, int, int]] = []
    left = node.size
    for number, address in enumerate(node.blocks):
        take = min(left, BLOCK)
        left -= take
        if found and found[-1][1] + found[-1][2] == address * FRAGMENT:
            offset, at, size = found[-1]
            found[-1] = (offset, at, size + take)
        else:
            found.append((number * BLOCK, address * FRAGMENT, take))
    return found


def _number(tree: Tree) -> list[Inode]:
    """Inodes in tree order, with the contents of folders and links."""
    inodes: list[Inode] = []
    by_path: dict[str, Inode] = {}
    below: dict[str, list[tuple[str, Inode]]] = {}
    labels: dict[str, Inode] = {}
    for entry in tree:
        node = labels.get(entry.inode) if entry.inode else None
        if node is None:
            above = None if entry.path == ROOT else by_path[entry.parent]
            node = Inode(ROOT_INODE + len(inodes), entry, above, size=entry.size)
            inodes.append(node)
            if entry.inode:
                labels[entry.inode] = node
        node.links += 1
        if entry.kind == "dir":
            by_path[entry.path] = node
            node.children = below[entry.path] = []
            node.links += 1
        if entry.path != ROOT:
            below[entry.parent].append((entry.name, node))
            by_path[entry.parent].links += entry.kind == "dir"
    for node in inodes:
        _fill(node)
    return inodes


def _fill(node: Inode) -> None:
    if node.entry.kind == "link":
        node.data = node.entry.link.encode(errors="surrogateescape")
        if len(node.data) > 1023:
            raise StageError(
                f"a link's target of {len(node.data)} bytes cannot be written",
                where=node.entry.path,
                why="NetBSD allows at most 1023 bytes",
                reason="ffs-link",
            )
    elif node.entry.kind == "dir":
        above = node.parent or node
        try:
            node.data = ufs1.folder(
                [
                    (node.number, "dir", "."),
                    (above.number, "dir", ".."),
                    *((child.number, child.entry.kind, name) for name, child in node.children),
                ]
            )
        except StageError as error:
            error.where = f"{node.entry.path}/{error.where}"
            raise
        node.children = ()
    else:
        return
    node.size = len(node.data)
