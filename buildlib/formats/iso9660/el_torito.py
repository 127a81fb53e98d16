"""El Torito: the boot record, the boot catalog, and the table with a boot image's location.

Sources: "El Torito" Bootable CD-ROM Format Specification 1.0 (1995); UEFI 2.10, 13.3.2 (platform
0xEF); mkisofs(8) on -boot-info-table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import unpack
from typing import Literal

from buildlib.formats.fixed_fields import FixedFields
from buildlib.formats.iso9660.layout import SECTOR
from buildlib.formats.volume_label import boot_name
from buildlib.model.errors import StageError

BOOT_RECORD = 17
PLATFORMS = {"bios": 0x00, "efi": 0xEF}
# Sectors of 512 bytes that the BIOS loads; GRUB's first four load the rest.
_BIOS_LOAD = 4
_LOAD_LIMIT = 0xFFFF
CD_BLOCKS = 4  # blocks of GRUB's core image that are only for discs
_FORMAT = "El Torito"
_SECTOR = FixedFields(_FORMAT, "<L", "sector")
_VALIDATION = FixedFields(_FORMAT, "<BBH24sHBB", "header platform reserved name sum key key")
_SECTION = FixedFields(_FORMAT, "<BBH28x", "header platform entries")
_INITIAL = FixedFields(_FORMAT, "<BBHBBHL20x", "bootable media segment system unused count sector")
_BLOCK_LIST = FixedFields("GRUB's disk code", "<Q", "block")
_INFO_TABLE = FixedFields("the boot information table", "<LLLL40x", "sector sector size sum")


@dataclass(frozen=True, slots=True)
class BootImage:
    """A boot image on the disc: its platform, path, first sector and size in bytes."""

    platform: Literal["bios", "efi"]
    path: str
    sector: int
    size: int


def boot_record(catalog: int) -> bytes:
    """The volume descriptor that contains the boot catalog's sector."""
    return (b"\0CD001\x01EL TORITO SPECIFICATION".ljust(71, b"\0") + _SECTOR.pack(catalog)).ljust(
        SECTOR, b"\0"
    )


def catalog(images: Sequence[BootImage], *, title: str = "", key: str = "") -> bytes:
    """The boot catalog: the first image is the default, each other one has a section.

    title, key  release and recipe, and the image's key, for the identifier
    """
    if not images:
        raise StageError("a boot catalog needs an image", reason="no-boot-image")
    default, *others = images
    name = boot_name(title, key).encode()
    entries = [_validation(PLATFORMS[default.platform], name), _entry(default)]
    for number, image in enumerate(others, 1):
        header = 0x91 if number == len(others) else 0x90
        entries.append(_SECTION.pack(header, PLATFORMS[image.platform], 1))
        entries.append(_entry(image))
    return b"".join(entries).ljust(SECTOR, b"\0")


def _validation(platform: int, name: bytes) -> bytes:
    """The validation entry, whose 16-bit words add up to 0."""
    blank = _VALIDATION.pack(1, platform, 0, name, 0, 0x55, 0xAA)
    total = -sum(unpack("<16H", blank)) & 0xFFFF
    return _VALIDATION.pack(1, platform, 0, name, total, 0x55, 0xAA)


def _entry(image: BootImage) -> bytes:
    """An entry for a bootable image without emulation, at the default segment.

    UEFI reads the count as the size of the file system; 0 means "up to the end of the disc".
    """
    count = _BIOS_LOAD
    if image.platform == "efi":
        count = -(-image.size // 512)
        count = count if count <= _LOAD_LIMIT else 0
    return _INITIAL.pack(0x88, 0, 0, 0, 0, count, image.sector)


def with_block_list(image: bytes, *, sector: int) -> bytes:
    """GRUB's core image for a disc, changed so that it can also be loaded from a disk.

    After the part that only runs when booted from a disc comes the part for disks. The block list
    at the end of its 512 bytes must name the disk block where the rest begins. Source: GRUB's
    diskboot.S.
    """
    at = (CD_BLOCKS + 1) * 512 - 12
    if len(image) < at + 12:
        raise StageError("the boot image is too short for a disk", reason="boot-image")
    first = sector * (SECTOR // 512) + CD_BLOCKS + 1
    return image[:at] + _BLOCK_LIST.pack(first) + image[at + 8 :]


def with_info_table(image: bytes, *, sector: int) -> bytes:
    """A BIOS boot image with a boot information table in bytes 8 to 63.

    16 is the sector of the primary volume descriptor; the sum covers the 32-bit words from byte 64.
    """
    if len(image) <= 64:
        raise StageError(
            "the boot image is too short for a boot information table", reason="boot-image"
        )
    padded = image + bytes(-len(image) % 4)
    total = sum(unpack(f"<{(len(padded) - 64) // 4}L", padded[64:])) & 0xFFFFFFFF
    return image[:8] + _INFO_TABLE.pack(16, sector, len(image), total) + image[64:]
