"""El Torito: boot record, catalog and boot information table."""

from __future__ import annotations

from struct import pack, unpack

import pytest

from buildlib.formats.iso9660.el_torito import BootImage, boot_record, catalog, with_info_table
from buildlib.model.errors import StageError

BIOS = BootImage("bios", "boot/grub/bios.img", 40, 180_000)
EFI = BootImage("efi", "boot/grub/efi.img", 200, 2_949_120)


def test_the_boot_record_names_the_catalog() -> None:
    record = boot_record(0x01020304)
    assert len(record) == 2048
    assert record[:7] == b"\0CD001\x01"
    assert record[7:39] == b"EL TORITO SPECIFICATION".ljust(32, b"\0")
    assert record[71:75] == bytes([4, 3, 2, 1])
    assert not any(record[39:71])
    assert not any(record[75:])


@pytest.mark.parametrize("images", [[BIOS], [EFI], [BIOS, EFI]])
def test_the_first_entry_adds_up_to_zero(images: list[BootImage]) -> None:
    data = catalog(images)
    assert len(data) == 2048
    assert sum(unpack("<16H", data[:32])) & 0xFFFF == 0
    assert data[0] == 1
    assert data[30:32] == b"\x55\xaa"
    assert data[1] == (0xEF if images[0] is EFI else 0)


def test_both_images() -> None:
    data = catalog([BIOS, EFI])
    entries = [data[at : at + 32] for at in range(32, 160, 32)]
    assert entries[0] == pack("<BBHBBHL20x", 0x88, 0, 0, 0, 0, 4, 40)
    assert entries[1] == pack("<BBH28x", 0x91, 0xEF, 1), "the last section"
    assert entries[2] == pack("<BBHBBHL20x", 0x88, 0, 0, 0, 0, 5760, 200)
    assert not any(data[128:])


def test_a_large_efi_image_reaches_to_the_end_of_the_disc() -> None:
    large = BootImage("efi", "x", 200, 0x10000 * 512)
    largest = BootImage("efi", "x", 200, 0xFFFF * 512)
    assert unpack("<H", catalog([large])[38:40]) == (0,)
    assert unpack("<H", catalog([largest])[38:40]) == (0xFFFF,)


def test_a_catalog_of_nothing() -> None:
    with pytest.raises(StageError) as caught:
        catalog([])
    assert caught.value.reason == "no-boot-image"


@pytest.mark.parametrize("size", [65, 100, 2048, 4099])
def test_the_information_table(size: int) -> None:
    """mkisofs(8): at byte 8 the descriptor's sector, the image's, its length, and the sum of
    all 32-bit words from byte 64 on, little endian.
    """
    image = bytes(number % 251 for number in range(size))
    patched = with_info_table(image, sector=77)
    padded = image[64:] + bytes(-size % 4)
    assert len(patched) == size
    assert patched[:8] == image[:8]
    assert patched[64:] == image[64:]
    total = sum(unpack(f"<{len(padded) // 4}L", padded)) & 0xFFFFFFFF
    assert unpack("<LLLL", patched[8:24]) == (16, 77, size, total)
    assert not any(patched[24:64])


def test_an_image_too_short_for_a_table() -> None:
    with pytest.raises(StageError) as caught:
        with_info_table(bytes(64), sector=1)
    assert caught.value.reason == "boot-image"
