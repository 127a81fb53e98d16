"""Comparing a burnt disc, or a written stick, with the image that it should hold.

What the medium has beyond the image's end does not count: a burner adds blocks, a stick is larger.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from buildlib.formats.disc_map import place_of, table_at
from buildlib.formats.iso9660.layout import SECTOR
from buildlib.formats.partitions import BACKUP_BLOCKS, BLOCK
from buildlib.model.errors import ConfigError
from buildlib.operations.served_files import sha256_of
from buildlib.store.blobs import CHUNK

_MARK = 446  # of the first partition in the MBR
_TABLES = BLOCK * (1 + BACKUP_BLOCKS)  # MBR, and GPT's header and entries
MOVED = "a tool has moved the GPT's backup to the medium's end; the partitions are the same"
UNMARKED = ", but the mark is gone without which some BIOSes do not boot from it"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a medium first is not what the image is: byte offset, what is there, how."""

    offset: int
    place: str
    how: str


def check_image(image: Path) -> None:
    """Whether the image is still what was pressed. Raises ConfigError."""
    listed = image.with_name(f"{image.name}.sha256")
    digest = sha256_of(image)
    if not listed.is_file() or digest not in listed.read_text().split():
        raise ConfigError(f"{image} is not what was pressed", where=listed, reason="image-changed",
                          why=f"its SHA-256 is {digest}", hint="press it again: doit iso")


def compare(
    image: Path, medium: Path, *, tell: Callable[[int, int], None],
    note: Callable[[str], object] = str,
) -> Difference | None:
    """The first difference between `image` and `medium`, a device or a file; None where the
    medium begins with all of the image.

    tell  gets bytes compared and bytes in all, now and then
    note  gets what differs and does not matter

    Raises ConfigError where the medium cannot be opened, or is no file and no device.
    """
    size = image.stat().st_size
    own: tuple[range, ...] = ()  # what the medium may have of its own
    with image.open("rb", buffering=0) as wanted, _open(medium) as descriptor:
        for offset in range(0, size, CHUNK):
            expected = wanted.read(CHUNK)
            found, how = _read(descriptor.number, offset, len(expected))
            if found != expected and len(found) == len(expected):
                if not own and table_at(image, offset + _first_difference(expected, found)) and (
                        offset == 0 and is_moved(expected[:_TABLES], found[:_TABLES])):
                    own = (range(440, 510), range(BLOCK, 2 * BLOCK),
                           range(size - BACKUP_BLOCKS * BLOCK, size))
                    note(MOVED + (UNMARKED if expected[_MARK] != found[_MARK] else ""))
                found = _without(own, offset, expected, found)
            if found != expected:
                at = offset + _first_difference(expected, found)
                how = "differs" if at < offset + len(found) else how
                if not found and offset == 0:
                    return Difference(0, "the medium", "is empty" if "missing" in how else how)
                return Difference(at, place_of(image, at), how)
            tell(offset + len(expected), size)
    return None


def is_moved(pressed: bytes, found: bytes) -> bool:
    """Whether MBR and GPT say what the pressed ones do, but for where the medium and so the
    backup ends (UEFI 2.10, 5.2.3 and 5.3.2). sgdisk and sfdisk do that where they find a stick
    larger than its GPT says, and take signature and mark out of the MBR.
    """
    if pressed[BLOCK:BLOCK + 8] != b"EFI PART":
        return False
    header, (size, crc) = bytearray(found[BLOCK:2 * BLOCK]), unpack_from("<LL", found, BLOCK + 12)
    header[16:20] = bytes(4)
    if not 92 <= size <= BLOCK or zlib.crc32(header[:size]) != crc:
        return False
    same = (range(440), range(447, 451), range(454, 458), range(462, BLOCK),
            range(BLOCK, BLOCK + 16), range(BLOCK + 20, BLOCK + 32),
            range(BLOCK + 40, BLOCK + 48), range(BLOCK + 56, _TABLES))
    return all(pressed[part.start:part.stop] == found[part.start:part.stop] for part in same)


def _without(own: tuple[range, ...], offset: int, expected: bytes, found: bytes) -> bytes:
    """What was found, with that of `own` as expected."""
    data = bytearray(found)
    for part in own:
        first, end = max(part.start - offset, 0), min(part.stop - offset, len(data))
        if first < end:
            data[first:end] = expected[first:end]
    return bytes(data)


class _open:  # noqa: N801  it is used as open() is
    """A descriptor of the medium, closed at the end of the block."""

    def __init__(self, medium: Path) -> None:
        self._medium = medium
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
        try:
            os.fsync(self.number)  # what has just been written is else read from memory
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EROFS, errno.EBADF}:
                raise ConfigError(
                    f"{self._medium} cannot be written to the end", why=error.strerror,
                    hint="write it anew, or to another one", reason="medium") from error
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
