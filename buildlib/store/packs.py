"""Packs: the contents of a tree's files in a single file.

A release set has tens of thousands of small files. Stored as one sequential file, they take a tenth
of the system time, one `lstat` shows whether all of them are still there, and an image writer
copies whole runs of them in one call. For the latter, contents are aligned to ISO 9660 sectors.

    packs/ab/ab56…      contents, one after another, each at a multiple of 2,048 bytes
    packs/ab/ab56….idx  48 bytes per content: SHA-256, offset, size (little endian), in file order

A pack is named by the SHA-256 of its index, which contains the digest of every content, so the name
identifies all bytes without hashing them twice. Packs are sealed like blobs, and checked as
thoroughly before contents leave them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from buildlib.host.atomic_files import STORED, NewFile, new_file, remove
from buildlib.host.reading import status_at
from buildlib.model.digest import Blob
from buildlib.model.errors import MissingBlob
from buildlib.model.tree import Entry, Tree
from buildlib.store.blobs import CHUNK, Blobs, names_below

ALIGN = 2048
_ROW = Struct("<32sQQ")
_NOWHERE = -1  # the row of a digest that is in no index
_ZEROS = bytes(ALIGN)


@dataclass(frozen=True, slots=True)
class StoredTree:
    """A tree, and the location of its files' contents.

    packs  a pack's size is that of its file
    files  contents stored as separate blobs: kernels, images
    """

    tree: Tree
    packs: tuple[Blob, ...] = ()
    files: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Location of a content: the path of its pack or blob; offset and size in bytes."""

    pack: str
    offset: int
    size: int


class Contents(Mapping[str, Place]):
    """Locations of contents by SHA-256 (hex). A `Place` is created on demand, because all of them
    would take as much memory as the tree itself.
    """

    def __init__(self, indexes: Sequence[tuple[str, bytes]], tree: Tree) -> None:
        """`indexes` are pairs of a file's path and its rows. The digest strings of `tree` are used
        as keys to save memory.
        """
        self._indexes = indexes
        self._starts: list[int] = []  # the number of the first row of each index
        # digest to row number over all indexes; a dictionary keeps the key it was given first
        self._rows = dict.fromkeys((entry.sha256 for entry in tree), _NOWHERE)
        row = 0
        for _, index in indexes:
            self._starts.append(row)
            for at in range(0, len(index), _ROW.size):
                self._rows[index[at : at + 32].hex()] = row
                row += 1

    def __getitem__(self, sha256: str) -> Place:
        row = self._rows[sha256]
        if row == _NOWHERE:
            raise KeyError(sha256)
        which = bisect_right(self._starts, row) - 1
        path, index = self._indexes[which]
        _, offset, size = _ROW.unpack_from(index, (row - self._starts[which]) * _ROW.size)
        return Place(path, offset, size)

    def __iter__(self) -> Iterator[str]:
        return (name for name, row in self._rows.items() if row != _NOWHERE)

    def __len__(self) -> int:
        return sum(row != _NOWHERE for row in self._rows.values())


class PackWriter:
    """A pack being written. A content added twice is stored once."""

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._rows: list[bytes] = []
        self._known: dict[str, int] = {}
        self.size = 0

    def add(self, data: bytes) -> str:
        """Add one content. Return its SHA-256 (hex)."""
        digest = hashlib.sha256(data)
        sha256 = digest.hexdigest()
        if data and sha256 not in self._known:
            self._row(digest.digest(), sha256, len(data))
            self._append(data)
            self._align()
        return sha256

    def add_pieces(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Add one content given in pieces. Return its SHA-256 (hex) and size in bytes."""
        digest, start, size = hashlib.sha256(), self.size, 0
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            self._append(piece)
        sha256 = digest.hexdigest()
        if size == 0 or sha256 in self._known:
            self._rewind(start)
        else:
            self._row(digest.digest(), sha256, size, start)
            self._align()
        return sha256, size

    def finish(self) -> bytes:
        """Write pending data. Return the index."""
        self._flush()
        return b"".join(self._rows)

    def _row(self, digest: bytes, sha256: str, size: int, start: int | None = None) -> None:
        start = self.size if start is None else start
        self._rows.append(_ROW.pack(digest, start, size))
        self._known[sha256] = start

    def _append(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_size += len(data)
        self.size += len(data)
        if self._pending_size >= CHUNK:
            self._flush()

    def _align(self) -> None:
        if gap := -self.size % ALIGN:
            self._append(_ZEROS[:gap])

    def _rewind(self, start: int) -> None:
        self._flush()
        os.ftruncate(self._file.descriptor, start)
        os.lseek(self._file.descriptor, start, os.SEEK_SET)
        self.size = start

    def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        self._file.write(data)


class Packs:
    """The packs below one folder. Methods may be called from several threads."""

    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._root = folder / "packs"
        self._blobs = blobs
        self._seal = blobs.seal
        self._known: set[str] = set()  # written or verified in this run: contents may leave them
        self._root.mkdir(exist_ok=True)

    def where(self, name: str) -> Path:
        """The path of a pack, present or not."""
        return self._root / name[:2] / name

    @contextlib.contextmanager
    def writer(self, result: list[Blob]) -> Iterator[PackWriter]:
        """Store a pack of what is added in the block, and append its name and size to `result`.

        Nothing is stored if the block raises or adds nothing.
        """
        with new_file(self._blobs.fresh(), mode=STORED) as file:
            pack = PackWriter(file)
            yield pack
            index = pack.finish()
            if index:
                stored = Blob(hashlib.sha256(index).hexdigest(), pack.size)
                if not self._is_whole(stored):
                    self._keep(file, index, stored)
                result.append(stored)

    def _keep(self, file: NewFile, index: bytes, pack: Blob) -> None:
        path = self.where(pack.sha256)
        with new_file(self._blobs.fresh(), mode=STORED) as beside:
            beside.write(index)
            for part, target in ((beside, f"{path}.idx"), (file, path)):
                self._seal.put(part.descriptor)
                part.appear(target, clearing=True)
        self._known.add(pack.sha256)

    def has(self, pack: Blob) -> bool:
        """Whether the pack and its index are present and intact."""
        path = str(self.where(pack.sha256))
        return (
            self._seal.is_on(path, pack.size) and self._seal.is_on(f"{path}.idx")
        ) or self._reseal(pack)

    def _is_whole(self, pack: Blob) -> bool:
        """Whether the pack is present and contents may leave it; see `Blobs`."""
        if not self.has(pack):
            return False
        if pack.sha256 not in self._known:
            if not (self._seal.agrees(str(self.where(pack.sha256))) or self._reseal(pack)):
                return False
            self._known.add(pack.sha256)
        return True

    def _reseal(self, pack: Blob) -> bool:
        """Verify a pack whose seal is broken, then seal it again or remove it."""
        path = str(self.where(pack.sha256))
        if not self.is_sound(pack.sha256):
            self.discard(pack.sha256)
            return False
        self._seal.renew(path)
        self._seal.renew(f"{path}.idx")
        self._known.add(pack.sha256)
        return True

    def contents(self, stored: StoredTree) -> Contents:
        """The location of every content of a tree, by SHA-256 (hex). Raises MissingBlob."""
        indexes = [
            (str(self._blobs.path(blob)), _ROW.pack(bytes.fromhex(blob.sha256), 0, blob.size))
            for blob in stored.files
        ]
        for pack in stored.packs:
            if not self._is_whole(pack):
                raise MissingBlob(pack.sha256, why="it was deleted, or changed by another program")
            path = str(self.where(pack.sha256))
            index = Path(f"{path}.idx").read_bytes()
            if hashlib.sha256(index).hexdigest() != pack.sha256:
                self.discard(pack.sha256)
                raise MissingBlob(pack.sha256, why="its index was damaged")
            indexes.append((path, index))
        return Contents(indexes, stored.tree)

    def is_sound(self, name: str) -> bool:
        """Whether the index and every byte of the pack still match its name.

        The zeros between the contents are checked too, because image writers copy them along.
        """
        path, end = self.where(name), 0
        try:
            if not all(stat.S_ISREG(os.lstat(part).st_mode) for part in (path, f"{path}.idx")):
                return False
            index = Path(f"{path}.idx").read_bytes()
            if hashlib.sha256(index).hexdigest() != name:
                return False
            with path.open("rb") as file:
                for digest, offset, size in _ROW.iter_unpack(index):
                    end = offset + size + -size % ALIGN
                    if _hash(file.fileno(), offset, size) != digest or any(
                        os.pread(file.fileno(), -size % ALIGN, offset + size)
                    ):
                        return False
                return os.fstat(file.fileno()).st_size == end
        except OSError:
            return False

    def discard(self, name: str) -> int:
        """Remove a pack. Return the number of bytes freed."""
        path, freed = self.where(name), 0
        for part in (path, Path(f"{path}.idx")):
            if status := status_at(part):
                freed += status.st_size
                remove(part)
        return freed

    def all(self) -> Iterator[str]:
        """The name of every pack, in any order."""
        return (name for name in names_below(self._root) if not name.endswith(".idx"))


def _hash(descriptor: int, offset: int, size: int) -> bytes:
    digest = hashlib.sha256()
    while size and (data := os.pread(descriptor, min(size, CHUNK), offset)):
        digest.update(data)
        offset += len(data)
        size -= len(data)
    return digest.digest()


def read_content(place: Place) -> bytes:
    """Read a whole content."""
    with open(place.pack, "rb") as file:
        file.seek(place.offset)
        return file.read(place.size)


def content_of(places: Mapping[str, Place], entry: Entry) -> Place:
    """The location of a file's content; for an empty file /dev/null. Raises MissingBlob."""
    if entry.size == 0:
        return Place("/dev/null", 0, 0)
    try:
        return places[entry.sha256]
    except KeyError:
        raise MissingBlob(entry.sha256, why=f"no pack of the tree contains {entry.path}") from None
