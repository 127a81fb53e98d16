"""Work folders."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from buildlib.host.atomic_files import remove
from buildlib.model.errors import StageError, ToolError
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


def test_a_folder_that_was_moved_is_made_again(work: Workspaces, tmp_path: Path) -> None:
    """TOOLS and OBJ contain absolute paths, so folders made elsewhere would not work."""
    path = work.get("tools", KEY, lambda folder: (folder / "old").touch())
    (tmp_path / "work").rename(tmp_path / "moved")
    moved = Workspaces(tmp_path / "moved").get(
        "tools", KEY, lambda folder: (folder / "new").touch()
    )
    assert moved.name == path.name
    assert [item.name for item in moved.iterdir()] == ["new"]


def test_what_is_refused_at_once_leaves_no_folder(work: Workspaces) -> None:
    def refuse(_folder: Path) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work.get("kernel", KEY, refuse)
    assert not list(work.folder.iterdir())


def made(work: Workspaces, text: str = "right", told: list[str] | None = None) -> Path:
    """A work folder with one file."""

    def fill(folder: Path) -> None:
        (folder / "file").write_text(text)

    return work.get("src", KEY, fill, tell=None if told is None else told.append)


def test_a_folder_that_was_touched_is_made_again_with_a_message(work: Workspaces) -> None:
    told: list[str] = []
    path = made(work)
    (path / "file").write_text("wrong")
    (path / "more").touch()
    assert made(work, told=told) == path
    assert (path / "file").read_text() == "right"
    assert not (path / "more").exists()
    assert told == [f"{path}: file, more changed since it was made; making it again"]
    assert made(work, "not again", told) == path
    assert (path / "file").read_text() == "right"
    assert len(told) == 1


def test_a_folder_without_a_note_is_made_again(work: Workspaces) -> None:
    """It was made by an earlier version, or its note is damaged."""
    path = made(work)
    path.with_name(f"{path.name}.stat").unlink()
    assert (made(work, "again") / "file").read_text() == "again"
    path.with_name(f"{path.name}.stat").write_bytes(b"damaged")
    assert (made(work, "and again") / "file").read_text() == "and again"


@pytest.mark.parametrize("failure", [False, True], ids=["all went well", "the tool failed"])
def test_a_folder_that_is_changed_while_a_tool_reads_it(work: Workspaces, failure: bool) -> None:
    """The tool's output is rejected, and the error reports the change, not the tool's failure."""
    path = made(work)
    with pytest.raises(StageError) as caught, work.held(path):
        (path / "file").write_text("other")
        if failure:
            raise ToolError("cc failed")
    assert caught.value.reason == "input-changed"
    assert (caught.value.where, caught.value.why) == (str(path), "file")


def test_a_folder_that_is_made_again_while_a_tool_reads_it(work: Workspaces) -> None:
    path = made(work)
    with pytest.raises(StageError, match="changed while a tool read it"), work.held(path):
        work.drop(path)
        made(work)


def test_a_failure_over_folders_that_nobody_touched_is_that_failure(work: Workspaces) -> None:
    with pytest.raises(ToolError, match="cc failed"), work.held(made(work)):
        raise ToolError("cc failed")


def test_a_held_folder_is_not_confused_with_the_same_made_again(work: Workspaces) -> None:
    with work.held(made(work)) as one:
        pass
    with work.held(made(work)) as same:
        pass
    work.drop(made(work))
    with work.held(made(work)) as other:
        pass
    assert one == same != other


@pytest.mark.parametrize("what", ["", ".done", ".stat"], ids=["folder", "done", "stat"])
@pytest.mark.parametrize("kind", ["folder", "fifo", "file", "dangling"])
def test_something_else_in_place_of_a_folder_or_its_notes(
    work: Workspaces, tmp_path: Path, what: str, kind: str
) -> None:
    path = work.get("src", KEY, lambda folder: (folder / "file").touch())
    place = path.with_name(path.name + what)
    remove(place)
    if kind == "folder":
        (place / "below").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "file":
        place.touch()
    else:
        place.symlink_to(tmp_path / "nothing")
    filled: list[Path] = []
    for _ in range(2):
        assert work.get("src", KEY, filled.append) == path
    assert filled == [path]


def test_a_count_that_is_a_folder(work: Workspaces, tmp_path: Path) -> None:
    (tmp_path / "work" / "tools.count" / "below").mkdir(parents=True)
    assert work.expected("tools") == 0
    work.set_expected("tools", 7)
    assert work.expected("tools") == 7


def test_a_finished_folder_is_found(work: Workspaces) -> None:
    assert not work.has("src", KEY)
    assert work.find("src", KEY) is None
    path = work.get("src", KEY, lambda folder: (folder / "file").touch())
    assert work.has("src", KEY)
    assert work.find("src", KEY) == path
    assert not work.has("obj", KEY)
    assert work.find("src", KEY[1:]) is None
    (path / "file").write_text("changed")
    assert work.has("src", KEY)
    assert work.find("src", KEY) is None, "it would be made again"


def test_what_unfinished_folders_hold(work: Workspaces, tmp_path: Path) -> None:
    assert work.unfinished(["src", "obj"]) == (0, 0)
    (work.get("src", KEY, lambda _folder: None) / "done").write_bytes(bytes(8192))
    assert work.unfinished(["src", "obj"]) == (0, 0)
    half = tmp_path / "work/obj-0"
    (half / "sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        (half / name).write_bytes(b"x" * 5000)
    other = tmp_path / "work/other-0"
    other.mkdir()
    (other / "file").touch()
    size, files = work.unfinished(["src", "obj"])
    assert files == 3
    places = [half / "a", half / "sub", half / "sub/b"]
    assert size == sum(path.stat().st_blocks * 512 for path in places)
    assert work.unfinished(["other", "obj"])[1] == 4


def test_the_count_of_the_last_full_build(work: Workspaces, tmp_path: Path) -> None:
    work.folder.mkdir(parents=True, exist_ok=True)
    assert work.expected("kernel") == 0
    work.set_expected("kernel", 1234)
    assert work.expected("kernel") == 1234
    assert work.expected("tools") == 0
    work.set_expected("kernel", 7)
    assert work.expected("kernel") == 7
    (tmp_path / "work/kernel.count").write_text("many\n")
    assert work.expected("kernel") == 0


def test_changed_files_are_named(work: Workspaces) -> None:
    def fill(folder: Path) -> None:
        for name in "abcde":
            (folder / name).touch()

    for count, text in ((3, "a, b, c"), (5, "a, b, c and 2 more")):
        path = work.get("src", KEY, fill)
        with pytest.raises(StageError) as error, work.held(path):
            for name in "abcde"[:count]:
                (path / name).write_text("changed")
        assert error.value.why == text
        assert error.value.reason == "input-changed"
        work.drop(path)
