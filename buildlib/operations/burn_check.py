"""Compares a burnt disc or a written stick with its image.

Data after the image's end is ignored: a burner adds blocks, and a stick is larger.
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

_MARK = 446  # boot indicator of the first partition in the MBR
_TABLES = BLOCK * (1 + BACKUP_BLOCKS)  # MBR, and GPT's header and entries
MOVED = "a tool has moved the GPT's backup to the medium's end; the partitions are the same"
UNMARKED = ", but the boot indicator, without which some BIOSes do not boot, is gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference of a medium: byte offset, what is located there, and how it differs."""

    offset: int
    place: str
    how: str


def check_image(image: Path) -> None:
    """Check that the image is unchanged since it was built. Raises ConfigError."""
    listed = image.with_name(f"{image.name}.sha256")
    digest = sha256_of(image)
    if not listed.is_file() or digest not in listed.read_text().split():
        raise ConfigError(
            f"{image} has changed since it was built",
            where=listed,
            reason="image-changed",
            why=f"its SHA-256 is {digest}",
            hint="build it again: doit iso",
        )


def compare(
    image: Path,
    medium: Path,
    *,
    tell: Callable[[int, int], None],
    note: Callable[[str], object] = str,
) -> Difference | None:
    """The first difference between `image` and `medium`, a device or a file; None if the medium
    begins with the whole image.

    tell  receives the bytes compared and the total, periodically
    note  receives harmless differences

    Raises ConfigError if the medium cannot be opened or is neither a file nor a device.
    """
    size = image.stat().st_size
    own: tuple[range, ...] = ()  # where the medium may differ
    with image.open("rb", buffering=0) as wanted, _open(medium) as descriptor:
        for offset in range(0, size, CHUNK):
            expected = wanted.read(CHUNK)
            found, how = _read(descriptor.number, offset, len(expected))
            if found != expected and len(found) == len(expected):
                if (
                    not own
                    and table_at(image, offset + _first_difference(expected, found))
                    and (offset == 0 and is_moved(expected[:_TABLES], found[:_TABLES]))
                ):
                    own = (
                        range(440, 510),
                        range(BLOCK, 2 * BLOCK),
                        range(size - BACKUP_BLOCKS * BLOCK, size),
                    )
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
    """Whether MBR and GPT equal the image's, except for the end of the medium and the location of
    the backup (UEFI 2.10, 5.2.3 and 5.3.2). sgdisk and sfdisk change these on a stick larger than
    its GPT says, and also remove the signature and the boot indicator from the MBR.
    """
    if pressed[BLOCK : BLOCK + 8] != b"EFI PART":
        return False
    header, (size, crc) = bytearray(found[BLOCK : 2 * BLOCK]), unpack_from("<LL", found, BLOCK + 12)
    header[16:20] = bytes(4)
    if not 92 <= size <= BLOCK or zlib.crc32(header[:size]) != crc:
        return False
    same = (
        range(440),
        range(447, 451),
        range(454, 458),
        range(462, BLOCK),
        range(BLOCK, BLOCK + 16),
        range(BLOCK + 20, BLOCK + 32),
        range(BLOCK + 40, BLOCK + 48),
        range(BLOCK + 56, _TABLES),
    )
    return all(pressed[part.start : part.stop] == found[part.start : part.stop] for part in same)


def _without(own: tuple[range, ...], offset: int, expected: bytes, found: bytes) -> bytes:
    """`found`, with the parts in `own` replaced by the expected data."""
    data = bytearray(found)
    for part in own:
        first, end = max(part.start - offset, 0), min(part.stop - offset, len(data))
        if first < end:
            data[first:end] = expected[first:end]
    return bytes(data)


class _open:  # noqa: N801  it is used like open()
    """A descriptor of the medium, closed at the end of the block."""

    def __init__(self, medium: Path) -> None:
        self._medium = medium
        try:
            # a FIFO without a writer must not block; a device must be read, not the page cache
            self.number = os.open(medium, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(
                f"{medium} cannot be opened",
                why=error.strerror,
                hint="name the drive with the disc, or the stick",
                reason="medium",
            ) from error

    def __enter__(self) -> _open:
        mode = os.fstat(self.number).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode) or stat.S_ISCHR(mode)):
            self.__exit__()
            raise ConfigError(
                "only a device or a file can be compared with the image",
                hint="name the drive with the disc, or the stick",
                reason="medium",
            )
        try:
            os.fsync(self.number)  # otherwise recently written data is read from memory
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EROFS, errno.EBADF}:
                raise ConfigError(
                    f"{self._medium}: writing it failed",
                    why=error.strerror,
                    hint="write it again, or use another medium",
                    reason="medium",
                ) from error
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.number, 0, 0, os.POSIX_FADV_DONTNEED)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)


def _read(descriptor: int, offset: int, size: int) -> tuple[bytes, str]:
    """The data read there, and why it is incomplete."""
    data = bytearray()
    step = size
    while len(data) < size:
        try:
            part = os.pread(descriptor, min(step, size - len(data)), offset + len(data))
        except OSError as error:
            if step == SECTOR:
                return bytes(data), f"cannot be read: {error.strerror}"
            step = SECTOR  # read up to the bad sector
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
