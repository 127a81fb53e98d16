"""One image, from CD, disk and stick: what it starts there, and damage that must be noticed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from support.machines.discs import Parts

from buildlib.config.boot_test import Medium, Platform
from buildlib.model.errors import BootError
from buildlib.operations.boot_test.qemu import BootReport, Computer, boot

MACHINE = ("-M", "pc", "-cpu", "Nehalem")
CD = (r"^command line: \[bootdev=cd0a", r"^root on cd0a type cd9660", r"^goldmaster-mini: dom0 up")
STICK = (
    r"^command line: \[bootdev=sd0d",
    r"^root on sd0d type cd9660",
    r"^goldmaster-mini: dom0 up",
)
TABLES: list[Literal["gpt", "mbr"]] = ["gpt", "mbr"]
FIRMWARE: list[Platform] = ["bios", "efi"]
GPT = 1 * 512

pytestmark = pytest.mark.boot


def start(
    image: Path,
    parts: Parts,
    medium: Medium,
    *,
    firmware: Platform = "bios",
    expect: Sequence[str] = STICK,
    seconds: int = 120,
    more: Sequence[str] = (),
) -> BootReport:
    log = parts.bench.store.logs / f"{image.name}.{medium}.{firmware}.log"
    return boot(
        image,
        Computer((*MACHINE, *more), 192, firmware, medium),
        expect=expect,
        seconds=seconds,
        log=log,
        runner=parts.bench.store.runner,
    )


def reason(
    image: Path, parts: Parts, medium: Medium, *, firmware: Platform = "bios", seconds: int = 60
) -> str:
    """Why it fails."""
    with pytest.raises(BootError) as caught:
        start(image, parts, medium, firmware=firmware, seconds=seconds)
    return caught.value.reason


def damaged(image: Path, folder: Path, *places: int) -> Path:
    """The image with a bit changed at each place."""
    data = bytearray(image.read_bytes())
    for place in places:
        data[place] ^= 1
    path = folder / "damaged.iso"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("disk", TABLES)
@pytest.mark.parametrize(("medium", "expect"), [("cd", CD), ("disk", STICK), ("usb", STICK)])
def test_the_same_image(
    parts: Parts,
    medium: Medium,
    expect: Sequence[str],
    disk: Literal["gpt", "mbr"],
    firmware: Platform,
) -> None:
    """The menu knows what it was loaded from: each medium has its kernel, and its words."""
    report = start(parts.disc(disk=disk), parts, medium, firmware=firmware, expect=expect)
    assert report.lines[-1] == "goldmaster-mini: dom0 up"


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_a_stick_beside_a_disc(parts: Parts, tmp_path: Path, firmware: Platform) -> None:
    """Of another version, say: it is the stick's menu that counts."""
    disc = tmp_path / "disc.iso"
    parts.disc(words=["bootdev=cd0a", "old"]).rename(disc)
    drive = ("-drive", f"format=raw,file={disc},media=cdrom,readonly=on")
    start(parts.disc(disk="gpt"), parts, "usb", firmware=firmware, more=drive)


def test_a_disk_without_tables(parts: Parts) -> None:
    """Its BIOS finds nothing; QEMU's UEFI reads El Torito from disks too, others need not."""
    with pytest.raises(BootError) as caught:
        start(parts.disc(), parts, "disk", seconds=60)
    assert caught.value.reason == "boot-ended"
    assert "the screen" not in str(caught.value), "there is no machine any more"


@pytest.mark.parametrize("disk", TABLES)
def test_a_table_that_is_damaged(parts: Parts, tmp_path: Path, disk: Literal["gpt", "mbr"]) -> None:
    """A bit of the code that loads GRUB, and of the number of the block it loads."""
    image = parts.disc(disk=disk)
    for at in (510, 0x1B1):
        assert reason(damaged(image, tmp_path, at), parts, "disk", seconds=8) in {
            "boot-timeout",
            "boot-ended",
            "boot-fail-pattern",
        }


def test_a_gpt_and_its_backup(parts: Parts, tmp_path: Path) -> None:
    """UEFI boots by the one where the other is damaged, and not where both are.

    Nor by the boot catalog, which QEMU's reads off a disk too: it is damaged as well.
    """
    image = parts.disc(disk="gpt", platforms=("efi",))
    start(damaged(image, tmp_path, GPT), parts, "usb", firmware="efi")
    backup = image.stat().st_size - 512
    catalog = int.from_bytes(image.read_bytes()[17 * 2048 + 71 :][:4], "little") * 2048
    both = damaged(image, tmp_path, GPT, backup, catalog + 28)
    assert reason(both, parts, "usb", firmware="efi") == "boot-fail-pattern"


def test_a_boot_image_that_is_damaged(parts: Parts, tmp_path: Path) -> None:
    image = parts.disc(disk="mbr", platforms=("bios",))
    core = image.read_bytes().index(parts.bench.read(parts.loaders["bios"])[4096:8192]) - 4096
    assert reason(damaged(image, tmp_path, core + 0x1800), parts, "usb", seconds=6) in {
        "boot-timeout",
        "boot-ended",
        "boot-fail-pattern",
    }


def test_a_stick_s_kernel_that_is_damaged(parts: Parts, tmp_path: Path) -> None:
    """The CD's is whole: on a stick that does not help, on a CD it is what counts."""
    image = parts.disc(disk="gpt")
    path = damaged(image, tmp_path, image.read_bytes().index(parts.stick))
    assert reason(path, parts, "usb") == "boot-fail-pattern"
    start(path, parts, "cd", expect=CD)
