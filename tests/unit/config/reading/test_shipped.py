"""What comes with the package: the folders of a checkout, or the archive of a wheel, unpacked."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.config.reading import shipped
from buildlib.store.store import Store

HOSTS = "recipes/server/overlay/etc/hosts"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "build")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive of a wheel: a file, a link that leads out, a recipe, a table of settings."""
    source = tmp_path / "source"
    for name, text in {
        HOSTS: "::1 localhost\n",
        "recipes/dom0.toml": "# dom0\n",
        "recipes/settings.toml": "jobs = 1\n",
        "recipes/domu/base.toml": "# base\n",
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    (source / "recipes/server/overlay/etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
    (source / "recipes/server/overlay/etc/rc").write_text("#!/bin/sh\n")
    (source / "recipes/server/overlay/etc/rc").chmod(0o755)
    path = tmp_path / "starter.tar.gz"
    pack(source, path)
    monkeypatch.setattr(shipped, "_ARCHIVE", path)
    return path


def pack(source: Path, path: Path) -> None:
    with (
        gzip.GzipFile(path, "wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for file in sorted(source.rglob("*")):
            if file.is_symlink() or file.is_file():
                archive.add(file, file.relative_to(source).as_posix())


def folder(store: Store, said: list[str] | None = None) -> Path:
    found = shipped.shipped_folder(store, (said if said is not None else []).append)
    assert store.lock.descriptor == -1
    return found


def test_a_checkout_is_what_ships(store: Store) -> None:
    assert folder(store) == PROJECT
    assert str(PROJECT / "buildlib/starter.tar.gz") in store.seen.looked, "a wheel may come"


@pytest.mark.thorough
def test_an_archive_is_unpacked_once(store: Store, wheel: Path) -> None:
    place = folder(store)
    assert place.parent == store.build / "work"
    assert (place / HOSTS).read_text() == "::1 localhost\n"
    assert os.readlink(place / "recipes/server/overlay/etc/localtime") == "/usr/share/zoneinfo/UTC"
    assert os.access(place / "recipes/server/overlay/etc/rc", os.X_OK)
    before = (place / HOSTS).stat().st_ino
    assert folder(store) == folder(Store(store.build)) == place
    assert (place / HOSTS).stat().st_ino == before
    assert str(wheel) in store.seen.looked, "another wheel ends the null build"


@pytest.mark.parametrize("change", ["another text", "another file", "a file less", "another mode"])
def test_a_copy_that_was_changed_is_never_used(store: Store, wheel: Path, change: str) -> None:
    place = folder(store)
    path = place / HOSTS
    times = path.stat()
    match change:
        case "another text":
            path.write_text("::2 localhost\n")
        case "another file":
            path.with_name("new").touch()
        case "a file less":
            path.unlink()
        case _:
            path.chmod(0o755)
    if path.exists():
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    said: list[str] = []
    assert folder(store, said) == place
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("::1 localhost\n", 0o644)
    assert not path.with_name("new").exists()
    (line,) = said
    assert "changed since it was made; making it again" in line


def test_another_archive_is_unpacked_beside_it(store: Store, wheel: Path, tmp_path: Path) -> None:
    before = folder(store)
    (tmp_path / "source" / HOSTS).write_text("::1 localhost loghost\n")
    pack(tmp_path / "source", wheel)
    after = folder(store)
    assert before != after
    assert (before / HOSTS).read_text() == "::1 localhost\n"
    assert (after / HOSTS).read_text() == "::1 localhost loghost\n"


def test_a_run_that_writes_already_unpacks_too(store: Store, wheel: Path) -> None:
    store.begin(waiting=lambda _text: None)
    place = shipped.shipped_folder(store, lambda _line: None)
    assert (place / HOSTS).is_file()
    assert store.lock.descriptor >= 0
    store.end()


def test_recipes_to_begin_with(wheel: Path) -> None:
    assert shipped.shipped_recipes() == {
        "recipes/dom0.toml": "# dom0\n",
        "recipes/domu/base.toml": "# base\n",
    }


def test_recipes_of_a_checkout() -> None:
    found = shipped.shipped_recipes()
    assert {"recipes/dom0.toml", "recipes/accounts.toml", "recipes/domu/base.toml"} <= {*found}
    assert all((PROJECT / name).read_text() == text for name, text in found.items())


def test_the_recipes_of_a_wheel_and_the_tables_beside_them(wheel: Path) -> None:
    """Whatever their names; neither the settings nor files of overlays."""
    source = wheel.with_name("source")
    for name in ("recipes/users.toml", "recipes/domu/zone.toml", "recipes/server/overlay/x.toml"):
        (source / name).write_text(f"# {name}\n")
    wheel.unlink()
    pack(source, wheel)
    assert shipped.shipped_recipes() == {
        "recipes/dom0.toml": "# dom0\n",
        "recipes/domu/base.toml": "# base\n",
        "recipes/domu/zone.toml": "# recipes/domu/zone.toml\n",
        "recipes/users.toml": "# recipes/users.toml\n",
    }
