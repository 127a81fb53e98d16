"""Digests cached by stat signature, and cases in which they must not be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from buildlib.host import environment
from buildlib.model.digest import sha256
from buildlib.store.null_build import checked, with_sum
from buildlib.store.stat_cache import StatCache


class Clock:
    """A clock set by the tests: `later` seconds ahead."""

    def __init__(self) -> None:
        self.later = 0.0
        self._now = environment.now

    def now(self) -> float:
        return self._now() + self.later


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(environment, "now", clock.now)
    return clock


@pytest.fixture
def seen(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "seen.json")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"aaa")
    return path


def kept(folder: Path) -> list[str]:
    """Names of all files below `folder`."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


class Counted:
    """A computation that counts its calls."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, path: str) -> str:
        self.times += 1
        return Path(path).read_text()


def test_a_file_is_read_once(seen: StatCache, path: Path, clock: Clock) -> None:
    clock.later = 10
    compute = Counted()
    assert [seen.memo(str(path), compute) for _ in range(3)] == ["aaa"] * 3
    assert compute.times == 1


@pytest.mark.parametrize("change", ["content", "size", "time", "inode"])
def test_a_changed_file_is_read_again(
    seen: StatCache, path: Path, clock: Clock, change: str
) -> None:
    clock.later = 10
    before = path.stat()
    assert seen.sha256(str(path)) == sha256(b"aaa")
    if change == "content":  # the same size, and the time put back: the change time tells
        path.write_bytes(b"bbb")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "size":
        path.write_bytes(b"bbbb")
    elif change == "time":
        os.utime(path, (1, 1))
    else:
        (path.parent / "other").write_bytes(b"ccc")
        (path.parent / "other").rename(path)
    assert seen.sha256(str(path)) == sha256(path.read_bytes())


def test_a_young_file_is_not_remembered(seen: StatCache, path: Path) -> None:
    """A second change within one clock tick does not change the signature."""
    tick = path.stat()
    assert seen.sha256(str(path), tick) == sha256(b"aaa")
    path.write_bytes(b"bbb")
    assert seen.sha256(str(path), tick) == sha256(b"bbb")


def test_a_file_that_turns_young_is_forgotten(seen: StatCache, path: Path, clock: Clock) -> None:
    clock.later = 10
    seen.sha256(str(path))
    clock.later = 0
    path.write_bytes(b"bbb")
    tick = path.stat()
    seen.sha256(str(path), tick)
    path.write_bytes(b"ccc")
    assert seen.sha256(str(path), tick) == sha256(b"ccc")


def test_uses_are_distinguished(seen: StatCache, path: Path, clock: Clock) -> None:
    clock.later = 10
    assert seen.memo(str(path), lambda _path: "one", kind="a") == "one"
    assert seen.memo(str(path), lambda _path: "two", kind="b") == "two"
    assert seen.memo(str(path), lambda _path: "three", kind="a") == "one"


def test_the_memory_lasts(seen: StatCache, path: Path, clock: Clock, tmp_path: Path) -> None:
    clock.later = 10
    compute = Counted()
    seen.memo(str(path), compute)
    seen.save()
    assert StatCache(tmp_path / "seen.json").memo(str(path), compute) == "aaa"
    assert compute.times == 1
    assert kept(tmp_path) == ["file", "seen.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"PATH": 1}',
        '{"PATH": []}',
        '{"PATH": [1, 2, 3, 4]}',
        '{"PATH": null}',
        "\x00\xff",
    ],
)
@pytest.mark.parametrize("summed", [False, True], ids=["damaged", "with its sum"])
def test_a_damaged_memory_costs_time_only(
    path: Path, clock: Clock, tmp_path: Path, text: str, summed: bool
) -> None:
    clock.later = 10
    data = text.replace("PATH", str(path)).encode("latin-1")
    (tmp_path / "seen.json").write_bytes(with_sum(data) if summed else data)
    seen = StatCache(tmp_path / "seen.json")
    assert seen.sha256(str(path)) == sha256(b"aaa")
    seen.save()
    memory = json.loads(checked((tmp_path / "seen.json").read_bytes()))
    assert memory[str(path)][4] == sha256(b"aaa")


def test_a_memory_that_cannot_be_written_is_no_error(
    path: Path, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.later = 10
    seen = StatCache(tmp_path / "seen.json")
    seen.sha256(str(path))

    def fails(_path: Path, _target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fails)
        seen.save()
    assert kept(tmp_path) == ["file"]
    seen.save()
    assert kept(tmp_path) == ["file", "seen.json"]


def test_what_is_no_file_is_not_opened(seen: StatCache, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "", "missing", "file/below"):
        with pytest.raises(OSError, match=r".") as caught:
            seen.sha256(str(tmp_path / name))
        assert caught.value.strerror
