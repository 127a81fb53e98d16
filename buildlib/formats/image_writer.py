"""The image writer: writes structures, and contents from packs, from the first byte to the last.

An image is written in chunks, in order, and hashed at the same time by another thread; hashing and
copying both release Python's global lock. Contents that are contiguous in a pack and in the image
are read at once. A chunk that lies within one content is copied by the kernel, so file systems that
support it share its blocks.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from buildlib.model.digest import Blob
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry
from buildlib.store.blobs import CHUNK
from buildlib.store.packs import ALIGN, Place, content_of

_COPIED_AT_ONCE = 16 << 20  # bytes, by the kernel
_BUFFERS = 4  # chunks being hashed or waiting for it
_ZEROS = bytes(CHUNK)

Part: TypeAlias = "tuple[int, bytes]"  # offset in the image, and data
Piece: TypeAlias = "tuple[int, Place]"  # offset in the image, and place in a pack
Span: TypeAlias = "tuple[int, int, bytes | Place]"  # offset in the image, size, and content
Tell: TypeAlias = Callable[[int, int], None]  # bytes done, bytes in total


def write_at(descriptor: int, offset: int, data: bytes | memoryview) -> None:
    """Write all of `data` at `offset` of an open file."""
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, offset)
        view, offset = view[done:], offset + done


def place_of(places: Mapping[str, Place], entry: Entry) -> Place:
    """Where a file's content is. Raises MissingBlob, or StageError if its size is wrong."""
    place = content_of(places, entry)
    if place.size != entry.size:
        raise StageError(
            f"{entry.path} has {place.size} bytes, not {entry.size}",
            where=f"{entry.path} (from {entry.origin or '?'})",
            reason="short-content",
        )
    return place


def merged(pieces: Iterable[tuple[int, Place]]) -> Iterator[tuple[int, Place]]:
    """Merge pieces (offset in the image, place in a pack) that can be copied at once.

    The gap between two contents of a merged piece is smaller than ALIGN; both packs and images have
    zeros there.
    """
    start, last = -1, Place("", 0, 0)
    for offset, place in pieces:
        reach = place.offset - last.offset
        if place.pack == last.pack and reach == offset - start and 0 <= reach - last.size < ALIGN:
            last = Place(last.pack, last.offset, reach + place.size)
            continue
        if last.pack:
            yield start, last
        start, last = offset, place
    if last.pack:
        yield start, last


def write_image(
    path: Path, size: int, *, parts: Iterable[Part], pieces: Iterable[Piece], tell: Tell
) -> Blob:
    """Write a new file of `size` bytes and return its digest. Gaps are zeros, stored as holes.

    parts, pieces  in any order, without overlaps
    Raises StageError if a content is shorter than its place says.
    """
    laid: list[Span] = [(offset, len(data), data) for offset, data in parts]
    laid += [(offset, place.size, place) for offset, place in merged(pieces)]
    laid.sort(key=itemgetter(0))
    with path.open("xb") as file, _Source() as source, _Hashing() as hashing:
        os.ftruncate(file.fileno(), size)
        for start, end, spans in _chunks(laid, size):
            if not spans:
                hashing.add(_ZEROS[: end - start])
            elif whole := source.whole(start, end - start, spans, target=file.fileno()):
                hashing.read(*whole)
            else:
                for at in range(start, end, CHUNK):
                    data = hashing.buffer()[: end - at]
                    source.fill(data, at, spans)
                    write_at(file.fileno(), at, data)
                    hashing.add(data)
            tell(end, size)
    return Blob(hashing.sha256, size)


class _Hashing:
    """Computes SHA-256 in another thread; `sha256` (hex) is available after the `with` block.

    Errors of reading are raised at the end of the block.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._todo: SimpleQueue[memoryview | bytes | tuple[int, int, int] | None] = SimpleQueue()
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._error: BaseException | None = None
        for _ in range(_BUFFERS):
            self._free.put(memoryview(bytearray(CHUNK)))

    def __enter__(self) -> _Hashing:
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._error = self._error or error  # after an error, the thread reads nothing more
        self._todo.put(None)
        self._thread.join()
        self.sha256 = self._digest.hexdigest()
        if self._error and error is None:
            raise self._error

    def buffer(self) -> memoryview:
        """A free buffer of CHUNK bytes; waits for one."""
        return self._free.get()

    def add(self, data: memoryview | bytes) -> None:
        """Hash data: a buffer or a part of it, which is freed afterwards, or bytes."""
        self._todo.put(data)

    def read(self, descriptor: int, offset: int, size: int) -> None:
        """Hash a part of an open file."""
        self._todo.put((descriptor, offset, size))

    def _run(self) -> None:
        own = memoryview(bytearray(CHUNK))
        while (data := self._todo.get()) is not None:
            if not isinstance(data, tuple):
                self._digest.update(data)
                if isinstance(data, memoryview):
                    self._free.put(memoryview(data.obj))
            elif self._error is None:
                descriptor, offset, size = data
                try:
                    for at in range(offset, offset + size, CHUNK):
                        piece = own[: offset + size - at]
                        _read(descriptor, piece, at)
                        self._digest.update(piece)
                except (OSError, StageError) as error:
                    self._error = error


def _chunks(laid: Sequence[Span], size: int) -> Iterator[tuple[int, int, list[Span]]]:
    """Start and end of each chunk, and the spans that overlap it.

    A chunk has CHUNK bytes, or a multiple if it lies within one span.
    """
    following = start = 0  # following: index of the first span that begins later
    spans: list[Span] = []
    while start < size:
        end = min(start + CHUNK, size)
        while following < len(laid) and laid[following][0] < end:
            spans.append(laid[following])
            following += 1
        if spans:
            begin, length, _ = spans[-1]
            common = min(begin + length - start, _COPIED_AT_ONCE)
            if begin <= start and common > CHUNK:
                end = start + common // CHUNK * CHUNK
        yield start, end, spans
        spans = [span for span in spans[-1:] if span[0] + span[1] > end]
        start = end


class _Source:
    """The packs that contain the contents, opened on demand."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._packs: dict[str, int] = {}

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._open.close()

    def fill(self, data: memoryview, start: int, spans: Iterable[Span]) -> None:
        """Fill `data` with the image's bytes from `start` on."""
        at, size = 0, len(data)
        for offset, length, what in spans:
            begin = offset - start
            skip = 0 if begin >= 0 else -begin
            end = min(begin + length, size)
            begin += skip
            if at < begin:
                data[at:begin] = _ZEROS[: begin - at]
            if isinstance(what, bytes):
                data[begin:end] = what[skip : skip + end - begin]
            else:
                _read(self._pack(what), data[begin:end], what.offset + skip)
            at = end
        if at < size:
            data[at:] = _ZEROS[: size - at]

    def whole(
        self, start: int, size: int, spans: Sequence[Span], *, target: int
    ) -> tuple[int, int, int] | None:
        """Let the kernel copy a chunk that lies within one content. Return the source as
        (descriptor, offset, size), or None if that is impossible.
        """
        offset, length, what = spans[0]
        if not isinstance(what, Place) or offset > start or offset + length < start + size:
            return None
        pack, at = self._pack(what), what.offset + start - offset
        return (pack, at, size) if _copied(pack, at, target, start, size) == size else None

    def _pack(self, place: Place) -> int:
        descriptor = self._packs.get(place.pack)
        if descriptor is None:
            descriptor = self._packs[place.pack] = os.open(place.pack, os.O_RDONLY)
            self._open.callback(os.close, descriptor)
        return descriptor


def _read(descriptor: int, into: memoryview, offset: int) -> None:
    """Fill a buffer from an open file. Raises StageError at an early end."""
    while (done := os.preadv(descriptor, (into,), offset)) < len(into):
        if done == 0:
            raise StageError("content ends before its size", reason="short-content")
        into, offset = into[done:], offset + done


def _copied(source: int, offset: int, target: int, start: int, size: int) -> int:
    """Copy with copy_file_range(2). Return how many bytes were copied: `size`, or less on error."""
    done = 0
    while done < size:
        try:
            some = os.copy_file_range(source, target, size - done, offset + done, start + done)
        except OSError:
            break
        if some == 0:
            break
        done += some
    return done
