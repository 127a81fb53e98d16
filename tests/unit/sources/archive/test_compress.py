"""Decompression: complete output or ArchiveError, and always within limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import few

from buildlib.model.errors import ArchiveError
from buildlib.sources.archive import compress
from buildlib.sources.archive.compress import chunks, compression

DATA = random.Random(1).randbytes(3000) + bytes(300_000) + b"end"
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip with a name": lambda data: (
        b"\x1f\x8b\x08\x08\0\0\0\0\0\xffbase.tar\0" + gzip.compress(data, mtime=0)[10:]
    ),
    "xz": lzma.compress,
    "xz with crc32": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "bzip2": bz2.compress,
}
PACKED = {name: pack(DATA) for name, pack in FORMS.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "packed"


def unpack(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    pieces = list(chunks(path, where="x.tgz"))
    assert all(0 < len(piece) <= compress.CHUNK for piece in pieces)
    return b"".join(pieces)


def fails(path: Path, data: bytes) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        unpack(path, data)
    assert caught.value.where == "x.tgz"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("form", FORMS)
def test_all_forms(path: Path, form: str) -> None:
    assert unpack(path, PACKED[form]) == DATA
    assert unpack(path, FORMS[form](b"")) == b""
    assert unpack(path, FORMS[form](DATA) + FORMS[form](b"") + FORMS[form](b"more")) == (
        DATA + b"more"
    )


def test_no_compression(path: Path) -> None:
    assert unpack(path, DATA) == DATA
    assert unpack(path, b"") == b""


@pytest.mark.programs
@pytest.mark.parametrize(
    "tool",
    [
        ["gzip", "-c"],
        ["gzip", "-1c"],
        ["xz", "-c", "-T2"],
        ["xz", "-c", "--check=sha256"],
        ["xz", "-0c"],
        ["bzip2", "-c"],
    ],
)
def test_what_tools_write(path: Path, tool: list[str]) -> None:
    packed = subprocess.run(tool, input=DATA, capture_output=True, check=True).stdout
    assert unpack(path, packed) == DATA


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh9", "bzip2"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"", "none"),
        (b"\x1f", "none"),
        (b"./", "none"),
    ],
)
def test_compression(head: bytes, name: str) -> None:
    assert compression(head) == name


def test_a_form_nobody_reads(path: Path) -> None:
    error = fails(path, b"\x28\xb5\x2f\xfd" + bytes(20))
    assert error.reason == "compression"
    assert "zstd" in error.what


@pytest.mark.parametrize("form", FORMS)
@few
@given(data=st.data())
def test_no_prefix_is_taken_for_the_whole(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "packed"
    whole = PACKED[form]
    edges = [6, 10, 12, 18, len(whole) // 2, *range(len(whole) - 20, len(whole))]
    cut = data.draw(st.sampled_from(edges) | st.integers(6, len(whole) - 1))
    assert fails(path, whole[:cut]).reason == "damaged"


@pytest.mark.parametrize("form", FORMS)
@few
@given(data=st.data())
def test_flipped_bits_are_noticed_or_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "packed"
    whole = bytearray(PACKED[form])
    whole[data.draw(st.integers(6, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert unpack(path, bytes(whole)) == DATA
    except ArchiveError as error:
        assert error.reason == "damaged"  # noqa: PT017  either way is right


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("junk", [b"x", b"\0\0x", b"SHA512", b"\x1f\x8b", bytes(300_000) + b"x"])
def test_what_comes_behind_the_end_is_damage(path: Path, form: str, junk: bytes) -> None:
    assert fails(path, PACKED[form] + junk).reason == "damaged"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("padding", [1, 512, compress.CHUNK + 4])
def test_padding_with_zeros_is_none(path: Path, form: str, padding: int) -> None:
    assert unpack(path, PACKED[form] + bytes(padding)) == DATA


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["gzip", "xz", "bzip2"])
def test_bombs(path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compress, "SLACK", 1 << 20)
    bomb = FORMS[form](bytes(8 << 20))
    path.write_bytes(bomb)
    came = 0
    with pytest.raises(ArchiveError) as caught:
        for piece in chunks(path, where="x"):
            came += len(piece)
    assert caught.value.reason == "bomb"
    assert came <= (1 << 20) + compress.RATIO_LIMIT * len(bomb)


def test_a_bomb_of_the_real_limits(path: Path) -> None:
    """100 MB of zeros in 100 KB: a higher ratio than that of any set."""
    path.write_bytes(FORMS["gzip"](bytes(1 << 20)) * 100)
    with pytest.raises(ArchiveError) as caught:
        for _ in chunks(path, where="x"):
            pass
    assert caught.value.reason == "bomb"


@pytest.mark.thorough
def test_what_packs_well_is_no_bomb(path: Path) -> None:
    assert unpack(path, FORMS["gzip"](bytes(20 << 20))) == bytes(20 << 20)


def test_an_xz_header_that_asks_for_a_huge_dictionary(path: Path) -> None:
    """A file of a hundred bytes that requests one and a half gigabytes."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]
    data = bytearray(lzma.compress(b"x", filters=filters))
    at = data.index(bytes([0x21, 0x01, 0x00]))  # LZMA2, one byte of properties: 4 KiB
    data[at + 2] = 37  # 1.5 GiB
    data[20:24] = zlib.crc32(bytes(data[12:20])).to_bytes(4, "little")
    assert compression(bytes(data)) == "xz"
    error = fails(path, bytes(data))
    assert (error.reason, "memory" in error.what) == ("bomb", True)


def test_progress_counts_packed_bytes(path: Path) -> None:
    path.write_bytes(FORMS["gzip"](random.Random(2).randbytes(2 << 20)))
    seen = [0]
    told = [seen[0] for _ in chunks(path, where="x", seen=seen)]
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] == path.stat().st_size


def test_an_archive_that_vanishes(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(chunks(path, where="x"))
