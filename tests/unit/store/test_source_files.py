"""Folders of the checkout as inputs: what counts in them, and what is refused."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from buildlib.model.errors import ConfigError
from buildlib.model.names import PATH_LIMIT
from buildlib.store import source_files
from buildlib.store.source_files import fingerprint, has_spec, walk
from buildlib.store.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "overlay"
    path.mkdir()
    return path


def prints(folder: Path) -> dict[str, str]:
    spec = folder.with_name("overlay.mtree")
    return fingerprint(folder, spec, Store(folder.parent / "build").seen)


def paths(folder: Path) -> list[str]:
    return [path for path, _ in walk(str(folder))]


def test_folders_come_first_and_names_are_sorted(folder: Path) -> None:
    for name in ("b", "a/z", "a/b", "c/d/e"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert paths(folder) == ["a", "a/b", "a/z", "b", "c", "c/d", "c/d/e"]


def test_a_link_to_a_folder_is_not_followed(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "real/file").touch()
    (folder / "link").symlink_to("real")
    assert paths(folder) == ["link", "real", "real/file"]


NO_SOURCES = [*source_files.IGNORED, "file~", ".#file", "#file#", ".file.swp", ".file.swa"]
SOURCES = ["~file", "#file", "file.swp", ".file.swz", ".profile", ".gitx", "a.#b", ".x.sw"]


def test_what_versions_and_editors_leave_is_ignored(folder: Path) -> None:
    for name in (*NO_SOURCES, *SOURCES):
        (folder / name).touch()
    assert paths(folder) == sorted(SOURCES)


def test_what_each_entry_is(folder: Path) -> None:
    (folder / "etc").mkdir()
    for name, mode in (("etc/motd", 0o644), ("run", 0o755), ("group", 0o654), ("own", 0o700)):
        (folder / name).write_text(name)
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("etc/motd")
    (folder / "to-folder").symlink_to("etc")
    (folder / "dangling").symlink_to("none")

    def digest(name: str) -> str:
        return sha256(name.encode()).hexdigest()

    assert prints(folder) == {
        "dangling": "link none",
        "etc": "dir",
        "etc/motd": f"file {digest('etc/motd')}",
        "group": f"file {digest('group')}",
        "link": "link etc/motd",
        "own": f"exec {digest('own')}",
        "run": f"exec {digest('run')}",
        "to-folder": "link etc",
    }


def test_the_spec_is_an_input(folder: Path) -> None:
    assert prints(folder) == {}
    (folder.with_name("overlay.mtree")).write_text("./x type=dir\n")
    digest = sha256(b"./x type=dir\n").hexdigest()
    assert prints(folder) == {"../overlay.mtree": f"spec {digest}"}


def test_a_spec_is_a_regular_file(tmp_path: Path) -> None:
    spec = tmp_path / "overlay.mtree"
    assert not has_spec(spec)
    (tmp_path / "real").touch()
    spec.symlink_to("real")
    assert has_spec(spec)
    (tmp_path / "real").unlink()
    with pytest.raises(ConfigError, match="the spec is not a file") as error:
        has_spec(spec)
    assert (error.value.where, error.value.reason) == (str(spec), "folder")
    spec.unlink()
    spec.mkdir()
    with pytest.raises(ConfigError, match="the spec is not a file"):
        has_spec(spec)


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_could_block_is_refused(folder: Path, kind: str) -> None:
    import socket

    path = folder / "special"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))
    with pytest.raises(ConfigError, match="not a file, folder or link") as error:
        prints(folder)
    assert (error.value.where, error.value.reason) == (str(path), "folder")


def test_a_folder_that_is_missing(folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(ConfigError, match="the folder or a file in it cannot be read") as error:
        prints(folder)
    assert error.value.where == str(folder)
    assert error.value.why == "No such file or directory"
    assert error.value.reason == "folder"


def deep(folder: Path, size: int) -> Path:
    """A file whose path below the folder has this many bytes."""
    whole, rest = divmod(size, 101)
    path = folder.joinpath(*["d" * 100] * whole)
    path.mkdir(parents=True)
    (path / ("f" * rest)).touch()
    return path


def test_a_path_that_is_too_long(folder: Path) -> None:
    deep(folder, PATH_LIMIT)
    assert len(paths(folder)[-1]) == PATH_LIMIT
    deep(folder.with_name("other"), PATH_LIMIT + 1)
    with pytest.raises(OSError, match=f"NetBSD allows paths of {PATH_LIMIT} bytes"):
        paths(folder.with_name("other"))
    with pytest.raises(ConfigError, match="the folder or a file in it cannot be read") as error:
        prints(folder.with_name("other"))
    assert error.value.why == f"NetBSD allows paths of {PATH_LIMIT} bytes"
    assert str(error.value.where).startswith("ddd")


def test_changes_of_a_folder_are_noted(folder: Path) -> None:
    """The null build looks at all that was noted."""
    (folder / "sub").mkdir()
    (folder / "file").touch()
    (folder / "link").symlink_to("file")
    noted: list[tuple[str, bool]] = []
    seen = Store(folder.parent / "build").seen
    real = seen.note

    def note(path: str | Path, *, follow: bool = True) -> None:
        noted.append((str(path), follow))
        real(path, follow=follow)

    seen.note = note  # type: ignore[method-assign]  # only its calls matter
    spec = folder.with_name("overlay.mtree")
    fingerprint(folder, spec, seen)
    assert {(str(folder), True), (str(folder / "sub"), True), (str(spec), True)} <= {*noted}
    assert (str(folder / "link"), False) in noted
