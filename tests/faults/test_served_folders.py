"""Folders that are served while they change: killed at every step, each moment is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.faults.killing import Killed, killed_at
from support.servers import served_images, served_packages
from support.servers.image_server import private_key

from buildlib.operations.fleet import image_server
from buildlib.operations.fleet.image_server import Signer, serve
from buildlib.operations.fleet.package_repository import put
from buildlib.store.store import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(image_server, "now", lambda: 1_800_000_000.9)
    return Store(tmp_path / "build")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "served"


@pytest.mark.parametrize("damage", [False, True])
def test_images(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, *, damage: bool
) -> None:
    files, signer = served_images.version(store, "v2", b"two"), Signer(private_key(), store)
    for step in range(1, 80):
        served_images.put(store, folder, "v1")
        if damage:
            serve(folder, files, store, signer)
            (folder / "v2" / "base.ffs").unlink()
        with monkeypatch.context() as patch:
            killed_at(step, patch)
            try:
                serve(folder, files, store, signer)
            except Killed:
                pass
            else:
                break
        if not damage:
            served_images.check(folder)
        served_images.put(store, folder, "v2", image=b"two")
        served_images.check(folder)
        assert served_images.latest(folder)[0] == "v2"
        assert served_images.hidden(folder) == []
        for path in (folder / "v2").iterdir():
            path.unlink()
        (folder / "v2").rmdir()
    assert (5 if damage else 10) < step < 79


def test_packages(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No package that the summary names is missing; the next run ends what was begun.

    But for one that was built anew under the same name: its new file comes before the summary
    that has its digest.
    """
    old, new = (
        served_packages.files(store, *names)
        for names in (served_packages.OLD, ("a-2", "b-1", "d-1"))
    )
    key = served_packages.signer(store)
    for step in range(1, 90):
        put(folder, old, store, key)
        with monkeypatch.context() as patch:
            killed_at(step, patch)
            try:
                put(folder, new, store, key)
            except Killed:
                pass
            else:
                break
        served_packages.check_promise(folder)
        put(folder, new, store, key)
        served_packages.check(folder, "a-2", "b-1", "d-1")
        assert not list(folder.rglob(".*"))
    assert 15 < step < 89
