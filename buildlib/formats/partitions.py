"""Partition tables that turn a disc image into a disk image as well, so that a USB stick boots.

A BIOS reads the first sector; GRUB's code there loads the boot image from the disk. UEFI looks for
a system partition, which is the FAT image at its place on the disc. Both tables fit into the areas
that ISO 9660 leaves free: the first 32 KiB, and the padding at the end.

Sources: UEFI 2.10, 5.2 (MBR) and 5.3 (GPT); GRUB's boot.S (0x1b0: the sector to load).
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from buildlib.formats.fixed_fields import FixedFields

BLOCK = 512
_CODE = 440  # bytes of code in the first sector; a signature and the table follow
_NEXT_SECTOR = 0x1B0  # in that code
# C12A7328-F81F-11D2-BA4B-00A0C93EC93B, as GUIDs are written to disks
_SYSTEM_TYPE = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")
_ENTRIES, _ENTRY_BYTES = 128, 128
_ENTRY_BLOCKS = _ENTRIES * _ENTRY_BYTES // BLOCK
BACKUP_BLOCKS = _ENTRY_BLOCKS + 1
_PARTITION = FixedFields("a GPT", "<QQQ", "first last attributes")
_HEADER = FixedFields(
    "a GPT",
    "<LLLLQQQQ16sQLLL",
    "revision size sum reserved own other first last guid entries count length sum",
)
_SUM = FixedFields("a GPT", "<L", "sum")
_ENTRY = FixedFields("an MBR", "<B3sB3sLL", "active first kind last first blocks")
_NEXT = FixedFields("GRUB's boot code", "<Q", "block")
_WHOLE_DISC, _SYSTEM, _PROTECTIVE = 0x17, 0xEF, 0xEE


@dataclass(frozen=True, slots=True)
class Disk:
    """An image as a disk, in blocks of 512 bytes.

    blocks  number of blocks
    name    text from which the image's identifiers are derived
    code    boot code for a BIOS, up to 440 bytes; empty: none
    core    first block of GRUB's boot image
    system  first block and number of blocks of the FAT image for UEFI, or None
    """

    blocks: int
    name: str
    code: bytes = b""
    core: int = 0
    system: tuple[int, int] | None = None

    def mbr(self) -> list[tuple[int, bytes]]:
        """(block, bytes) of an MBR with the whole disc as a partition, and UEFI's inside it.

        The first is active; its type is one that no system mounts automatically.
        """
        entries = [_entry(_WHOLE_DISC, 0, self.blocks, active=True)]
        if self.system:
            entries.append(_entry(_SYSTEM, *self.system))
        return [(0, self._first_block(entries))]

    def gpt(self) -> list[tuple[int, bytes]]:
        """(block, bytes) of a GPT with UEFI's partition, its backup, and a protective MBR.

        The protective entry is marked active, because some BIOSes boot only from active ones.
        """
        table = b""
        if self.system:
            first, blocks = self.system
            table = (
                _SYSTEM_TYPE
                + _guid(f"{self.name} system")
                + _PARTITION.pack(first, first + blocks - 1, 0)
                + "EFI system".encode("utf-16le").ljust(72, b"\0")
            )
        table = table.ljust(_ENTRIES * _ENTRY_BYTES, b"\0")
        last = self.blocks - 1
        return [
            (0, self._first_block([_entry(_PROTECTIVE, 1, last, active=True)])),
            (1, self._header(table, own=1, other=last, entries=2) + table),
            (
                last - _ENTRY_BLOCKS,
                table + self._header(table, own=last, other=1, entries=last - _ENTRY_BLOCKS),
            ),
        ]

    def _first_block(self, entries: list[bytes]) -> bytes:
        block = bytearray(BLOCK)
        if self.code:
            block[:_CODE] = self.code[:_CODE].ljust(_CODE, b"\0")
            _NEXT.pack_into(block, _NEXT_SECTOR, self.core)
        block[_CODE : _CODE + 4] = _guid(f"{self.name} MBR")[:4]
        block[446:510] = b"".join(entries).ljust(64, b"\0")
        block[510:] = b"\x55\xaa"
        return bytes(block)

    def _header(self, table: bytes, *, own: int, other: int, entries: int) -> bytes:
        """The GPT header (UEFI 2.10, table 5-5). Its checksum is computed with 0 in its place."""
        blank = b"EFI PART" + _HEADER.pack(
            0x10000,
            92,
            0,
            0,
            own,
            other,
            _ENTRY_BLOCKS + 2,
            self.blocks - BACKUP_BLOCKS - 1,
            _guid(f"{self.name} disk"),
            entries,
            _ENTRIES,
            _ENTRY_BYTES,
            zlib.crc32(table),
        )
        return (blank[:16] + _SUM.pack(zlib.crc32(blank)) + blank[20:]).ljust(BLOCK, b"\0")


def _guid(name: str) -> bytes:
    """A GUID of version 8 (RFC 9562, 5.8) derived from a name."""
    data = bytearray(hashlib.sha256(name.encode()).digest()[:16])
    data[7] = data[7] & 0x0F | 0x80
    data[8] = data[8] & 0x3F | 0x80
    return bytes(data)


def _entry(kind: int, first: int, blocks: int, *, active: bool = False) -> bytes:
    """An entry of the MBR's partition table."""
    return _ENTRY.pack(
        0x80 if active else 0,
        _chs(first),
        kind,
        _chs(first + blocks - 1),
        first,
        min(blocks, 0xFFFFFFFF),
    )


def _chs(block: int) -> bytes:
    """Cylinder, head and sector on a disk with 255 heads and 63 sectors, limited to the last."""
    cylinder, rest = divmod(block, 255 * 63)
    head, sector = divmod(rest, 63)
    if cylinder > 1023:
        return b"\xfe\xff\xff"
    return bytes([head, (sector + 1) | (cylinder >> 2 & 0xC0), cylinder & 0xFF])
