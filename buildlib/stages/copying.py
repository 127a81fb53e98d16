"""Copying contents out of packs into images, as much at once as lies together in both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from buildlib.store.packs import ALIGN, Place, content_of
from buildlib.words.errors import StageError
from buildlib.words.tree import Entry


def write_at(descriptor: int, offset: int, data: bytes) -> None:
    """Write all of `data` at `offset` of an open file."""
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, offset)
        view, offset = view[done:], offset + done


def copy_range(source: int, offset: int, target: int, size: int) -> None:
    """Copy `size` bytes from `offset` of one open file to where another one is at.

    The kernel copies; file systems that can, share the blocks. Raises StageError at an early end.
    """
    while size:
        try:
            done = os.copy_file_range(source, target, size, offset)
        except OSError:
            done = os.write(target, os.pread(source, min(size, 1 << 20), offset))
        if done == 0:
            raise StageError("content ends before its size", reason="short-content")
        offset += done
        size -= done


def place_of(places: dict[str, Place], entry: Entry) -> Place:
    """Where a file's content is. Raises MissingBlob, or StageError where it has another size."""
    place = content_of(places, entry)
    if place.size != entry.size:
        raise StageError(
            f"{entry.path} has {place.size} bytes, not {entry.size}",
            where=f"{entry.path} (from {entry.origin or '?'})", reason="short-content",
        )
    return place


def merged(pieces: Iterable[tuple[int, Place]]) -> list[tuple[int, Place]]:
    """(offset in the image, place in a pack) of what can be copied at once.

    What lies between two contents of one run is less than ALIGN: the zeros that packs and images
    both have there.
    """
    runs: list[tuple[int, Place]] = []
    for offset, place in pieces:
        if runs:
            start, last = runs[-1]
            reach = place.offset - last.offset
            if (
                place.pack == last.pack
                and reach == offset - start
                and 0 <= reach - last.size < ALIGN
            ):
                runs[-1] = (start, Place(last.pack, last.offset, reach + place.size))
                continue
        runs.append((offset, place))
    return runs


def copy_all(
    descriptor: int, pieces: Iterable[tuple[int, Place]], tell: Callable[[int, int], None]
) -> None:
    """Copy (offset in the image, place in a pack) into an open image; `tell(done, total)` bytes."""
    runs = merged(pieces)
    total = sum(place.size for _, place in runs)
    sources: dict[str, int] = {}
    done = 0
    try:
        for offset, place in runs:
            if place.pack not in sources:
                sources[place.pack] = os.open(place.pack, os.O_RDONLY)
            os.lseek(descriptor, offset, os.SEEK_SET)
            copy_range(sources[place.pack], place.offset, descriptor, place.size)
            done += place.size
            tell(done, total)
    finally:
        for source in sources.values():
            os.close(source)
