"""ISO 9660 images: layout and structures.

`IsoLayout` takes a tree, assigns every folder and file its place, and renders everything except the
files' contents. The layout depends on the tree alone. Folders are in path table order, each
followed by its children's continuation areas: libarchive reads only forward, and must know a
folder's name when it reaches the folder. Files are in tree order, so that contents that are
adjacent in a pack can be copied together.

    0 to 15   system area                  16  primary volume descriptor
    17        El Torito boot record        18  descriptor set terminator
    then      path tables (little, big endian), folders with their continuation areas, files,
              padding

Folders may be deeper than eight levels, and names use Rock Ridge, as in the output of mkisofs -R -D
that all readers accept. pycdlib, which reads our discs in other places, cannot write them:
tests/unit/formats/iso9660/test_pycdlib.py shows why. Sources: ECMA-119 (ISO 9660), 2nd edition;
El Torito 1.0 (1995).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from buildlib.formats.fixed_fields import FixedFields, both
from buildlib.formats.iso9660 import rock_ridge
from buildlib.formats.iso9660.rock_ridge import date7
from buildlib.formats.iso9660.volume_descriptor import Labels, date17, volume_descriptor
from buildlib.formats.volume_label import D_CHARACTERS
from buildlib.model.errors import StageError
from buildlib.model.tree import ROOT, Entry, Tree

SECTOR = 2048
FIRST_FREE = 19
# GRUB reads groups of 16 sectors and gets nothing from an incomplete one; drives read ahead.
PADDING = 150
_LARGE = 8 << 20  # bytes; a larger file is an image rather than part of a set
_PAGE = 2  # sectors
FILE_LIMIT = 1 << 32
FOLDER_LIMIT = 0xFFFF
_RECORD_LIMIT = 254
_NOT_D = re.compile(f"[^{D_CHARACTERS}]".encode())
# ECMA-119, 9.1: length, extent, size, date, flags, volume number, length of the identifier
_RECORD = FixedFields(
    "ISO 9660",
    "<BxL4sL4s7sBxx4sB",
    "length sector sector size size date flags sequence identifier",
    exact=True,
)
_MOST = (1 << 32) - 1
_SEQUENCE = b"\1\0\0\1"  # 1, in both byte orders
_PATH = {
    order: FixedFields("ISO 9660", f"{order}BBLH", "identifier attribute extent parent")
    for order in "<>"
}


@dataclass(slots=True)
class Node:
    """An entry being laid out.

    links       number of names; for a folder including `.` and the `..` of its subfolders
    identifier  its ISO 9660 name
    attributes  of a folder, the Rock Ridge fields that all its records have
    fields      the Rock Ridge fields in its record
    area        those in the continuation area at (sector, offset) `area_at`
    sector, size  of the content; for a folder, of its records
    """

    entry: Entry
    parent: Node | None
    links: int = 1
    identifier: bytes = b""
    children: Sequence[Node] = ()
    attributes: bytes = b""
    fields: bytes = b""
    area: bytes = b""
    area_at: tuple[int, int] = (0, 0)
    sector: int = 0
    size: int = 0
    number: int = 0


class IsoLayout:
    """The layout of one image.

    nodes    path to node
    files    files with content, in the order of their sectors; a hard-linked one occurs once
    sectors  length of the image
    """

    def __init__(self, tree: Tree, *, labels: Labels, time: int) -> None:
        self._labels = labels
        self._date = date17(time)
        self.nodes = _make_nodes(tree)
        self.files: list[Node] = []
        self._root = self.nodes[ROOT]
        self._folders = _in_table_order(self._root)
        for node in self.nodes.values():
            _describe(node)
        self.sectors = self._place()

    def sector_of(self, path: str) -> int:
        """First sector of a file's content."""
        return self.nodes[path].sector

    # layout

    def _place(self) -> int:
        at = FIRST_FREE
        self._table_size = sum(
            8 + len(folder.identifier or b"\0") + len(folder.identifier or b"\0") % 2
            for folder in self._folders
        )
        self._tables = at, at + _sectors(self._table_size)
        at += 2 * _sectors(self._table_size)
        for folder in self._folders:
            folder.sector, folder.size = at, self._folder_size(folder)
            at = _place_areas(folder, at + folder.size // SECTOR)
        return self._place_files(at) + PADDING

    def _folder_size(self, folder: Node) -> int:
        at = 0
        for length in [*map(len, self._dots(folder)), *map(_length, folder.children)]:
            if at % SECTOR + length > SECTOR:
                at += -at % SECTOR
            at += length
        return at + -at % SECTOR

    def _place_files(self, at: int) -> int:
        first: dict[str, Node] = {}
        at += -at % _PAGE  # packs begin with a page as well
        for node in self.nodes.values():
            if node.entry.kind != "file":
                continue
            known = first.setdefault(node.entry.inode, node) if node.entry.inode else node
            node.size = node.entry.size
            if known is not node:
                node.sector = known.sector
            elif node.size:
                # align large files to pages: the kernel copies whole pages, or shares blocks
                at += -at % _PAGE if node.size >= _LARGE else 0
                node.sector = at
                at += _sectors(node.size)
                self.files.append(node)
        return at

    # structures

    def render(self) -> list[tuple[int, bytes]]:
        """(sector, bytes) of all structures except the boot record, in ascending order.

        Call it only once, because it frees the data that records are made from.
        """
        descriptor = volume_descriptor(
            self._labels,
            self._date,
            sectors=self.sectors,
            table_size=self._table_size,
            tables=self._tables,
            root=_record(self._root, b"\0", b""),
        )
        parts = [
            (16, descriptor.ljust(SECTOR, b"\0")),
            (18, b"\xffCD001\x01".ljust(SECTOR, b"\0")),
        ]
        little, big = self._tables
        parts += [(little, self._path_table("<")), (big, self._path_table(">"))]
        for folder in self._folders:
            parts.append((folder.sector, self._folder(folder)))
            areas: dict[int, bytes] = {}
            for node in _with_area(folder):
                areas[node.area_at[0]] = areas.get(node.area_at[0], b"") + node.area
            parts += areas.items()
        return parts

    def _dots(self, folder: Node) -> list[bytes]:
        """The records of the folder itself and of its parent."""
        own, above = folder.attributes, folder.parent or folder
        if folder.parent is None:
            own = rock_ridge.SHARING + own + _continued(folder)
        return [_record(folder, b"\0", own), _record(above, b"\1", above.attributes)]

    def _folder(self, folder: Node) -> bytes:
        data = bytearray()
        for record in self._records(folder):
            if len(data) % SECTOR + len(record) > SECTOR:
                data += bytes(-len(data) % SECTOR)
            data += record
        return bytes(data) + bytes(-len(data) % SECTOR)

    def _records(self, folder: Node) -> Iterator[bytes]:
        yield from self._dots(folder)
        for child in folder.children:
            yield _record(child, child.identifier, child.fields + _continued(child))
            child.fields = b""  # free them: a large tree has 30 MB of fields
            if child.entry.kind == "file":
                child.identifier = b""  # and 10 MB of identifiers

    def _path_table(self, order: str) -> bytes:
        rows = []
        for folder in self._folders:
            name = folder.identifier or b"\0"
            above = folder.parent.number if folder.parent else 1
            rows.append(
                _PATH[order].pack(len(name), 0, folder.sector, above)
                + name
                + b"\0" * (len(name) % 2)
            )
        return b"".join(rows)


def _make_nodes(tree: Tree) -> dict[str, Node]:
    links = tree.links_of()
    nodes: dict[str, Node] = {}
    below: dict[str, list[Node]] = {}
    for entry in tree:
        node = nodes[entry.path] = Node(entry, None, links.get(entry.inode, 1))
        if entry.kind == "dir":
            node.links, node.children = 2, below.setdefault(entry.path, [])
        elif entry.size >= FILE_LIMIT:
            raise _too_big(entry)
        if entry.path != ROOT:
            node.parent = nodes[entry.parent]
            below[entry.parent].append(node)
            node.parent.links += entry.kind == "dir"
    return nodes


def _too_big(entry: Entry) -> StageError:
    return StageError(
        f"a file of {entry.size} bytes cannot be put on a CD",
        where=f"{entry.path} (from {entry.origin or '?'})",
        why="ISO 9660 has 32 bits for a file's size, and NetBSD cannot read a file in parts",
        hint="split the file, or keep it on a disk",
        reason="iso-size",
    )


def _in_table_order(root: Node) -> list[Node]:
    """Folders by depth, then by parent, then by identifier (ECMA-119, 6.9.1)."""
    order, level = [], [root]
    while level:
        order += level
        for folder in level:
            _name_children(folder)
        level = [
            child for folder in level for child in folder.children if child.entry.kind == "dir"
        ]
    if len(order) > FOLDER_LIMIT:
        raise StageError(
            f"{len(order)} folders are too many for a CD",
            why=f"its path table allows at most {FOLDER_LIMIT}",
            reason="iso-folders",
        )
    for number, folder in enumerate(order, 1):
        folder.number = number
    return order


def _name_children(folder: Node) -> None:
    """Give the children ISO 9660 identifiers, unique in the folder, and sort them by these.

    Up to 30 d-characters, with `.` and `;1` for files (level 2); a number makes duplicates unique.
    """
    taken: dict[tuple[bytes, bytes], int] = {}
    keyed = []
    for child in folder.children:
        raw = child.entry.name.encode(errors="surrogateescape").upper()
        is_folder = child.entry.kind == "dir"
        stem, dot, suffix = (raw, b"", b"") if is_folder else raw.rpartition(b".")
        if not dot:
            stem, suffix = raw, b""
        stem, suffix = _NOT_D.sub(b"_", stem)[:27] or b"_", _NOT_D.sub(b"_", suffix)[:3]
        unique, number = stem, taken.get((stem, suffix), 0)
        while (unique, suffix) in taken:
            number += 1
            tail = b"_%d" % number
            unique = stem[: 27 - len(tail)] + tail
        taken[stem, suffix] = number
        taken.setdefault((unique, suffix), 0)
        child.identifier = unique if is_folder else unique + b"." + suffix + b";1"
        keyed.append((unique.ljust(31), suffix.ljust(3), child))
    keyed.sort(key=lambda item: item[:2])
    folder.children = [child for _, _, child in keyed]


def _with_area(folder: Node) -> list[Node]:
    """The nodes in the folder's records with a continuation area; for the root, also itself."""
    own = [folder] if folder.area and folder.parent is None else []
    return own + [child for child in folder.children if child.area]


def _place_areas(folder: Node, at: int) -> int:
    """Place the areas from sector `at` on, each within one sector. Return the next free sector."""
    offset = SECTOR
    for node in _with_area(folder):
        if offset + len(node.area) > SECTOR:
            at, offset = at + 1, 0
        node.area_at = (at - 1, offset)
        offset += len(node.area)
    return at


def _continued(node: Node) -> bytes:
    return rock_ridge.continuation(*node.area_at, len(node.area)) if node.area else b""


def _describe(node: Node) -> None:
    """Create the node's Rock Ridge fields. Attributes come first, so they are in the record."""
    entry = node.entry
    try:
        attributes = rock_ridge.attributes(entry, node.links)
        if entry.kind == "dir":
            node.attributes = attributes
        if node.parent is None:
            node.area = rock_ridge.EXTENSION
        else:
            fields = [attributes, *rock_ridge.names(entry.name)]
            if entry.kind == "link":
                fields += rock_ridge.symlink(entry.link)
            room = _RECORD_LIMIT - _record_length(node.identifier, 0)
            node.fields, node.area = rock_ridge.split(fields, room)
    except StageError as error:
        error.where = f"{entry.path} (from {entry.origin or '?'})"
        raise


def _record_length(identifier: bytes, fields: int) -> int:
    length = 33 + len(identifier) + (len(identifier) + 1) % 2 + fields
    return length + length % 2


def _length(node: Node) -> int:
    fields = len(node.fields) + (rock_ridge.CE_LENGTH if node.area else 0)
    return _record_length(node.identifier, fields)


def _record(node: Node, identifier: bytes, fields: bytes) -> bytes:
    """A directory record (ECMA-119, 9.1)."""
    length = _record_length(identifier, len(fields))
    sector, size = node.sector, node.size
    if sector > _MOST or size > _MOST:
        both(sector, "sector"), both(size, "size")  # raises
    head = _RECORD.pack(
        length,
        sector,
        sector.to_bytes(4, "big"),
        size,
        size.to_bytes(4, "big"),
        date7(node.entry.time),
        2 if node.entry.kind == "dir" else 0,
        _SEQUENCE,
        len(identifier),
    )
    gap = b"" if len(identifier) % 2 else b"\0"
    return (head + identifier + gap + fields).ljust(length, b"\0")


def _sectors(size: int) -> int:
    return -(-size // SECTOR)
