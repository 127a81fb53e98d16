"""The store as a whole, and its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildlib.host import environment
from buildlib.model.digest import Blob
from buildlib.model.errors import StoreError
from buildlib.store.records import Output
from buildlib.store.store import Store


def outputs(store: Store) -> tuple[Output, Blob, Blob, Blob]:
    packs: list[Blob] = []
    with store.packs.writer(packs) as pack:
        pack.add(b"in a pack")
    spec, kernel = store.blobs.put(b"spec"), store.blobs.put(b"kernel")
    return Output(spec, tuple(packs), (kernel,)), spec, packs[0], kernel


def test_an_output_is_there_when_all_of_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path / "a/build")
    output, spec, pack, kernel = outputs(store)
    assert store.has(output)
    assert store.is_sound(output)
    assert store.size(output) == pack.size + kernel.size
    assert store.size(Output(spec)) == spec.size
    for blob in (spec, kernel):
        store.blobs.discard(blob.sha256)
        assert not store.has(output)
        outputs(store)
    store.packs.discard(pack.sha256)
    assert not store.has(output)


@pytest.mark.parametrize("part", ["spec", "pack", "kernel"])
def test_a_full_check_finds_damage_that_hides(tmp_path: Path, part: str) -> None:
    store = Store(tmp_path / "build")
    output, spec, pack, kernel = outputs(store)
    path = {
        "spec": store.blobs.where(spec.sha256),
        "kernel": store.blobs.where(kernel.sha256),
        "pack": str(store.packs.where(pack.sha256)),
    }[part]
    before = os.stat(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.has(output)
    assert not store.is_sound(output)
    assert not store.has(output)


def test_a_store_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        Store(tmp_path / "file" / "build")
    assert caught.value.reason == "store-io"
    assert caught.value.hint


def test_settings_come_from_documented_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GOLDMASTER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GOLDMASTER_MIRROR", "http://m")
    monkeypatch.setenv("GOLDMASTER_JOBS", "")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    assert environment.setting("mirror") == "http://m"
    assert environment.setting("jobs") is None
    assert environment.source_date_epoch() == "7"
    assert environment.all_settings() == {"mirror": "http://m", "SOURCE_DATE_EPOCH": "7"}
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert environment.source_date_epoch() is None


def test_tools_are_found_whatever_the_callers_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = environment.find_tool("sh")
    assert found is not None
    assert found.is_absolute()
    assert not found.is_symlink()
    assert environment.find_tool("no-such-tool") is None
    assert environment.find_tool("..") is None


def test_the_host(tmp_path: Path) -> None:
    assert environment.processors() >= 1
    assert environment.free_bytes(tmp_path) > 0
    assert environment.monotonic() <= environment.monotonic()


def test_the_lock_is_held_from_begin_to_end(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "build"), Store(tmp_path / "build")
    settled: list[str] = []
    store.seal.settle = lambda: settled.append("settled")  # type: ignore[method-assign]  # only its calls count
    store.end()
    assert settled == [], "it was not held"
    store.begin(waiting=lambda _text: None)
    assert store.lock.descriptor >= 0
    store.end()
    assert (store.lock.descriptor, settled) == (-1, ["settled"])
    other.begin(waiting=lambda _text: pytest.fail("it is held by somebody"))
    other.end()


def test_a_disk_that_cannot_be_flushed_keeps_no_lock(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")

    def fail() -> None:
        raise OSError

    store.begin(waiting=lambda _text: None)
    store.seal.settle = fail  # type: ignore[method-assign]  # it fails
    store.end()
    assert store.lock.descriptor < 0


def test_a_lock_for_a_block_of_code(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    with pytest.raises(KeyError), store.alone(waiting=lambda _text: None):
        assert store.lock.descriptor >= 0
        raise KeyError
    assert store.lock.descriptor < 0
    store.begin(waiting=lambda _text: None)
    with store.alone(waiting=lambda _text: None):
        pass
    assert store.lock.descriptor >= 0, "it was held before"
    store.end()


def test_names_of_stages_become_names_of_files(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    assert store.log("kernel:x").parent == tmp_path / "build/log"
    assert store.log("kernel:x").name.endswith(".log")
    assert store.log("kernel:x") != store.log("kernel-x")
    assert store.failed("kernel:x").parent == tmp_path / "build/failed"
    assert "/" not in store.log("a/b").name.removesuffix(".log")


def test_a_full_check_of_files_of_a_tree(tmp_path: Path) -> None:
    """Content that is missing already is not looked for."""
    store = Store(tmp_path / "build")
    output, spec, pack, _ = outputs(store)
    store.blobs.discard(spec.sha256)
    store.packs.discard(pack.sha256)
    assert not store.is_sound(output)
    outputs(store)
    assert store.is_sound(output)
