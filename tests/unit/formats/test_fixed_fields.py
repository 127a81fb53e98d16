"""Fixed-width fields: what fits is packed as by `struct`, anything else is an error."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.formats import partitions
from buildlib.formats.ffs import ufs1
from buildlib.formats.ffs.ufs1 import Geometry, Summary
from buildlib.formats.fixed_fields import FixedFields, both
from buildlib.formats.iso9660 import el_torito, rock_ridge
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry

GEOMETRY = Geometry(4096, 1, 4096, 128)
SUMMARY = Summary(1, 2, 3, 4)
FILE = Entry("a", "file", 0o644)


@some
@given(st.integers(-(1 << 70), 1 << 70), st.sampled_from("bBhHiIlLqQ"), st.sampled_from("<>"))
def test_a_number_is_written_or_told(number: int, code: str, order: str) -> None:
    fields = FixedFields("A format", f"{order}x{code}B", "thing last")
    try:
        expected = struct.pack(f"{order}x{code}B", number, 7)
    except struct.error:
        with pytest.raises(StageError) as caught:
            fields.pack(number, 7)
        assert caught.value.what == f"the thing {number} cannot be written"
        bits = 8 * struct.calcsize(order + code)
        assert (caught.value.why or "").startswith(f"A format has {bits} bits for it: ")
    else:
        assert fields.pack(number, 7) == expected
        data = bytearray(b"\xff" * 20)
        fields.pack_into(data, 3, number, 7)
        assert data == b"\xff" * 3 + expected + b"\xff" * (17 - len(expected))


def test_a_text_is_never_cut() -> None:
    fields = FixedFields("A format", "<4sB", "name size")
    assert fields.pack(b"ab", 1) == b"ab\0\0\1"
    with pytest.raises(StageError, match="the name of 5 bytes cannot be written"):
        fields.pack(b"abcde", 1)


def test_names_and_layout_belong_together() -> None:
    for layout, names in (("<4i", "one*3"), ("<iH2x", "one"), ("4i", "one*4")):
        with pytest.raises(ValueError, match="fields"):
            FixedFields("A format", layout, names)


TIME, LINKS = 1 << 31, 1 << 15
TELLS: dict[str, tuple[Callable[[], object], str, str]] = {
    "FFS, an inode's time": (
        lambda: ufs1.inode(replace(FILE, time=TIME), links=1, size=0, pointers=(), fragments=0),
        "the time 2147483648 cannot be written",
        "FFS version 1 has 32 bits for it: 1901 to 2038",
    ),
    "FFS, an inode's time before": (
        lambda: ufs1.inode(
            replace(FILE, time=-TIME - 1), links=1, size=0, pointers=(), fragments=0
        ),
        "the time -2147483649 cannot be written",
        "1901 to 2038",
    ),
    "FFS, links": (
        lambda: ufs1.inode(FILE, links=LINKS, size=0, pointers=(), fragments=0),
        "the links 32768 cannot be written",
        "FFS version 1 has 16 bits for it: -32768 to 32767",
    ),
    "FFS, an owner": (
        lambda: ufs1.inode(replace(FILE, uid=1 << 32), links=1, size=0, pointers=(), fragments=0),
        "the uid 4294967296 cannot be written",
        "32 bits for it: 0 to 4294967295",
    ),
    "FFS, an address": (
        lambda: ufs1.addresses([1, 1 << 31]),
        "the address 2147483648 cannot be written",
        "FFS version 1 has 32 bits",
    ),
    "FFS, a superblock's time": (
        lambda: ufs1.superblock(GEOMETRY, SUMMARY, time=TIME, identity=1),
        "the time 2147483648 cannot be written",
        "1901 to 2038",
    ),
    "FFS, a group's time": (
        lambda: ufs1.group(GEOMETRY, 0, free=b"\xff" * 512, inodes=3, folders=1, time=TIME),
        "the time 2147483648 cannot be written",
        "1901 to 2038",
    ),
    "FFS, its size": (
        lambda: ufs1.superblock(replace(GEOMETRY, size=1 << 31), SUMMARY, time=1, identity=1),
        "the size 2147483648 cannot be written",
        "32 bits",
    ),
    "FFS, its name": (
        lambda: ufs1.superblock(GEOMETRY, SUMMARY, time=1, identity=1, volume="x" * 33),
        "the volume of 33 bytes cannot be written",
        "32 bytes",
    ),
    "ISO 9660, an owner": (
        lambda: rock_ridge.attributes(replace(FILE, gid=1 << 32), 1),
        "the gid 4294967296 cannot be written",
        "ISO 9660 has 32 bits for it: 0 to 4294967295",
    ),
    "ISO 9660, a number": (
        lambda: both(-1, "sector"),
        "the sector -1 cannot be written",
        "ISO 9660 has 32 bits",
    ),
    "El Torito": (
        lambda: el_torito.boot_record(1 << 32),
        "the sector 4294967296 cannot be written",
        "El Torito has 32 bits",
    ),
    "a partition": (
        lambda: partitions.Disk(1 << 33, "x", system=(1 << 32, 1)).mbr(),
        "the first 4294967296 cannot be written",
        "an MBR has 32 bits",
    ),
}


@pytest.mark.parametrize("name", TELLS)
def test_every_format_tells_what_does_not_fit(name: str) -> None:
    write, what, why = TELLS[name]
    with pytest.raises(StageError) as caught:
        write()
    assert caught.value.what == what
    assert why in (caught.value.why or "")
