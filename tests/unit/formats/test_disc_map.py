"""What is at a byte of an image: the partition tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.readers.trees import TIME, file, folder
from support.stages.stage_bench import TREE, Bench

from buildlib.engine.stage import OutputRef
from buildlib.formats.disc_map import SYSTEM_AREA, place_of, table_at
from buildlib.formats.iso9660.layout import SECTOR
from buildlib.stages.images.iso import Iso

BLOCKS = 200  # of 512 bytes
TABLE, BACKUP = "the partition table", "the backup of the partition table"


def image(folder: Path, *, mbr: bool, gpt: bool) -> Path:
    data = bytearray(BLOCKS * 512)
    if mbr:
        data[510:512] = b"\x55\xaa"
    if gpt:
        data[512:520] = b"EFI PART"
    path = folder / "image"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("offset", "place"),
    [
        (0, ""),  # code
        (439, ""),
        (440, TABLE),
        (511, TABLE),
        (512, TABLE),
        (34 * 512 - 1, TABLE),
        (34 * 512, ""),
        ((BLOCKS - 33) * 512 - 1, ""),
        ((BLOCKS - 33) * 512, BACKUP),
        (BLOCKS * 512 - 1, BACKUP),
    ],
)
def test_tables_of_a_disk_with_a_gpt(offset: int, place: str, tmp_path: Path) -> None:
    assert table_at(image(tmp_path, mbr=True, gpt=True), offset) == place


@pytest.mark.parametrize(("offset", "place"), [(439, ""), (440, TABLE), (511, TABLE), (512, "")])
def test_the_table_of_a_disk_with_an_mbr(offset: int, place: str, tmp_path: Path) -> None:
    found = image(tmp_path, mbr=True, gpt=False)
    assert table_at(found, offset) == place
    assert table_at(found, BLOCKS * 512 - 1) == ""


@pytest.mark.parametrize("offset", [0, 440, 511, 512, BLOCKS * 512 - 1])
def test_a_disc_has_no_table(offset: int, tmp_path: Path) -> None:
    assert table_at(image(tmp_path, mbr=False, gpt=False), offset) == ""


def test_a_gpt_without_an_mbr(tmp_path: Path) -> None:
    found = image(tmp_path, mbr=False, gpt=True)
    assert [table_at(found, offset) for offset in (440, 512)] == ["", TABLE]


def test_another_image_has_no_map(tmp_path: Path) -> None:
    assert place_of(image(tmp_path, mbr=True, gpt=True), 600) == "the image"


FILES = {"a": b"first" * 100, "d/b": b"second" * 1000, "d/e/c": b"third" * 3}


@pytest.fixture
def disc(bench: Bench) -> Path:
    """A CD with three files in nested folders."""
    contents = dict(folder(".") | folder("d") | folder("d/e"))
    for name, data in FILES.items():
        contents |= file(name, data)
    bios = OutputRef("grub:bios", "image")
    stage = Iso(tree=TREE, images={"bios": bios}, volume="V", application="", time=TIME)
    outputs = bench.run_stage(stage, {TREE: bench.stored(contents), bios: b"boot image" * 20})
    return bench.path(outputs["iso"])


@pytest.mark.parametrize("name", FILES)
def test_a_byte_of_a_file(name: str, disc: Path) -> None:
    at, size = disc.read_bytes().index(FILES[name]), len(FILES[name])
    assert place_of(disc, at) == f"/{name}"
    assert place_of(disc, at + size - 1) == f"/{name}"
    assert place_of(disc, at + size) != f"/{name}"
    assert place_of(disc, at - 1) != f"/{name}"


def test_a_byte_of_a_folder(disc: Path) -> None:
    data = disc.read_bytes()
    found = {place_of(disc, at) for at in range(SYSTEM_AREA, len(data), SECTOR)}
    assert {"/", "/d/", "/d/e/", "the disc's structures"} <= found


def test_a_byte_of_no_file(disc: Path) -> None:
    assert place_of(disc, SYSTEM_AREA) == "the disc's structures"
    assert place_of(disc, 600) == "the system area"
    assert place_of(disc, SYSTEM_AREA - 1) == "the system area"
    disc.chmod(0o644)
    with disc.open("ab") as file:
        file.write(bytes(SECTOR))
    size = disc.stat().st_size
    assert place_of(disc, size - 1) == "the padding at the end"
