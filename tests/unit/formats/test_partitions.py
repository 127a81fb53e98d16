"""Partition tables, judged by sgdisk and sfdisk."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from struct import unpack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers import format_readers

from buildlib.formats.partitions import BACKUP_BLOCKS, BLOCK, Disk

DISK = Disk(20_000, name="a", code=bytes(range(250)) + bytes(190), core=884, system=(880, 5760))


def written(folder: Path, disk: Disk, kind: str) -> Path:
    """An image of zeros with the tables."""
    path = folder / "image"
    data = bytearray(disk.blocks * BLOCK)
    for block, part in disk.gpt() if kind == "gpt" else disk.mbr():
        data[block * BLOCK : block * BLOCK + len(part)] = part
    path.write_bytes(data)
    return path


def table(path: Path) -> dict[str, Any]:
    """The partitions that sfdisk finds."""
    found: dict[str, Any] = json.loads(format_readers.tool("sfdisk", "--json", path))[
        "partitiontable"
    ]
    return found


@pytest.mark.programs
def test_a_gpt(tmp_path: Path) -> None:
    path = written(tmp_path, DISK, "gpt")
    assert b"No problems found" in format_readers.tool("sgdisk", "-v", path)
    assert b"No errors detected" in format_readers.tool("sfdisk", "--verify", path)
    found = table(path)
    (part,) = found["partitions"]
    assert found["label"] == "gpt"
    assert (found["firstlba"], found["lastlba"]) == (34, 20_000 - 34)
    assert (part["start"], part["size"], part["name"]) == (880, 5760, "EFI system")
    assert part["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


@pytest.mark.programs
def test_the_backup_alone_is_enough(tmp_path: Path) -> None:
    path = written(tmp_path, DISK, "gpt")
    with path.open("r+b") as file:
        file.seek(BLOCK)
        file.write(bytes(BLOCK))
    told = subprocess.run(["/usr/sbin/sgdisk", "-p", path], capture_output=True, text=True).stdout
    assert "EFI system" in told


@pytest.mark.programs
def test_an_mbr(tmp_path: Path) -> None:
    found = table(written(tmp_path, DISK, "mbr"))
    disc, system = found["partitions"]
    assert found["label"] == "dos"
    assert (disc["start"], disc["size"], disc["type"], disc["bootable"]) == (0, 20_000, "17", True)
    assert (system["start"], system["size"], system["type"]) == (880, 5760, "ef")


@pytest.mark.parametrize("kind", ["gpt", "mbr"])
def test_the_code_knows_what_to_load(tmp_path: Path, kind: str) -> None:
    block = written(tmp_path, DISK, kind).read_bytes()[:BLOCK]
    assert block[:250] == bytes(range(250))
    assert unpack("<Q", block[0x1B0:0x1B8]) == (884,)
    assert block[510:] == b"\x55\xaa"


@pytest.mark.programs
@pytest.mark.parametrize("kind", ["gpt", "mbr"])
def test_a_disk_without_code_or_system(tmp_path: Path, kind: str) -> None:
    """For one platform only."""
    path = written(tmp_path, Disk(9_000, name="a"), kind)
    assert not any(path.read_bytes()[:440])
    assert len(table(path).get("partitions", [])) == (kind == "mbr")


def test_names_tell_disks_apart() -> None:
    assert DISK.gpt() == Disk(**{name: getattr(DISK, name) for name in DISK.__slots__}).gpt()
    other = Disk(20_000, name="b", code=DISK.code, core=884, system=DISK.system)
    for mine, others in ((DISK.gpt(), other.gpt()), (DISK.mbr(), other.mbr())):
        assert all(first != second for first, second in zip(mine, others, strict=True))


@given(st.integers(7_000, 1 << 33))
def test_any_size(blocks: int) -> None:
    """Tables are in the first 64 blocks and the last ones; the MBR's numbers stay in range."""
    disk = Disk(blocks, name="a", core=4, system=(880, 5760))
    places = [(block, block + len(data) // BLOCK) for block, data in disk.gpt()]
    assert places == [(0, 1), (1, 34), (blocks - BACKUP_BLOCKS, blocks)]
    start, size = unpack("<LL", disk.mbr()[0][1][454:462])
    assert (start, size) == (0, min(blocks, 0xFFFFFFFF))
