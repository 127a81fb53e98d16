"""`doit burn-check`: what is burnt is what was pressed, or the file is named where it is not."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from support.scratch import Scratch

from buildlib.graph.burncheck import SECTOR, Difference, compare, place_of

LINE = re.compile(r"File data lba: +\d+ , +(\d+) , +\d+ , +(\d+) , '(.*)'")


@pytest.fixture(scope="module")
def files(shared: Scratch) -> dict[str, tuple[int, int]]:
    """Path to first byte and length of every file that has content, as xorriso finds them."""
    told = subprocess.run(
        ["xorriso", "-indev", str(shared.product()), "-find", "/", "-type", "f", "-exec",
         "report_lba"], check=True, capture_output=True, text=True).stdout
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


@pytest.mark.parametrize(("offset", "place"), [
    (100, "the system area"), (16 * SECTOR + 40, "the disc's structures")])
def test_what_is_no_file_has_a_name(
    shared: Scratch, tmp_path: Path, offset: int, place: str
) -> None:
    medium = burnt(shared, tmp_path)
    overwrite(medium, offset)
    assert f"{place} differs" in shared.doit("burn-check", str(medium), status=1).out


def test_a_medium_that_ends_too_soon(shared: Scratch, tmp_path: Path) -> None:
    medium = burnt(shared, tmp_path)
    os.truncate(medium, medium.stat().st_size - 3 * SECTOR)
    told = shared.doit("burn-check", str(medium), status=1).out
    assert "is missing: the medium ends there" in told


def test_what_cannot_be_compared(shared: Scratch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, why in (("fifo", "only a device or a file"), ("nothing", "cannot be opened"),
                      (".", "only a device or a file")):
        assert why in shared.doit("burn-check", str(tmp_path / name), status=3).err
    assert "takes one device or file" in shared.doit("burn-check", status=3).err
    assert "press it: doit iso" in shared.doit("burn-check", "x", "dist=nowhere", status=3).err



def test_a_sector_that_cannot_be_read(
    shared: Scratch, tmp_path: Path, files: dict[str, tuple[int, int]],
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
