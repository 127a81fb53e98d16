"""Atomic files: complete or absent, and on the disk if durable."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildlib.host import atomic_files
from buildlib.host.atomic_files import (
    beside,
    fresh_name,
    leftovers,
    move,
    new_file,
    remove,
    serve_folder,
    sync_file_system,
    write_file,
)


@pytest.fixture(params=[0o022, 0o077, 0o000], ids=["022", "077", "000"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_modes_are_what_the_caller_says(tmp_path: Path, umask: int) -> None:
    for wanted in (atomic_files.STORED, atomic_files.SERVED):
        write_file(tmp_path / "file", b"text", mode=wanted)
        assert mode(tmp_path / "file") == wanted
    write_file(tmp_path / "file", b"text")
    assert mode(tmp_path / "file") == 0o666 & ~umask, "a user's own file"
    serve_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") | mode(tmp_path / "a") | 0o755 == mode(tmp_path / "a")
    (tmp_path / "a" / "b").chmod(0o2700)
    serve_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o2755


def test_names_are_nobody_elses(tmp_path: Path) -> None:
    names = {fresh_name(tmp_path) for _ in range(100)} | {
        beside(tmp_path / "file") for _ in range(100)
    }
    assert len(names) == 200
    long = tmp_path / ("ü" * 127)
    write_file(long, b"x")
    assert [path.name for path in tmp_path.iterdir()] == [long.name]


def test_nothing_that_is_there_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / "scratch").symlink_to("kept")
    for name in ("kept", "scratch"):
        with pytest.raises(FileExistsError), new_file(str(tmp_path / name)):
            pass
    assert (tmp_path / "kept").read_bytes() == b"kept"


@pytest.mark.parametrize("step", ["write", "fsync", "rename", "fchmod"])
def test_what_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_file(tmp_path / "file", b"before")

    def fails(*_words: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="Input"):
        patch.setattr(os, step, fails)
        write_file(tmp_path / "file", b"after", mode=0o644, durable=True)
    assert (tmp_path / "file").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_durable_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def call(first: Any, *rest: Any) -> Any:
            done.append(f"{name} {'folder' if os.path.isdir(first) else 'file'}")
            return real(first, *rest)

        monkeypatch.setattr(os, name, call)

    noting("fsync")
    noting("rename")
    write_file(tmp_path / "file", b"text")
    assert done == ["rename file"]
    done.clear()
    write_file(tmp_path / "file", b"text", durable=True)
    assert done == ["fsync file", "rename file", "fsync folder"]


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "file for a folder"])
def test_what_is_in_the_way(tmp_path: Path, kind: str) -> None:
    """With `clearing` it is removed; otherwise a folder that is not empty stays."""
    target = tmp_path / "below" / "file"
    (tmp_path / "made").write_bytes(b"made")
    if kind == "file for a folder":
        target.parent.touch()
    else:
        target.parent.mkdir()
    if kind == "folder":
        (target / "mine").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "link":
        target.symlink_to(tmp_path)
    if kind.endswith("folder"):
        with pytest.raises(OSError, match="directory"):
            move(tmp_path / "made", target)
    move(tmp_path / "made", target, clearing=True)
    assert target.read_bytes() == b"made"
    assert not target.is_symlink()


def test_removing_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    remove(tmp_path / "link")
    remove(tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.programs
def test_leftovers_are_those_of_the_dead(tmp_path: Path) -> None:
    """Also if the pid is now another process's, or the name has an older form."""
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    ).stdout.strip()
    dead = [f".a.{ended}-0123abcd-0.new", f".a.{os.getpid()}-0123abcd-0.new", ".a.new"]
    alive = [Path(beside(tmp_path / "a")).name, f".a.{os.getppid()}-0123abcd-0.new"]
    for name in (*dead, *alive, "a", ".a", "a.new"):
        (tmp_path / name).touch()
    assert {path.name for path in leftovers(tmp_path)} == set(dead)
    assert leftovers(tmp_path / "nothing") == []


def test_several_writers_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes a whole file while renames are slow."""
    rename, failures = os.rename, list[BaseException]()

    def slow(source: Any, target: Any) -> None:
        time.sleep(0.002)
        rename(source, target)

    def write(letter: bytes) -> None:
        try:
            for _ in range(20):
                write_file(tmp_path / "file", letter * 1000)
                assert len(set((tmp_path / "file").read_bytes())) == 1
        except BaseException as error:  # noqa: BLE001  told below, in the main thread
            failures.append(error)

    monkeypatch.setattr(os, "rename", slow)
    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


class _Library:
    """The C library: what was flushed, and whether that fails."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.flushed: list[str] = []

    def syncfs(self, descriptor: int) -> int:
        """Flush a file system."""
        self.flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        return self.status


def test_a_file_system_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library(0)
    asked: list[tuple[object, bool]] = []

    def load(name: object, *, use_errno: bool) -> _Library:
        asked.append((name, use_errno))
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(ctypes, "get_errno", lambda: errno.EIO)
    before = len(os.listdir("/proc/self/fd"))
    sync_file_system(tmp_path)
    assert library.flushed == [str(tmp_path)]
    assert asked == [(None, True)], "otherwise the error's number is lost"
    library.status = -1
    with pytest.raises(OSError, match="Input/output error") as error:
        sync_file_system(tmp_path)
    assert (error.value.errno, error.value.filename) == (errno.EIO, str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before
