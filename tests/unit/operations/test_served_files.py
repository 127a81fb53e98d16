"""Files that a server may serve while they are written."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from buildlib.operations.served_files import copy, is_file, sha256_of, write
from buildlib.store.store import Store


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What was synced."""
    found: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_a_digest(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content" * 100_000)
    assert sha256_of(path) == sha256(b"content" * 100_000).hexdigest()


def test_a_file_of_the_right_size_is_made_readable(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    for number in (0o600, 0o755, 0o644):
        path.chmod(number)
        assert is_file(path, 7)
        assert mode(path) == 0o644


def test_what_is_not_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert not is_file(path, 0)
    path.write_bytes(b"content")
    path.chmod(0o600)
    assert not is_file(path, 6)
    assert not is_file(path, 8)
    assert mode(path) == 0o600
    (tmp_path / "link").symlink_to("file")
    assert not is_file(tmp_path / "link", 4)
    assert not is_file(tmp_path, tmp_path.stat().st_size)


def test_a_mode_that_is_right_is_not_set_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    path.chmod(0o644)
    before = path.stat().st_ctime_ns
    assert is_file(path, 7)
    assert path.stat().st_ctime_ns == before


def test_a_copy_is_a_file_of_its_own(tmp_path: Path, synced: list[int]) -> None:
    store, target = Store(tmp_path / "build"), tmp_path / "served"
    blob = store.blobs.put(b"content")
    synced.clear()
    copy(blob, target, store)
    assert target.read_bytes() == b"content"
    assert mode(target) == 0o644
    assert target.stat().st_nlink == 1
    assert synced


def test_what_is_there_is_not_written_again(tmp_path: Path, synced: list[int]) -> None:
    path = tmp_path / "file"
    assert write(path, b"content")
    assert synced
    before = path.stat()
    assert not write(path, b"content")
    assert path.stat().st_ino == before.st_ino
    assert write(path, b"CONTENT")
    assert path.read_bytes() == b"CONTENT"
    assert write(path, b"longer content")
    assert path.read_bytes() == b"longer content"
    assert mode(path) == 0o644
