"""Copying contents into images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.stages.copying import copy_all, copy_range, merged, write_at
from buildlib.store.packs import Place
from buildlib.words.errors import StageError


def test_neighbours_in_both_are_one() -> None:
    pieces = [(4096, Place("a", 0, 2048)), (6144, Place("a", 2048, 100)),
              (8192, Place("a", 4096, 7))]
    assert merged(pieces) == [(4096, Place("a", 0, 4103))]


@pytest.mark.parametrize(("offset", "place"), [
    (6144, Place("b", 2048, 5)),  # of another pack
    (8192, Place("a", 2048, 5)),  # further on in the image
    (6144, Place("a", 4096, 5)),  # further on in the pack
    (8192, Place("a", 4096, 5)),  # something else lies between in the pack
    (2048, Place("a", -2048, 5)),  # before it in both
])
def test_others_are_not(offset: int, place: Place) -> None:
    first = (4096, Place("a", 0, 2048))
    assert merged([first, (offset, place)]) == [first, (offset, place)]


def test_the_same_content_twice() -> None:
    pieces = [(0, Place("a", 0, 10)), (2048, Place("a", 0, 10))]
    assert merged(pieces) == pieces


@pytest.mark.parametrize("kernel", [True, False])
def test_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: bool) -> None:
    """Where the kernel does not copy from one file system to another, we do."""
    def refuse(*_words: object) -> int:
        raise OSError

    if not kernel:
        monkeypatch.setattr(os, "copy_file_range", refuse)
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 20_000)
    told: list[tuple[int, int]] = []
    with (tmp_path / "image").open("w+b") as image:
        os.ftruncate(image.fileno(), 6_000_000)
        pieces = [(10, Place(str(source), 7, 3_000_000)), (5_000_000, Place(str(source), 0, 256))]
        copy_all(image.fileno(), pieces, lambda done, total: told.append((done, total)))
    data = (tmp_path / "image").read_bytes()
    assert data[10:3_000_010] == source.read_bytes()[7:3_000_007]
    assert data[5_000_000:5_000_256] == bytes(range(256))
    assert (data[:10], data[3_000_010:5_000_000].count(0)) == (bytes(10), 1_999_990)
    assert told == [(3_000_000, 3_000_256), (3_000_256, 3_000_256)]


def test_content_that_ends_early(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"short")
    with (tmp_path / "source").open("rb") as source, (tmp_path / "image").open("wb") as image:
        with pytest.raises(StageError) as caught:
            copy_range(source.fileno(), 0, image.fileno(), 6)
        assert caught.value.reason == "short-content"


def test_writing_in_place(tmp_path: Path) -> None:
    with (tmp_path / "image").open("wb") as image:
        write_at(image.fileno(), 3, b"abc")
    assert (tmp_path / "image").read_bytes() == b"\0\0\0abc"
