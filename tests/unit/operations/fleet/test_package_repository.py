"""The repository's folder: complete at every moment; other files are kept."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from support.servers.served_packages import OLD, check, files, signer

from buildlib.host.atomic_files import NewFile
from buildlib.model.digest import Blob
from buildlib.operations.fleet.package_repository import Put, put, several_versions
from buildlib.store.blobs import Blobs
from buildlib.store.store import Store

NEW = ("a-2", "b-1", "c-1 anew")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "build")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "served"


@pytest.mark.programs
def test_new_packages_come_and_old_ones_go(store: Store, folder: Path) -> None:
    first = put(folder, files(store, *OLD), store, signer(store))
    assert first == Put(
        (
            *(f"All/{name}.tgz" for name in OLD),
            "All/pkg_summary.gz",
            "All/index.html",
            "SHA512",
            "SHA512.sig",
        ),
        (),
    )
    check(folder, *OLD)
    second = put(folder, files(store, *NEW), store, signer(store))
    assert second == Put(
        (
            "All/a-2.tgz",
            "All/c-1.tgz",
            "All/pkg_summary.gz",
            "All/index.html",
            "SHA512",
            "SHA512.sig",
        ),
        ("All/a-1.tgz",),
    )
    check(folder, *NEW)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o644}


@pytest.mark.programs
def test_the_same_again_changes_nothing(store: Store, folder: Path) -> None:
    def marks() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_ctime_ns, path.stat().st_ino) for path in folder.rglob("*")}

    put(folder, files(store, *OLD), store, signer(store))
    before = marks()
    assert put(folder, files(store, *OLD), store, signer(store)) == Put((), ())
    assert marks() == before


def test_a_file_that_changed_is_newer(store: Store, folder: Path) -> None:
    """pkgin and rsync compare files by time, which is constant in the store."""
    put(folder, files(store, *OLD), store, None)
    for path in (folder / "All").iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    put(folder, files(store, *NEW), store, None)
    times = {path.name: path.stat().st_mtime for path in (folder / "All").iterdir()}
    assert times["b-1.tgz"] == 1_700_000_000
    for name in ("c-1.tgz", "pkg_summary.gz", "index.html"):
        assert times[name] > 1_700_000_000


@pytest.mark.programs
def test_what_others_put_there_stays(store: Store, folder: Path) -> None:
    put(folder, files(store, *OLD), store, None)
    (folder / "All/own-1.tgz").write_bytes(b"own")
    (folder / "README").write_text("own")
    put(folder, files(store, *NEW), store, None)
    check(folder, *NEW, others=("own-1.tgz",))
    assert (folder / "README").read_text() == "own"


@pytest.mark.programs
@pytest.mark.parametrize(
    "text",
    [
        "SHA512 (../precious) = " + "0" * 128,
        "SHA512 (All/../precious) = " + "0" * 128,
        "SHA512 (All/..) = " + "0" * 128,
        "SHA512 (precious) = " + "0" * 128,
        "rubbish",
        "",
    ],
)
def test_a_list_that_leads_elsewhere_removes_nothing(store: Store, folder: Path, text: str) -> None:
    (folder / "All").mkdir(parents=True)
    precious = [folder / "precious", folder.parent / "precious"]
    for path in precious:
        path.write_text("x")
    (folder / "SHA512").write_text(text)
    put(folder, files(store, *OLD), store, None)
    assert all(path.exists() for path in precious)
    check(folder, *OLD)


@pytest.mark.programs
def test_damage_is_repaired(store: Store, folder: Path) -> None:
    put(folder, files(store, *OLD), store, signer(store))
    (folder / "All/a-1.tgz").write_bytes(b"damaged")
    (folder / "All/b-1.tgz").unlink()
    (folder / "All/b-1.tgz").symlink_to("c-1.tgz")
    (folder / "SHA512.sig").write_bytes(b"")
    assert put(folder, files(store, *OLD), store, signer(store)).written == (
        "All/a-1.tgz",
        "All/b-1.tgz",
        "SHA512.sig",
    )
    check(folder, *OLD)
    newer = subprocess.run(
        ["find", "All", "-newer", "All/pkg_summary.gz", "-name", "*.tgz"],
        cwd=folder,
        check=True,
        capture_output=True,
    ).stdout
    assert newer == b"", "pkg_chk -b passes over a summary that is older than a package"
    assert store.blobs.is_sound(files(store, *OLD)["All/a-1.tgz"].sha256)


@pytest.mark.programs
def test_without_a_key_no_signature_lies(store: Store, folder: Path) -> None:
    """A signature that matches is kept; one of another list is removed."""
    put(folder, files(store, *OLD), store, signer(store))
    assert put(folder, files(store, *OLD), store, None) == Put((), ())
    check(folder, *OLD)
    assert "SHA512.sig" in put(folder, files(store, *NEW), store, None).removed
    assert not (folder / "SHA512.sig").exists()


@pytest.mark.programs
def test_a_full_disk(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, files(store, *OLD), store, None)

    def full(blobs: Blobs, _blob: Blob, file: NewFile) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Blobs, "copy_to", full)
    with pytest.raises(OSError, match="No space"):
        put(folder, files(store, *NEW), store, None)
    monkeypatch.undo()
    check(folder, *OLD)
    assert not list(folder.rglob(".*"))


def test_modes_are_repaired(store: Store, folder: Path) -> None:
    before = os.umask(0o077)
    try:
        put(folder, files(store, *OLD), store, None)
    finally:
        os.umask(before)

    def modes() -> set[int]:
        return {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}

    assert modes() == {0o755, 0o644}
    (folder / "All").chmod(0o700)
    (folder / "All" / "a-1.tgz").chmod(0o640)
    assert put(folder, files(store, *OLD), store, None).written == ()
    assert modes() == {0o755, 0o644}


def test_two_versions_of_one_package_are_noticed() -> None:
    assert several_versions(["a-1", "b-1", "a-2", "a-b-1"]) == ["a"]
