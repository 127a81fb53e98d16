"""Discs booted for real: good ones, damaged ones, and kernels that fail."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from struct import unpack

import pytest
from support.machines.discs import Parts

from buildlib.config.boot_test import Medium, Platform
from buildlib.model.errors import BootError
from buildlib.operations.boot_test.qemu import BootReport, Computer, boot

MACHINE = ("-M", "pc", "-cpu", "Nehalem")
EXPECT = (
    r"^command line: \[bootdev=cd0a",
    r"^root on cd0a type cd9660",
    r"^goldmaster-mini: dom0 up",
)


def start(
    disc: Path,
    parts: Parts,
    *,
    firmware: Platform = "bios",
    expect: Sequence[str] = EXPECT,
    seconds: int = 60,
    medium: Medium = "cd",
) -> BootReport:
    log = parts.bench.store.logs / f"{disc.name}.{firmware}.log"
    return boot(
        disc,
        Computer(MACHINE, 192, firmware, medium),
        expect=expect,
        seconds=seconds,
        log=log,
        runner=parts.bench.store.runner,
    )


def fails(
    disc: Path,
    parts: Parts,
    *,
    firmware: Platform = "bios",
    medium: Medium = "cd",
    expect: Sequence[str] = EXPECT,
    seconds: int = 60,
) -> BootError:
    with pytest.raises(BootError) as caught:
        start(disc, parts, firmware=firmware, medium=medium, expect=expect, seconds=seconds)
    assert caught.value.log is not None
    assert caught.value.log.exists()
    return caught.value


def flipped(disc: Path, at: int, folder: Path) -> Path:
    """The disc with one bit changed."""
    data = bytearray(disc.read_bytes())
    data[at] ^= 1
    path = folder / "flipped.iso"
    path.write_bytes(data)
    return path


def catalog(disc: Path) -> int:
    """Where the boot catalog is, in bytes."""
    sector: int = unpack("<L", disc.read_bytes()[17 * 2048 + 71 :][:4])[0]
    return sector * 2048


@pytest.mark.boot
@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_xen_and_its_dom0_start(parts: Parts, firmware: Platform) -> None:
    report = start(parts.disc(), parts, firmware=firmware)
    assert report.lines == (
        "command line: [bootdev=cd0a]",
        "root on cd0a type cd9660 dumps on none",
        "goldmaster-mini: dom0 up",
    )
    assert b"Xen version" in report.log.read_bytes()


@pytest.mark.boot
@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_a_boot_that_fails_leaves_a_picture(parts: Parts, firmware: Platform) -> None:
    """Of what GRUB complains of."""
    error = fails(parts.disc(without=["netbsd"]), parts, firmware=firmware)
    assert error.reason == "boot-fail-pattern"
    picture = Path(str(error).split("the screen: ")[1].split("\n")[0])
    width, height, edges = seen_in(picture)
    assert width >= 640
    assert height >= 400
    assert 50 < edges < width * height


def seen_in(path: Path) -> tuple[int, int, int]:
    """Width and height of a PNG of 8-bit colours, and how many values differ from those beside."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = unpack(">LLBB", data[16:26])
    assert (depth, kind) == (8, 2)
    packed, at = b"", 8
    while at < len(data):
        (size,), name = unpack(">L", data[at : at + 4]), data[at + 4 : at + 8]
        packed += data[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += size + 12
    rows = zlib.decompress(packed)
    assert len(rows) == height * (1 + 3 * width)
    return width, height, len(rows) - rows.count(0)


@pytest.mark.boot
@pytest.mark.parametrize(
    ("firmware", "at", "reason"),
    [
        ("bios", 32, "boot-ended"),  # the entry's boot indicator
        ("efi", 28, "boot-fail-pattern"),  # the checksum, which no BIOS looks at
    ],
)
def test_a_damaged_catalog(
    parts: Parts, tmp_path: Path, firmware: Platform, at: int, reason: str
) -> None:
    disc = parts.disc()
    error = fails(flipped(disc, catalog(disc) + at, tmp_path), parts, firmware=firmware)
    assert error.reason == reason


@pytest.mark.boot
def test_a_damaged_boot_image(parts: Parts, tmp_path: Path) -> None:
    disc = parts.disc(platforms=("bios",))
    image = disc.read_bytes().index(parts.bench.read(parts.loaders["bios"])[2048:4096]) - 2048
    error = fails(flipped(disc, image + 0x1800, tmp_path), parts, seconds=6)
    assert error.reason in {"boot-timeout", "boot-ended", "boot-fail-pattern"}


@pytest.mark.boot
def test_a_damaged_kernel(parts: Parts, tmp_path: Path) -> None:
    disc = parts.disc(platforms=("bios",))
    error = fails(flipped(disc, disc.read_bytes().index(parts.kernel), tmp_path), parts)
    assert error.reason == "boot-fail-pattern"
    assert "Panic on CPU 0" in error.what


@pytest.mark.boot
@pytest.mark.parametrize("path", ["netbsd", "boot/xen.gz", "boot/grub/grub.cfg"])
def test_a_disc_that_lacks_a_file(parts: Parts, path: str) -> None:
    error = fails(parts.disc(platforms=("bios",), without=[path]), parts)
    assert error.reason == "boot-fail-pattern"
    assert "error: " in error.what
    assert path in error.what


@pytest.mark.boot
def test_a_kernel_that_asks_for_its_root(parts: Parts) -> None:
    error = fails(parts.disc(platforms=("bios",), words=["bootdev=cd0a", "-a"]), parts)
    assert error.reason == "boot-fail-pattern"
    assert "root device (default cd0a):" in error.what


@pytest.mark.boot
def test_a_kernel_that_crashes(parts: Parts) -> None:
    disc = parts.disc(platforms=("bios",), words=["bootdev=cd0a", "exit=crash"])
    error = fails(disc, parts, expect=[*EXPECT, "login:"])
    assert error.reason == "boot-fail-pattern"
    assert "Dom0 crashed" in error.what
    assert "3 of 4 markers were seen" in (error.why or "")


@pytest.mark.boot
def test_a_kernel_that_reboots(parts: Parts) -> None:
    disc = parts.disc(platforms=("bios",), words=["bootdev=cd0a", "exit=reboot"])
    assert fails(disc, parts, expect=[*EXPECT, "login:"]).reason == "boot-ended"


@pytest.mark.boot
def test_a_disc_for_the_bios_alone_under_efi(parts: Parts) -> None:
    error = fails(parts.disc(platforms=("bios",)), parts, firmware="efi")
    assert error.reason == "boot-fail-pattern"


@pytest.mark.boot
def test_a_boot_that_takes_too_long(parts: Parts) -> None:
    assert fails(parts.disc(), parts, expect=["login:"], seconds=1).reason == "boot-timeout"
