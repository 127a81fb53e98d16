"""Comparing a burnt disc, or a written stick, with the image that it should hold.

What the medium has beyond the image's end does not count: a burner adds blocks, a stick is larger.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildlib.words.errors import ConfigError

SECTOR = 2048
_CHUNK = 1 << 20
_SYSTEM_AREA = 16 * SECTOR  # ECMA-119, 6.2.1: what a BIOS reads from a disk lies there


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a medium first is not what the image is: byte offset, what is there, how."""

    offset: int
    place: str
    how: str


def compare(
    image: Path, medium: Path, *, tell: Callable[[int, int], None]
) -> Difference | None:
    """The first difference between `image` and `medium`, a device or a file; None where the
    medium begins with all of the image.

    tell  gets bytes compared and bytes in all, now and then

    Raises ConfigError where the medium cannot be opened, or is no file and no device.
    """
    size = image.stat().st_size
    with image.open("rb", buffering=0) as wanted, _open(medium) as descriptor:
        for offset in range(0, size, _CHUNK):
            expected = wanted.read(_CHUNK)
            found, how = _read(descriptor.number, offset, len(expected))
            if found != expected:
                at = offset + _first_difference(expected, found)
                how = "differs" if at < offset + len(found) else how
                return Difference(at, place_of(image, at), how)
            tell(offset + len(expected), size)
    return None


class _open:  # noqa: N801  it is used as open() is
    """A descriptor of the medium, closed at the end of the block."""

    def __init__(self, medium: Path) -> None:
        try:
            # a FIFO without a writer must not hang, and a device must be asked, not the cache
            self.number = os.open(medium, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(
                f"{medium} cannot be opened", why=error.strerror,
                hint="name the drive with the disc, or the stick", reason="medium") from error

    def __enter__(self) -> _open:
        mode = os.fstat(self.number).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode) or stat.S_ISCHR(mode)):
            self.__exit__()
            raise ConfigError("only a device or a file can be compared with the image",
                              hint="name the drive with the disc, or the stick", reason="medium")
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.number, 0, 0, os.POSIX_FADV_DONTNEED)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)


def _read(descriptor: int, offset: int, size: int) -> tuple[bytes, str]:
    """What can be read there, and why that is not all of it."""
    data = bytearray()
    step = size
    while len(data) < size:
        try:
            part = os.pread(descriptor, min(step, size - len(data)), offset + len(data))
        except OSError as error:
            if step == SECTOR:
                return bytes(data), f"cannot be read: {error.strerror}"
            step = SECTOR  # up to the sector that is bad
            continue
        if not part:
            return bytes(data), "is missing: the medium ends there"
        data += part
    return bytes(data), ""


def _first_difference(expected: bytes, found: bytes) -> int:
    low, high = 0, min(len(expected), len(found))
    if expected[:high] == found[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if expected[low:middle] != found[low:middle]:
            high = middle
        else:
            low = middle
    return low


def place_of(image: Path, offset: int) -> str:
    """What an ISO 9660 image has at a byte: a file's path, a folder's records, or a structure."""
    if not _is_iso9660(image):
        return "the image"
    if offset < _SYSTEM_AREA:
        return "the system area"
    import pycdlib

    disc = pycdlib.PyCdlib()
    disc.open(str(image))
    try:
        for path, start, length in _extents(disc):
            if start <= offset < start + length:
                return path
    finally:
        disc.close()
    return "the disc's structures"


def _is_iso9660(image: Path) -> bool:
    with image.open("rb") as file:
        file.seek(_SYSTEM_AREA + 1)
        return file.read(5) == b"CD001"  # ECMA-119, 8.1.2


def _extents(disc: Any) -> Iterator[tuple[str, int, int]]:
    """Path, first byte and bytes of everything that a path leads to; folders end with `/`."""
    for folder, _, names in disc.walk(rr_path="/"):
        record = disc.get_record(rr_path=folder)
        yield (f"{folder.rstrip('/')}/", record.extent_location() * SECTOR,
               record.get_data_length())
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            record = disc.get_record(rr_path=path)
            while record is not None:
                yield path, record.extent_location() * SECTOR, record.get_data_length()
                record = record.data_continuation
