"""Writing images from packs."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import few

from buildlib.formats import image_writer
from buildlib.formats.image_writer import Part, Piece, merged, write_at, write_image
from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import StageError
from buildlib.store.blobs import CHUNK
from buildlib.store.packs import Place


def test_neighbours_in_both_are_one() -> None:
    pieces = [
        (4096, Place("a", 0, 2048)),
        (6144, Place("a", 2048, 100)),
        (8192, Place("a", 4096, 7)),
    ]
    assert list(merged(pieces)) == [(4096, Place("a", 0, 4103))]


@pytest.mark.parametrize(
    ("offset", "place"),
    [
        (6144, Place("b", 2048, 5)),  # of another pack
        (8192, Place("a", 2048, 5)),  # further on in the image
        (6144, Place("a", 4096, 5)),  # further on in the pack
        (8192, Place("a", 4096, 5)),  # something else lies between in the pack
        (2048, Place("a", -2048, 5)),  # before it in both
    ],
)
def test_others_are_not(offset: int, place: Place) -> None:
    first = (4096, Place("a", 0, 2048))
    assert list(merged([first, (offset, place)])) == [first, (offset, place)]


def test_the_same_content_twice() -> None:
    pieces = [(0, Place("a", 0, 10)), (2048, Place("a", 0, 10))]
    assert list(merged(pieces)) == pieces


def written(path: Path, size: int, parts: list[Part], pieces: list[Piece]) -> tuple[bytes, Blob]:
    blob = write_image(path, size, parts=parts, pieces=pieces, tell=lambda _done, _total: None)
    return path.read_bytes(), blob


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """More than two chunks without repeated content."""
    path = tmp_path / "pack"
    path.write_bytes(b"".join(number.to_bytes(4, "big") for number in range(CHUNK * 3 // 4)))
    return path


@pytest.mark.parametrize("kernel", ["copies", "does not", "stops", "copies a part"])
def test_structures_contents_and_nothing(
    tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    """If the kernel cannot copy between file systems, the writer copies itself."""
    real, calls = os.copy_file_range, list[int]()

    def copy(source: int, target: int, count: int, offset: int, at: int) -> int:
        calls.append(count)
        if kernel == "does not":
            raise OSError
        if kernel == "stops":
            return 0 if len(calls) > 1 else real(source, target, 1000, offset, at)
        return real(source, target, count if kernel == "copies" else 300_000, offset, at)

    monkeypatch.setattr(os, "copy_file_range", copy)
    content, size = pack.read_bytes(), 8 * CHUNK + 100
    long = Place(str(pack), 7, 3 * CHUNK - 7)
    data, blob = written(
        tmp_path / "image",
        size,
        [(CHUNK - 2, b"over an edge"), (0, b"first"), (size - 4, b"last")],
        [
            (3 * CHUNK + 5, long),
            (2 * CHUNK, Place(str(pack), 400, 256)),
            (2 * CHUNK + 256, Place(str(pack), 100, 10)),
        ],
    )
    expected = bytearray(size)
    for offset, what in (
        (0, b"first"),
        (CHUNK - 2, b"over an edge"),
        (size - 4, b"last"),
        (2 * CHUNK, content[400:656]),
        (2 * CHUNK + 256, content[100:110]),
        (3 * CHUNK + 5, content[7:]),
    ):
        expected[offset : offset + len(what)] = what
    assert data == expected
    assert blob == Blob(sha256(bytes(expected)), size)
    assert calls, "chunks that one content fills are the kernel's to copy"
    assert os.stat(tmp_path / "image").st_blocks * 512 <= size - CHUNK, "a chunk of nothing"


@few
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60), st.booleans()), max_size=12),
    st.integers(0, 30),
)
def test_any_layout(laid: list[tuple[int, int, bool]], left: int) -> None:
    """Spans of any length with any gaps between them, in chunks of 16 bytes."""
    import tempfile

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_writer, "CHUNK", 16)
        folder = Path(name)
        (folder / "pack").write_bytes(content := bytes(range(1, 101)))
        expected, parts, pieces = bytearray(), list[Part](), list[Piece]()
        for gap, length, is_part in laid:
            expected += bytes(gap)
            if is_part:
                parts.append((len(expected), content[:length]))
            else:
                pieces.append((len(expected), Place(str(folder / "pack"), 3, length)))
            expected += content[:length] if is_part else content[3 : 3 + length]
        expected += bytes(left)
        data, blob = written(folder / "image", len(expected), parts[::-1], pieces)
        assert data == expected
        assert blob.sha256 == sha256(data)


def test_progress_is_of_all_bytes(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_image(
        tmp_path / "image",
        CHUNK + 1,
        parts=[],
        pieces=[],
        tell=lambda done, total: told.append((done, total)),
    )
    assert told == [(CHUNK, CHUNK + 1), (CHUNK + 1, CHUNK + 1)]


def test_content_that_ends_early(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"short")
    with pytest.raises(StageError) as caught:
        written(tmp_path / "image", 4096, [], [(0, Place(str(tmp_path / "source"), 0, 6))])
    assert caught.value.reason == "short-content"


@pytest.mark.thorough
def test_what_fails_waits_for_no_digest(
    tmp_path: Path, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a full disk would be reported only after everything written had been read again."""
    done, read, copied = list[int](), image_writer._read, threading.Event()

    def count(descriptor: int, into: memoryview, offset: int) -> None:
        assert copied.wait(60)
        done.append(len(into))
        read(descriptor, into, offset)

    def stop(at: int, size: int) -> None:
        if at == size:
            copied.set()
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(image_writer, "_read", count)
    monkeypatch.setattr(image_writer, "_COPIED_AT_ONCE", CHUNK)
    pieces = [(number * 2 * CHUNK, Place(str(pack), 0, 2 * CHUNK)) for number in range(400)]
    with pytest.raises(OSError, match="full"):
        write_image(tmp_path / "image", 800 * CHUNK, parts=[], pieces=pieces, tell=stop)
    assert len(done) < 800


def test_writing_in_place(tmp_path: Path) -> None:
    with (tmp_path / "image").open("wb") as image:
        write_at(image.fileno(), 3, b"abc")
    assert (tmp_path / "image").read_bytes() == b"\0\0\0abc"
