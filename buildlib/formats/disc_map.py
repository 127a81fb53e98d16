"""Map of a disc image: the file, folder or structure that contains a byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from buildlib.formats.iso9660.layout import SECTOR
from buildlib.formats.partitions import BACKUP_BLOCKS, BLOCK

SYSTEM_AREA = 16 * SECTOR  # ECMA-119, 6.2.1; contains what a BIOS reads from a disk
_MBR_TABLE = range(440, BLOCK)  # its signature and entries
_GPT = range(BLOCK, BLOCK * (1 + BACKUP_BLOCKS))


def place_of(image: Path, offset: int) -> str:
    """What is at a byte of the image: the path of a file or folder, or a structure."""
    if not _is_iso9660(image):
        return "the image"
    if table := table_at(image, offset):
        return table
    if offset < SYSTEM_AREA:
        return "the system area"
    import pycdlib

    disc, end = pycdlib.PyCdlib(), SYSTEM_AREA
    disc.open(str(image))
    try:
        for path, start, length in _extents(disc):
            if start <= offset < start + length:
                return path
            end = max(end, start + length)
    finally:
        disc.close()
    return (
        "the disc's structures"
        if offset < -(-end // SECTOR) * SECTOR
        else ("the padding at the end")
    )


def table_at(image: Path, offset: int) -> str:
    """The partition table that contains the byte, or an empty text."""
    with image.open("rb") as file:
        head = file.read(2 * BLOCK)
    has_gpt = head[BLOCK:].startswith(b"EFI PART")
    if (offset in _MBR_TABLE and head[510:BLOCK] == b"\x55\xaa") or (has_gpt and offset in _GPT):
        return "the partition table"
    if has_gpt and offset >= image.stat().st_size - BACKUP_BLOCKS * BLOCK:
        return "the backup of the partition table"
    return ""


def _is_iso9660(image: Path) -> bool:
    with image.open("rb") as file:
        file.seek(SYSTEM_AREA + 1)
        return file.read(5) == b"CD001"  # ECMA-119, 8.1.2


def _extents(disc: Any) -> Iterator[tuple[str, int, int]]:
    """Path, first byte and number of bytes of all files and folders; folder paths end with `/`.

    pycdlib's own walk stops at a name that is not UTF-8.
    """
    folders = [("/", disc.get_record(rr_path="/"))]
    while folders:
        path, folder = folders.pop()
        yield path, folder.extent_location() * SECTOR, folder.get_data_length()
        for record in folder.children:
            if record.is_dot() or record.is_dotdot():
                continue
            name = path + record.rock_ridge.name().decode("utf-8", "surrogateescape")
            if record.is_dir():
                folders.append((f"{name}/", record))
                continue
            part = record
            while part is not None:
                yield name, part.extent_location() * SECTOR, part.get_data_length()
                part = part.data_continuation
