"""Small files: anything that is not a regular file, or is too large, is rejected at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.host.reading import is_file, is_folder, read_small, read_start, status_at


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert read_small(tmp_path / "a", most=10) == b"x" * 10


def test_the_start_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert read_start(tmp_path / "a", most=3) == b"012"
    assert read_start(tmp_path / "a", most=11) == b"0123456789"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read_start(tmp_path / "fifo", most=1)


def test_a_link_that_is_too_long_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "long").symlink_to("x" * 1100)
    assert [is_file(tmp_path / name) for name in ("file", ".", "long", "none")] == [1, 0, 0, 0]
    assert [is_folder(tmp_path / name) for name in ("file", ".", "long", "none")] == [0, 1, 0, 0]


def test_what_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"x" * 11)
    for name, why in (
        ("fifo", "not a regular file"),
        ("large", "larger than 10 bytes"),
        (".", "it is a folder"),
        ("none", "No such file"),
    ):
        with pytest.raises(OSError, match=why):
            read_small(tmp_path / name, most=10)
    with pytest.raises(OSError, match="not a regular file"):
        read_small("/dev/zero")


def test_the_status_of_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("none")
    (tmp_path / "loop").symlink_to("loop")
    status = status_at(tmp_path / "file")
    assert status is not None
    assert status.st_size == 1
    assert status_at(tmp_path / "link") is not None, "links are not followed"
    for name in ("none", "file/below", "loop/below"):
        assert status_at(tmp_path / name) is None


def test_a_status_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"):
        status_at(tmp_path / ("x" * 300))
