"""ISO 9660 images: layout and structures.

`Image` takes a tree, gives every folder and file its place, and renders everything but the files'
contents. The layout depends on the tree alone. Folders lie in path table order, files in tree
order, so that what was packed together is copied together.

    0–15      system area                  16  primary volume descriptor
    17        El Torito boot record        18  descriptor set terminator
    then      path tables (little, big endian), folders, continuation areas, files, padding

Folders may lie deeper than eight levels and names use Rock Ridge: as mkisofs -R -D writes it, and
every reader since has taken it. Sources: ECMA-119 (ISO 9660), 2nd edition; El Torito 1.0 (1995).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from struct import pack

from buildlib.stages import rockridge
from buildlib.stages.rockridge import both, date7
from buildlib.words.errors import StageError
from buildlib.words.tree import ROOT, Entry, Tree

SECTOR = 2048
FIRST_FREE = 19
# GRUB reads groups of 16 sectors and gets nothing from an incomplete one; drives read ahead.
PADDING = 150
FILE_LIMIT = 1 << 32
FOLDER_LIMIT = 0xFFFF
_RECORD_LIMIT = 254
_NOT_D = re.compile(rb"[^A-Z0-9_]")


@dataclass(slots=True)
class Node:
    """An entry on its way to the disc.

    identifier  its ISO 9660 name; `fields` its Rock Ridge fields in the record, `area` those in
                the continuation area at (sector, offset) `area_at`
    sector, size  of the content; a folder's are those of its records
    """

    entry: Entry
    parent: Node | None
    identifier: bytes = b""
    children: list[Node] = field(default_factory=list)
    fields: bytes = b""
    area: bytes = b""
    area_at: tuple[int, int] = (0, 0)
    sector: int = 0
    size: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """What the volume descriptor says: d-characters, and a-characters for the last two."""

    volume: str
    publisher: str = ""
    application: str = ""


class Image:
    """The layout of one image. `sectors` is its length; `files` maps path to first sector."""

    def __init__(self, tree: Tree, *, labels: Labels, time: int) -> None:
        self._labels = labels
        self._time = time
        self._links = tree.links_of()
        self.nodes = self._make_nodes(tree)
        self._root = self.nodes[ROOT]
        for node in self.nodes.values():
            if node.entry.kind == "dir":
                _name_children(node)
        self._folders = self._in_table_order()
        self._areas: list[Node] = []
        self._root_area = rockridge.EXTENSION
        self._root_area_at = (0, 0)
        for node in self.nodes.values():
            self._describe(node)
        self.sectors = self._place()

    def sector_of(self, path: str) -> int:
        """First sector of a file's content."""
        return self.nodes[path].sector

    def files(self) -> list[Node]:
        """Files with content, in the order of their sectors; a hard-linked one once."""
        return self._files

    # layout

    def _make_nodes(self, tree: Tree) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        for entry in tree:
            if entry.kind == "file" and entry.size >= FILE_LIMIT:
                raise StageError(
                    f"a file of {entry.size} bytes cannot be put on a CD",
                    where=f"{entry.path} (from {entry.origin})",
                    why="ISO 9660 has 32 bits for a file's size, and NetBSD reads no file in parts",
                    hint="split the file, or keep it on a disk",
                    reason="iso-size",
                )
            parent = None if entry.path == ROOT else nodes[entry.parent]
            node = Node(entry, parent)
            if parent is not None:
                parent.children.append(node)
            nodes[entry.path] = node
        return nodes

    def _in_table_order(self) -> list[Node]:
        """Folders by depth, then by parent, then by identifier (ECMA-119, 6.9.1)."""
        order, level = [], [self._root]
        while level:
            order += level
            level = [child for folder in level for child in folder.children
                     if child.entry.kind == "dir"]
        if len(order) > FOLDER_LIMIT:
            raise StageError(
                f"{len(order)} folders are too many for a CD",
                why=f"its path table counts to {FOLDER_LIMIT}", reason="iso-folders",
            )
        for number, folder in enumerate(order, 1):
            folder.number = number
        return order

    def _describe(self, node: Node) -> None:
        """Make the node's Rock Ridge fields. Attributes come first, so they are in the record."""
        if node.parent is None:
            return
        fields = [rockridge.attributes(node.entry, self._count_links(node))]
        fields += rockridge.names(node.entry.name)
        if node.entry.kind == "link":
            fields += rockridge.symlink(node.entry.link)
        room = _RECORD_LIMIT - _record_length(node.identifier, 0)
        try:
            node.fields, node.area = rockridge.split(fields, room)
        except StageError as error:
            error.where = node.entry.path
            raise
        if node.area:
            self._areas.append(node)

    def _count_links(self, node: Node) -> int:
        if node.entry.kind == "dir":
            return 2 + sum(child.entry.kind == "dir" for child in node.children)
        return self._links.get(node.entry.inode, 1)

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
            at += folder.size // SECTOR
        at = self._place_areas(at)
        return self._place_files(at) + PADDING

    def _folder_size(self, folder: Node) -> int:
        at = 0
        for length in [*map(len, self._dots(folder)), *map(_length, folder.children)]:
            if at % SECTOR + length > SECTOR:
                at += -at % SECTOR
            at += length
        return at + -at % SECTOR

    def _place_areas(self, at: int) -> int:
        """Continuation areas, each within one sector; the extension record of the root first."""
        self._root_area_at = (at, 0)
        offset = len(self._root_area)
        for node in self._areas:
            if offset + len(node.area) > SECTOR:
                at, offset = at + 1, 0
            node.area_at = (at, offset)
            offset += len(node.area)
        return at + 1

    def _place_files(self, at: int) -> int:
        self._files: list[Node] = []
        first: dict[str, Node] = {}
        for node in self.nodes.values():
            if node.entry.kind != "file":
                continue
            known = first.setdefault(node.entry.inode, node) if node.entry.inode else node
            node.size = node.entry.size
            if known is not node:
                node.sector = known.sector
            elif node.size:
                node.sector = at
                at += _sectors(node.size)
                self._files.append(node)
        return at

    # structures

    def render(self) -> list[tuple[int, bytes]]:
        """(sector, bytes) of all structures but the boot record, in ascending order."""
        parts = [(16, self._volume_descriptor()), (18, b"\xffCD001\x01".ljust(SECTOR, b"\0"))]
        parts += [(self._tables[0], self._path_table("<")), (self._tables[1], self._path_table(">"))]
        parts += [(folder.sector, self._folder(folder)) for folder in self._folders]
        areas: dict[int, bytes] = {self._root_area_at[0]: self._root_area}
        for node in self._areas:
            areas[node.area_at[0]] = areas.get(node.area_at[0], b"") + node.area
        return parts + sorted(areas.items())

    def _dots(self, folder: Node) -> list[bytes]:
        """The records of the folder itself and of its parent."""
        own = rockridge.attributes(folder.entry, self._count_links(folder))
        if folder.parent is None:
            own = rockridge.SHARING + own + rockridge.continuation(
                *self._root_area_at, len(self._root_area))
        above = folder.parent or folder
        return [
            _record(folder, b"\0", own),
            _record(above, b"\1", rockridge.attributes(above.entry, self._count_links(above))),
        ]

    def _folder(self, folder: Node) -> bytes:
        records = self._dots(folder)
        for child in folder.children:
            fields = child.fields
            if child.area:
                fields += rockridge.continuation(*child.area_at, len(child.area))
            records.append(_record(child, child.identifier, fields))
        data = bytearray()
        for record in records:
            if len(data) % SECTOR + len(record) > SECTOR:
                data += bytes(-len(data) % SECTOR)
            data += record
        return bytes(data) + bytes(-len(data) % SECTOR)

    def _path_table(self, order: str) -> bytes:
        rows = []
        for folder in self._folders:
            name = folder.identifier or b"\0"
            above = folder.parent.number if folder.parent else 1
            rows.append(pack(f"{order}BBLH", len(name), 0, folder.sector, above)
                        + name + b"\0" * (len(name) % 2))
        return b"".join(rows)

    def _volume_descriptor(self) -> bytes:
        """The primary volume descriptor (ECMA-119, 8.4)."""
        little, big = self._tables
        date = date17(self._time)
        labels = self._labels
        return b"".join([
            b"\x01CD001\x01\0", _label("NETBSD", 32), _label(labels.volume, 32), bytes(8),
            both(self.sectors), bytes(32), _both16(1), _both16(1), _both16(SECTOR),
            both(self._table_size), pack("<LL", little, 0), pack(">LL", big, 0),
            _record(self._root, b"\0", b""),
            _label("", 128), _label(labels.publisher, 128), _label("GOLDMASTER", 128),
            _label(labels.application, 128), _label("", 37), _label("", 37), _label("", 37),
            date, date, date17(None), date, b"\x01\0",
        ]).ljust(SECTOR, b"\0")


def _name_children(folder: Node) -> None:
    """Give the children ISO 9660 identifiers, unique in the folder, and sort them by these.

    Up to 30 d-characters, with `.` and `;1` for files (level 2); a number tells twins apart.
    """
    taken: set[tuple[bytes, bytes]] = set()
    keyed = []
    for child in folder.children:
        raw = child.entry.name.encode(errors="surrogateescape").upper()
        is_folder = child.entry.kind == "dir"
        stem, dot, suffix = (raw, b"", b"") if is_folder else raw.rpartition(b".")
        if not dot:
            stem, suffix = raw, b""
        stem, suffix = _NOT_D.sub(b"_", stem)[:27] or b"_", _NOT_D.sub(b"_", suffix)[:3]
        unique, number = stem, 0
        while (unique, suffix) in taken:
            number += 1
            tail = b"_%d" % number
            unique = stem[: 27 - len(tail)] + tail
        taken.add((unique, suffix))
        child.identifier = unique if is_folder else unique + b"." + suffix + b";1"
        keyed.append((unique.ljust(31), suffix.ljust(3), child))
    keyed.sort(key=lambda item: item[:2])
    folder.children = [child for _, _, child in keyed]


def _record_length(identifier: bytes, fields: int) -> int:
    length = 33 + len(identifier) + (len(identifier) + 1) % 2 + fields
    return length + length % 2


def _length(node: Node) -> int:
    fields = len(node.fields) + (rockridge.CE_LENGTH if node.area else 0)
    return _record_length(node.identifier, fields)


def _record(node: Node, identifier: bytes, fields: bytes) -> bytes:
    """A directory record (ECMA-119, 9.1)."""
    length = _record_length(identifier, len(fields))
    flags = 2 if node.entry.kind == "dir" else 0
    return (
        bytes([length, 0]) + both(node.sector) + both(node.size) + date7(node.entry.time)
        + bytes([flags, 0, 0]) + _both16(1) + bytes([len(identifier)]) + identifier
        + b"\0" * ((len(identifier) + 1) % 2) + fields
    ).ljust(length, b"\0")


def _sectors(size: int) -> int:
    return -(-size // SECTOR)


def _both16(number: int) -> bytes:
    return pack("<H", number) + pack(">H", number)


def _label(text: str, room: int) -> bytes:
    """A text field of the volume descriptor; characters the standard has not become `_`."""
    data = re.sub(r"[^A-Z0-9_ !\"%&'()*+,\-./:;<=>?]", "_", text.upper()).encode()
    return data[:room].ljust(room, b" ")


def date17(seconds: int | None) -> bytes:
    """A time as a volume descriptor has it (ECMA-119, 8.4.26.1); None: not given."""
    if seconds is None:
        return b"0" * 16 + b"\0"
    return time.strftime("%Y%m%d%H%M%S00", time.gmtime(seconds)).encode() + b"\0"
