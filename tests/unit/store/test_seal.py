"""Seals are valid where they were set, for data that is on the disk."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildlib.model.digest import Blob
from buildlib.model.errors import MissingBlob
from buildlib.store import seal as module
from buildlib.store.seal import checksum
from buildlib.store.store import Store

DATA = b"what is kept\n"


def nobody(_text: str) -> None:
    raise AssertionError("nobody else is here")


@pytest.fixture
def kept(tmp_path: Path) -> Blob:
    """A store with one blob, whose run has ended normally."""
    store = Store(tmp_path / "build")
    store.begin(waiting=nobody)
    blob = store.blobs.put(DATA)
    store.end()
    return blob


def is_trusted(build: Path, blob: Blob, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a new run accepts the blob by its seal."""
    read = list[str]()
    store = Store(build)
    with monkeypatch.context() as patch:
        patch.setattr(store.blobs, "is_sound", noting(read, "read", lambda _sha256: True))
        assert store.blobs.has(blob)
    return not read


def noting(log: list[str], name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    def call(*words: Any, **named: Any) -> Any:
        log.append(name)
        return act(*words, **named)

    return call


def another_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "boot_id", lambda: "another boot")


@pytest.mark.thorough
def test_a_seal_holds_in_the_next_run_and_after_a_boot(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_trusted(tmp_path / "build", kept, monkeypatch)
    another_boot(monkeypatch)
    assert is_trusted(tmp_path / "build", kept, monkeypatch)


def test_a_run_that_did_not_end_is_trusted_until_the_next_boot(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tmp_path / "build"
    other = Store(build).blobs.put(b"not synced")
    assert is_trusted(build, other, monkeypatch)
    another_boot(monkeypatch)
    for blob in (kept, other):
        assert not is_trusted(build, blob, monkeypatch)
        assert is_trusted(build, blob, monkeypatch), "it was read, and sealed again"
    monkeypatch.setattr(module, "boot_id", lambda: "a third boot")
    assert not is_trusted(build, kept, monkeypatch)


def test_a_machine_that_tells_no_boot(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "boot_id", lambda: "")
    assert is_trusted(tmp_path / "build", kept, monkeypatch)
    other = Store(tmp_path / "build").blobs.put(b"not synced")
    assert not is_trusted(tmp_path / "build", other, monkeypatch)


def by_tar(build: Path, target: Path) -> None:
    target.mkdir()
    archive = subprocess.run(["tar", "-C", build, "-cf", "-", "."], capture_output=True).stdout
    subprocess.run(["tar", "-C", target, "-xpf", "-"], input=archive, check=True)


def by_copy(build: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", build, target], check=True)


def by_links(build: Path, target: Path) -> None:
    subprocess.run(["cp", "-al", build, target], check=True)


def over_another(build: Path, target: Path) -> None:
    store = Store(target)
    store.begin(waiting=nobody)
    store.blobs.put(b"its own")
    store.end()
    subprocess.run(["cp", "-a", "--remove-destination", f"{build}/.", target], check=True)


def blobs_alone(build: Path, target: Path) -> None:
    Store(target)
    subprocess.run(["cp", "-a", f"{build}/store/blobs", f"{target}/store"], check=True)


@pytest.mark.programs
@pytest.mark.parametrize("move", [by_tar, by_copy, by_links, over_another, blobs_alone])
def test_no_seal_holds_elsewhere(
    tmp_path: Path,
    kept: Blob,
    monkeypatch: pytest.MonkeyPatch,
    move: Callable[[Path, Path], None],
) -> None:
    move(tmp_path / "build", tmp_path / "other")
    assert not is_trusted(tmp_path / "other", kept, monkeypatch)
    assert is_trusted(tmp_path / "other", kept, monkeypatch)


def test_a_folder_that_is_renamed_is_the_same_store(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build").rename(tmp_path / "other")
    assert is_trusted(tmp_path / "other", kept, monkeypatch)


def test_another_machine(tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "machine_id", lambda: "another machine")
    assert not is_trusted(tmp_path / "build", kept, monkeypatch)


@pytest.mark.parametrize("name", ["seal.json", "seal.mark"])
@pytest.mark.parametrize("damage", ["gone", "empty", "folder", "fifo", "other", "list"])
def test_what_the_store_knows_of_itself_is_damaged(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch, name: str, damage: str
) -> None:
    path = tmp_path / "build" / "store" / name
    text = path.read_bytes()
    path.unlink()
    if damage == "folder":
        (path / "below").mkdir(parents=True)
    elif damage == "fifo":
        os.mkfifo(path)
    elif damage != "gone":
        path.write_bytes({"empty": b"", "other": b"{}", "list": b"[1]"}[damage])
    assert not is_trusted(tmp_path / "build", kept, monkeypatch)
    assert is_trusted(tmp_path / "build", kept, monkeypatch)
    assert text == b"" or json.loads(text)["second"] != json.loads(path.read_bytes())["second"]


def test_a_run_that_waited_sees_what_the_other_did(tmp_path: Path) -> None:
    """Both have created the store; the second accepts the first one's seal."""
    first, second = Store(tmp_path / "build"), Store(tmp_path / "build")
    first.begin(waiting=nobody)
    blob = first.blobs.put(DATA)
    first.end()
    second.begin(waiting=nobody)
    assert second.seal.is_on(second.blobs.where(blob.sha256))
    second.blobs.put(b"more")
    second.end()
    assert Store(tmp_path / "build").seal.is_on(first.blobs.where(blob.sha256))


def test_the_disk_knows_of_a_seal_before_it_is_put(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "fsync", noting(done, "fsync", os.fsync))
    monkeypatch.setattr(os, "utime", noting(done, "seal", os.utime))
    monkeypatch.setattr(module, "sync_file_system", noting(done, "sync", lambda _path: None))
    store = Store(tmp_path / "build")
    store.begin(waiting=nobody)
    assert store.blobs.has(kept)
    assert done == []
    store.blobs.put(b"one")
    store.blobs.put(b"two")
    assert done == ["fsync", "fsync", "seal", "seal"]
    assert json.loads((tmp_path / "build/store/seal.json").read_bytes())["synced"] is False
    store.end()
    assert done == ["fsync", "fsync", "seal", "seal", "sync"]
    assert json.loads((tmp_path / "build/store/seal.json").read_bytes())["synced"] is True


def test_a_store_that_cannot_be_written_to_can_be_read(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came from elsewhere and is on a read-only file system, so it is read every time."""
    another_boot(monkeypatch)
    monkeypatch.setattr(module, "machine_id", lambda: "another machine")

    def refuse(*_words: object, **_named: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    store = Store(tmp_path / "build")
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    for _ in range(2):
        assert store.blobs.has(kept)
        assert store.blobs.path(kept).read_bytes() == DATA


def test_what_leaves_is_read_once(
    tmp_path: Path, kept: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked by its digest at first, which adds the checksum to the seal, then by that."""
    reads: list[str] = []

    def new_run() -> Store:
        store = Store(tmp_path / "build")
        monkeypatch.setattr(store.blobs, "is_sound", noting(reads, "sha256", store.blobs.is_sound))
        monkeypatch.setattr(module, "checksum", noting(reads, "quick", checksum))
        return store

    for expected in (["sha256", "quick"], ["quick"], ["quick"]):
        store = new_run()
        store.blobs.path(kept)
        store.blobs.path(kept)
        assert reads == expected
        reads.clear()
    made = new_run().blobs
    made.path(made.put(b"made in this run"))
    assert reads == []


@pytest.mark.parametrize("runs", [0, 1], ids=["never read before", "read before"])
@pytest.mark.parametrize("exit_", ["path", "open", "place", "read", "put again"])
def test_nothing_damaged_leaves(tmp_path: Path, kept: Blob, runs: int, exit_: str) -> None:
    """A flipped bit without a changed time, as on a device with silent corruption."""
    for _ in range(runs):
        Store(tmp_path / "build").blobs.path(kept)
    blobs = Store(tmp_path / "build").blobs
    path = Path(blobs.where(kept.sha256))
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(DATA[:3] + b"!" + DATA[4:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert blobs.has(kept), "nobody can see it without reading"
    if exit_ == "put again":
        assert blobs.put(DATA) == kept
        assert blobs.path(kept).read_bytes() == DATA
        return
    act: dict[str, Callable[[], object]] = {
        "path": lambda: blobs.path(kept),
        "open": lambda: blobs.open(kept),
        "place": lambda: blobs.place(kept, tmp_path / "out"),
        "read": lambda: blobs.read(kept.sha256),
    }
    with pytest.raises(MissingBlob):
        act[exit_]()
    assert not path.exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("second", [-1, 0, 3, 10**17, 1.5, "12", None, [], True])
def test_a_second_that_no_store_has(tmp_path: Path, kept: Blob, second: object) -> None:
    path = tmp_path / "build" / "store" / "seal.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"second": second}))
    store = Store(tmp_path / "build")
    assert store.blobs.path(kept).read_bytes() == DATA
    assert store.blobs.put(b"more").size == 4


def test_a_mark_that_leads_nowhere(tmp_path: Path, kept: Blob) -> None:
    mark = tmp_path / "build" / "store" / "seal.mark"
    mark.unlink()
    mark.symlink_to(tmp_path / "nothing")
    store = Store(tmp_path / "build")
    assert store.blobs.path(kept).read_bytes() == DATA
    assert mark.is_file()
