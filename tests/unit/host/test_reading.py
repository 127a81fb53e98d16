"""Small files: what is no regular file, or has no end, is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.host.reading import read_small, read_start


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


def test_what_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"x" * 11)
    for name, why in (("fifo", "not a regular file"), ("large", "larger than 10 bytes"),
                      (".", "a folder is there"), ("none", "No such file")):
        with pytest.raises(OSError, match=why):
            read_small(tmp_path / name, most=10)
    with pytest.raises(OSError, match="not a regular file"):
        read_small("/dev/zero")
