"""Work folders."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from buildlib.store.workspace import Workspaces

KEY = "0123456789abcdef" * 4


@pytest.fixture
def work(tmp_path: Path) -> Workspaces:
    return Workspaces(tmp_path / "work")


def test_a_folder_is_filled_once(work: Workspaces, tmp_path: Path) -> None:
    filled: list[Path] = []
    for spaces in (work, work, Workspaces(tmp_path / "work")):
        assert spaces.get("src", KEY, filled.append) == tmp_path / "work/src-0123456789abcdef"
    assert len(filled) == 1
    assert filled[0].is_dir()
    work.get("obj", KEY, filled.append)
    work.get("src", KEY[1:], filled.append)
    assert len(set(filled)) == 3


def test_what_was_left_half_done_is_gone_on_with(work: Workspaces) -> None:
    def half(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.get("src", KEY, half)
    found: list[str] = []
    path = work.get("src", KEY, lambda folder: found.extend(p.name for p in folder.iterdir()))
    assert found == ["half"]
    assert (path / "half").exists()


def test_a_folder_that_was_deleted_is_filled_again(work: Workspaces) -> None:
    filled: list[Path] = []
    work.get("src", KEY, filled.append).rmdir()
    work.get("src", KEY, filled.append)
    assert len(filled) == 2


def test_drop(work: Workspaces) -> None:
    filled: list[Path] = []
    path = work.get("src", KEY, filled.append)
    (path / "file").touch()
    work.drop(path)
    work.drop(path)
    assert not path.exists()
    work.get("src", KEY, filled.append)
    assert len(filled) == 2


def test_threads_share_one_filling(work: Workspaces) -> None:
    filled: list[Path] = []
    entered, go_on = threading.Event(), threading.Event()

    def fill(folder: Path) -> None:
        filled.append(folder)
        entered.set()
        assert go_on.wait(10)

    threads = [threading.Thread(target=work.get, args=("src", KEY, fill)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    other: list[Path] = []
    work.get("obj", KEY, other.append)  # another folder does not wait
    go_on.set()
    for thread in threads:
        thread.join()
    assert (len(filled), len(other)) == (1, 1)


def test_a_folder_that_was_moved_is_made_anew(work: Workspaces, tmp_path: Path) -> None:
    """TOOLS and OBJ hold absolute paths: what was made at another place would not work."""
    path = work.get("tools", KEY, lambda folder: (folder / "old").touch())
    (tmp_path / "work").rename(tmp_path / "moved")
    moved = Workspaces(tmp_path / "moved").get(
        "tools", KEY, lambda folder: (folder / "new").touch())
    assert moved.name == path.name
    assert [item.name for item in moved.iterdir()] == ["new"]


def test_what_is_refused_at_once_leaves_no_folder(work: Workspaces) -> None:
    def refuse(_folder: Path) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work.get("kernel", KEY, refuse)
    assert not list(work.folder.iterdir())
