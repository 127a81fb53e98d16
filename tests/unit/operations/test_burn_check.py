"""A medium is compared with its image: where it differs first, and what may differ."""

from __future__ import annotations

import errno
import os
import random
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from buildlib.formats.iso9660.layout import SECTOR
from buildlib.formats.partitions import BACKUP_BLOCKS, BLOCK, Disk
from buildlib.model.errors import ConfigError
from buildlib.operations.burn_check import (
    MOVED,
    UNMARKED,
    Difference,
    check_image,
    compare,
    is_moved,
)
from buildlib.store.blobs import CHUNK

SIZE = 2 * CHUNK + 100 * BLOCK
TABLES = BLOCK * (1 + BACKUP_BLOCKS)
BACKUP = SIZE - BACKUP_BLOCKS * BLOCK  # its first byte
MISSING = "is missing: the medium ends there"


@pytest.fixture(scope="module")
def pressed() -> bytes:
    """The content of an image with a GPT."""
    data = bytearray(random.Random(5).randbytes(SIZE))
    for block, part in Disk(SIZE // BLOCK, "an image", system=(100, 50)).gpt():
        data[block * BLOCK : block * BLOCK + len(part)] = part
    return bytes(data)


@pytest.fixture
def image(pressed: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "cd.iso"
    path.write_bytes(pressed)
    return path


def flipped(data: bytes, *places: int) -> bytes:
    changed = bytearray(data)
    for at in places:
        changed[at] ^= 0x41
    return bytes(changed)


def summed(data: bytes) -> bytes:
    """With the right checksum in the GPT's header."""
    changed = bytearray(data)
    changed[BLOCK + 16 : BLOCK + 20] = bytes(4)
    size = int.from_bytes(changed[BLOCK + 12 : BLOCK + 16], "little")
    crc = zlib.crc32(changed[BLOCK : 2 * BLOCK][:size])
    changed[BLOCK + 16 : BLOCK + 20] = crc.to_bytes(4, "little")
    return bytes(changed)


def difference(
    image: Path, content: bytes, note: Callable[[str], object] = str
) -> Difference | None:
    medium = image.with_name("sr0")
    medium.write_bytes(content)
    return compare(image, medium, tell=lambda _done, _size: None, note=note)


def test_the_medium_begins_with_the_image(image: Path, pressed: bytes) -> None:
    told: list[tuple[int, int]] = []
    medium = image.with_name("sr0")
    for more in (b"", b"what a stick had before"):
        medium.write_bytes(pressed + more)
        told.clear()
        assert compare(image, medium, tell=lambda *done: told.append(done)) is None
        assert told == [(CHUNK, SIZE), (2 * CHUNK, SIZE), (SIZE, SIZE)]


@pytest.mark.parametrize("at", [TABLES, CHUNK - 1, CHUNK, 2 * CHUNK + 1, BACKUP - 1])
def test_the_first_byte_that_differs(image: Path, pressed: bytes, at: int) -> None:
    assert difference(image, flipped(pressed, at)) == Difference(at, "the image", "differs")
    two = flipped(pressed, at, SIZE - 1)
    assert difference(image, two) == Difference(at, "the image", "differs")


@pytest.mark.parametrize("end", [1, 600, CHUNK - 1, CHUNK, CHUNK + 1, SIZE - 1])
def test_a_medium_that_ends_too_soon(image: Path, pressed: bytes, end: int) -> None:
    assert difference(image, pressed[:end]) == Difference(end, "the image", MISSING)
    short = flipped(pressed[:end], end - 1)
    assert difference(image, short) == Difference(end - 1, "the image", "differs")


def test_an_empty_medium(image: Path) -> None:
    assert difference(image, b"") == Difference(0, "the medium", "is empty")


def unreadable(monkeypatch: pytest.MonkeyPatch, bad: int, *, most: int = 0) -> None:
    """As on a scratched disc: what includes byte `bad` fails, but for reads of at most `most`."""
    real = os.pread

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        if size > most and offset <= bad < offset + size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", pread)


@pytest.mark.parametrize("sector", [1, 20, CHUNK // SECTOR, CHUNK // SECTOR + 7])
def test_a_sector_that_cannot_be_read(
    image: Path, pressed: bytes, sector: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable(monkeypatch, sector * SECTOR + 5)
    how = "cannot be read: Input/output error"
    assert difference(image, pressed) == Difference(sector * SECTOR, "the image", how)
    before = flipped(pressed, sector * SECTOR - 1)
    assert difference(image, before) == Difference(sector * SECTOR - 1, "the image", "differs")


def test_a_drive_that_reads_nothing(
    image: Path, pressed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable(monkeypatch, 0)
    how = "cannot be read: Input/output error"
    assert difference(image, pressed) == Difference(0, "the medium", how)


def test_a_drive_that_reads_single_sectors_only(
    image: Path, pressed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable(monkeypatch, 5, most=SECTOR)
    assert difference(image, pressed) is None


def test_a_drive_that_returns_less_than_was_asked(
    image: Path, pressed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, at: real(file, min(size, 300_001), at))
    assert difference(image, pressed + b"more") is None
    assert difference(image, flipped(pressed, CHUNK)) == Difference(CHUNK, "the image", "differs")


# MBR: signature, boot indicator, last sector, number of sectors; GPT: backup, last usable block
MAY_DIFFER = {*range(440, 447), *range(451, 454), *range(458, 462)}
MAY_DIFFER |= {BLOCK + at for at in (*range(16, 20), *range(32, 40), *range(48, 56))}


def test_what_a_tool_changes_when_it_moves_the_backup(pressed: bytes) -> None:
    tables = pressed[:TABLES]
    assert is_moved(tables, tables)
    for at in (*range(2 * BLOCK + 2), TABLES - 1):
        found = summed(flipped(tables, at))
        assert is_moved(tables, found) == (at in MAY_DIFFER), at


def test_a_header_with_a_wrong_checksum(pressed: bytes) -> None:
    tables = pressed[:TABLES]
    assert not is_moved(tables, flipped(tables, BLOCK + 16))
    assert not is_moved(tables, flipped(tables, BLOCK + 32))


def test_an_image_without_a_gpt_has_no_backup(pressed: bytes) -> None:
    tables = flipped(pressed[:TABLES], BLOCK)
    assert not is_moved(tables, summed(tables))


@pytest.mark.parametrize(("size", "valid"), [(91, False), (92, True), (512, True), (513, False)])
def test_the_size_of_a_header(pressed: bytes, size: int, *, valid: bool) -> None:
    tables = bytearray(pressed[:TABLES])
    tables[BLOCK + 12 : BLOCK + 16] = size.to_bytes(4, "little")
    one = summed(bytes(tables))
    assert is_moved(one, one) == valid


def moved(pressed: bytes, *, marked: bool) -> bytes:
    """With the backup moved to the end of a larger stick."""
    data = flipped(pressed, 440, 443, 458, BLOCK + 33, BLOCK + 49, BACKUP, SIZE - 1)
    return summed(data if marked else flipped(data, 446)) + bytes(CHUNK)


@pytest.mark.parametrize("marked", [True, False])
def test_a_backup_at_the_end_of_a_larger_stick(
    image: Path, pressed: bytes, *, marked: bool
) -> None:
    notes: list[str] = []
    assert difference(image, moved(pressed, marked=marked), notes.append) is None
    assert notes == [MOVED if marked else MOVED + UNMARKED]


@pytest.mark.parametrize("at", [TABLES, CHUNK - 1, CHUNK + 440, CHUNK + BLOCK, BACKUP - 1])
def test_a_moved_backup_hides_no_other_difference(image: Path, pressed: bytes, at: int) -> None:
    notes: list[str] = []
    stick = flipped(moved(pressed, marked=True), at)
    assert difference(image, stick, notes.append) == Difference(at, "the image", "differs")
    assert notes == [MOVED]


@pytest.mark.parametrize("at", [0, 447, 510, BLOCK + 8, 2 * BLOCK])
def test_another_table(image: Path, pressed: bytes, at: int) -> None:
    notes: list[str] = []
    stick = summed(flipped(moved(pressed, marked=True), at))
    found = difference(image, stick, notes.append)
    assert found is not None
    assert found.offset == min(at, 440)
    assert notes == []


def test_a_backup_that_differs_while_the_table_does_not(image: Path, pressed: bytes) -> None:
    found = difference(image, flipped(pressed, SIZE - 1))
    assert found == Difference(SIZE - 1, "the image", "differs")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_medium_that_is_neither_device_nor_file(image: Path) -> None:
    before = descriptors()
    os.mkfifo(image.with_name("fifo"))
    for medium in (image.with_name("fifo"), image.parent):
        with pytest.raises(ConfigError, match="only a device or a file can be compared") as error:
            compare(image, medium, tell=lambda _done, _size: None)
        assert error.value.reason == "medium"
    assert descriptors() == before


def test_a_medium_that_is_not_there(image: Path) -> None:
    with pytest.raises(ConfigError, match="nothing cannot be opened") as error:
        compare(image, image.with_name("nothing"), tell=lambda _done, _size: None)
    assert (error.value.why, error.value.reason) == ("No such file or directory", "medium")


def test_a_device_that_is_a_character_device(image: Path) -> None:
    found = compare(image, Path("/dev/null"), tell=lambda _done, _size: None)
    assert found == Difference(0, "the medium", "is empty")


def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EROFS, errno.EBADF])
def test_what_cannot_be_written_needs_no_sync(
    image: Path, pressed: bytes, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, number)
    assert difference(image, pressed) is None


def test_writing_the_stick_failed(
    image: Path, pressed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, errno.EIO)
    with pytest.raises(ConfigError, match="sr0: writing it failed") as error:
        difference(image, pressed)
    assert (error.value.why, error.value.reason) == ("Input/output error", "medium")


def test_the_medium_is_read_and_not_the_memory(
    image: Path, pressed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, *rest: told.append(rest))
    before = descriptors()
    assert difference(image, pressed) is None
    assert told == [(0, 0, os.POSIX_FADV_DONTNEED)]
    assert descriptors() == before


def test_a_system_that_takes_no_advice(
    image: Path, pressed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fadvise")
    assert difference(image, pressed) is None


def test_an_image_that_is_what_was_built(image: Path, pressed: bytes) -> None:
    digest = sha256(pressed).hexdigest()
    listed = image.with_name("cd.iso.sha256")
    listed.write_text(f"{digest}  cd.iso\n")
    check_image(image)
    listed.write_text(f"{digest[::-1]}  cd.iso\n")
    with pytest.raises(ConfigError, match=r"cd\.iso has changed since it was built") as error:
        check_image(image)
    assert error.value.reason == "image-changed"
    assert error.value.where == str(listed)
    assert digest in str(error.value.why)
    listed.unlink()
    with pytest.raises(ConfigError, match="has changed"):
        check_image(image)
