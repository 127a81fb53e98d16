"""`doit burn-check`: what is burnt is what was pressed, or the file is named where it is not."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch
from support.readers.trees import TIME, file
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.formats.disc_map import place_of
from buildlib.formats.iso9660.layout import SECTOR
from buildlib.operations.burn_check import MOVED, UNMARKED, Difference, compare
from buildlib.stages.images.iso import Iso

LINE = re.compile(r"File data lba: +\d+ , +(\d+) , +\d+ , +(\d+) , '(.*)'")


@pytest.fixture(scope="module")
def files(shared: Scratch) -> dict[str, tuple[int, int]]:
    """Path to first byte and length of every file that has content, as xorriso finds them."""
    told = subprocess.run(
        [
            "xorriso",
            "-indev",
            str(shared.product()),
            "-find",
            "/",
            "-type",
            "f",
            "-exec",
            "report_lba",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {}
    for line in told.splitlines():
        if match := LINE.match(line):
            start, size, path = match.groups()
            found[path.replace("'\"'\"'", "'")] = int(start) * SECTOR, int(size)
    return {path: place for path, place in found.items() if place[1]}


def burnt(shared: Scratch, folder: Path, *, more: bytes = b"") -> Path:
    medium = folder / "sr0"
    medium.write_bytes(shared.product().read_bytes() + more)
    return medium


def overwrite(medium: Path, offset: int) -> None:
    with medium.open("r+b") as file:
        file.seek(offset)
        old = file.read(1)
        file.seek(offset)
        file.write(bytes([old[0] ^ 0x40]))


def test_a_disc_is_the_image_with_whatever_comes_after_it(shared: Scratch, tmp_path: Path) -> None:
    """Burners add blocks; a stick has what was on it before."""
    for more in (b"", bytes(150 * SECTOR), b"old"):
        ran = shared.doit("burn-check", str(burnt(shared, tmp_path, more=more)))
        assert ran.out.startswith("passed ")
        assert "the same as mini-dom0.iso" in ran.out


def test_the_file_that_differs_is_named(
    shared: Scratch, tmp_path: Path, files: dict[str, tuple[int, int]]
) -> None:
    medium = burnt(shared, tmp_path)
    start, size = files["/netbsd"]
    overwrite(medium, start + size - 1)
    ran = shared.doit("burn-check", str(medium), status=1)
    assert ran.out.startswith("FAILED ")
    assert f"/netbsd differs, at byte {start + size - 1} of " in ran.out
    overwrite(medium, files["/etc/motd"][0])
    assert "/etc/motd differs" in shared.doit("burn-check", str(medium), status=1).out


def test_every_file_is_known_by_its_bytes(
    shared: Scratch, files: dict[str, tuple[int, int]]
) -> None:
    """First and last byte; what shares its content with another has the one's or the other's."""
    places: dict[int, set[str]] = {}
    for path, (start, _) in files.items():
        places.setdefault(start, set()).add(path)
    for path in random.Random(7).sample(sorted(files), 25):
        start, size = files[path]
        for offset in (start, start + size - 1):
            assert place_of(shared.product(), offset) in places[start]


@pytest.mark.parametrize(
    ("offset", "place"),
    [
        (100, "the system area"),
        (450, "the partition table"),
        (1024, "the partition table"),
        (16 * SECTOR + 40, "the disc's structures"),
        (-40 * SECTOR, "the padding at the end"),
        (-512, "the backup of the partition table"),
    ],
)
def test_what_is_no_file_has_a_name(
    shared: Scratch, tmp_path: Path, offset: int, place: str
) -> None:
    medium = burnt(shared, tmp_path)
    overwrite(medium, offset % medium.stat().st_size)
    assert f"{place} differs" in shared.doit("burn-check", str(medium), status=1).out


def test_a_medium_that_ends_too_soon(shared: Scratch, tmp_path: Path) -> None:
    medium = burnt(shared, tmp_path)
    os.truncate(medium, medium.stat().st_size - 3 * SECTOR)
    told = shared.doit("burn-check", str(medium), status=1).out
    assert "is missing: the medium ends there" in told


def test_a_medium_without_anything(shared: Scratch, tmp_path: Path) -> None:
    """An empty drive has no bytes."""
    (tmp_path / "sr0").touch()
    assert "the medium is empty" in shared.doit("burn-check", str(tmp_path / "sr0"), status=1).out


SGDISK, SFDISK = ("sgdisk", "--move-second-header"), ("sfdisk", "--relocate", "gpt-bak-std")


def moved(shared: Scratch, folder: Path, tool: tuple[str, ...] = SGDISK) -> Path:
    """A stick of twice the size, whose GPT was moved to its end."""
    stick = burnt(shared, folder)
    os.truncate(stick, 2 * stick.stat().st_size)
    subprocess.run([*tool, stick], check=True, capture_output=True)
    return stick


@pytest.mark.parametrize("tool", [SGDISK, SFDISK])
def test_a_gpt_whose_backup_was_moved(
    shared: Scratch, tmp_path: Path, files: dict[str, tuple[int, int]], tool: tuple[str, ...]
) -> None:
    """Its partitions are the same; so that is told, and does not hide what else differs."""
    stick = moved(shared, tmp_path, tool)
    assert stick.read_bytes()[:1024] != shared.product().read_bytes()[:1024]
    ran = shared.doit("burn-check", str(stick))
    assert MOVED + UNMARKED in ran.out
    assert "the same as mini-dom0.iso" in ran.out
    overwrite(stick, files["/netbsd.stick"][0])
    assert "/netbsd.stick differs" in shared.doit("burn-check", str(stick), status=1).out


@pytest.mark.parametrize(
    "change", [("-c", "1:stick"), ("-n", "2:0:0"), ("-d", "1"), ("-G",), ("-A", "1:set:2")]
)
def test_a_gpt_that_says_something_else(
    shared: Scratch, tmp_path: Path, change: tuple[str, ...]
) -> None:
    """Another name, a partition more or less, other numbers of partitions, a flag."""
    stick = moved(shared, tmp_path)
    subprocess.run(["sgdisk", *change, stick], check=True, capture_output=True)
    ran = shared.doit("burn-check", str(stick), status=1)
    assert MOVED not in ran.out
    assert "the partition table differs" in ran.out


def test_code_and_flags_of_the_first_block_are_not_the_table_s_end(
    shared: Scratch, tmp_path: Path
) -> None:
    """GRUB's code, a partition's type and beginning, further ones, the block's own signature."""
    for at in (0, 450, 454, 462, 510):
        stick = moved(shared, tmp_path)
        overwrite(stick, at)
        assert " differs, at byte " in shared.doit("burn-check", str(stick), status=1).out, at


def test_an_image_that_is_no_longer_what_was_pressed(template: Scratch, tmp_path: Path) -> None:
    """The disc may be right, and the image wrong."""
    scratch = template.copy(tmp_path / "checkout")
    disc = burnt(scratch, tmp_path)
    image = scratch.product()
    data = bytearray(image.read_bytes())
    data[-1] ^= 1
    image.unlink()
    image.write_bytes(data)
    error = scratch.doit("burn-check", str(disc), status=3).err
    assert "has changed since it was built" in error
    assert "build it again: doit iso" in error


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Of any bytes, on an image of any depth."""
    bench = Bench(tmp_path / "build")
    name = "deep/" * 12 + os.fsdecode(b"caf\xe9")
    boot = OutputRef("grub:bios", "image")
    contents = {**file(name, b"content"), **file("other", b"another")}
    iso = bench.run_stage(
        Iso(tree=TREE, images={"bios": boot}, volume="T", application="", time=TIME),
        {TREE: bench.stored(contents), boot: bytes(4096)},
    )["iso"]
    image = bench.path(iso)
    assert place_of(image, image.read_bytes().index(b"content")) == f"/{name}"
    assert place_of(image, image.read_bytes().index(b"another")) == "/other"


def test_what_cannot_be_compared(shared: Scratch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, why in (
        ("fifo", "only a device or a file"),
        ("nothing", "cannot be opened"),
        (".", "only a device or a file"),
    ):
        assert why in shared.doit("burn-check", str(tmp_path / name), status=3).err
    assert "takes one device or file" in shared.doit("burn-check", status=3).err
    assert "build it: doit iso" in shared.doit("burn-check", "x", "dist=nowhere", status=3).err


def test_a_sector_that_cannot_be_read(
    shared: Scratch,
    tmp_path: Path,
    files: dict[str, tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scratched disc: the file with the first bad sector is named, not the one before it."""
    medium, (bad, _) = burnt(shared, tmp_path), files["/netbsd"]
    real = os.pread

    def scratched(descriptor: int, size: int, offset: int) -> bytes:
        if offset <= bad < offset + size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", scratched)
    found = compare(shared.product(), medium, tell=lambda _done, _size: None)
    assert found == Difference(bad, "/netbsd", "cannot be read: Input/output error")
