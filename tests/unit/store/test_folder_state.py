"""Detecting changes in a folder since its state was noted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from buildlib.store.folder_state import mark, note, touched

Change: TypeAlias = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub" / "deep").mkdir(parents=True)
    for name in ("a", "sub/b", "sub/deep/c\nd", "sub/deep/\udcff"):
        (folder / name).write_text("text")
        os.utime(folder / name, (1, 1))
    (folder / "link").symlink_to("a")
    note(folder, tmp_path / "note")
    return folder


def with_its_times(path: Path, text: str) -> None:
    """Write to a file, and set its times back."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    """Replace a file by one of the same content, size and times."""
    other = path.with_name("other")
    other.write_text(path.read_text())
    os.utime(other, (1, 1))
    other.replace(path)


def relinked(path: Path) -> None:
    path.unlink()
    path.symlink_to("b")


def moved_away(path: Path) -> None:
    path.rename(path.with_name("away"))


CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "another content of the same size, times set back": (
        lambda folder: with_its_times(folder / "sub/b", "TEXT"),
        ("sub/b",),
    ),
    "another content": (lambda folder: (folder / "a").write_text("longer"), ("a",)),
    "the same content again": (lambda folder: (folder / "a").write_text("text"), ("a",)),
    "another file in its place": (lambda folder: replaced(folder / "a"), ("a",)),
    "a mode": (lambda folder: (folder / "a").chmod(0o755), ("a",)),
    "a new file": (lambda folder: (folder / "sub/new").touch(), ("sub/new",)),
    "a new folder": (lambda folder: (folder / "new").mkdir(), ("new",)),
    "a file less": (lambda folder: (folder / "a").unlink(), ("a",)),
    "a link that leads elsewhere": (lambda folder: relinked(folder / "link"), ("link",)),
    "a folder moved": (
        lambda folder: moved_away(folder / "sub/deep"),
        (
            "sub/away",
            "sub/away/c\nd",
            "sub/away/\udcff",
            "sub/deep",
            "sub/deep/c\nd",
            "sub/deep/\udcff",
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_and_named(folder: Path, tmp_path: Path, name: str) -> None:
    change, told = CHANGES[name]
    change(folder)
    assert sorted(touched(folder, tmp_path / "note")) == sorted(told)


def test_what_only_reads_changes_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "a").read_text()
    scratch = folder / "sub" / "scratch"
    scratch.touch()
    scratch.unlink()  # a program's own, gone again
    assert touched(folder, tmp_path / "note") == ()


def test_without_a_note_nothing_is_known(folder: Path, tmp_path: Path) -> None:
    assert touched(folder, tmp_path / "none") == (".",)
    assert mark(tmp_path / "none") == ""


def test_the_same_made_anew_has_another_mark(folder: Path, tmp_path: Path) -> None:
    before = mark(tmp_path / "note")
    note(folder, tmp_path / "note")
    assert mark(tmp_path / "note") == before
    replaced(folder / "a")
    note(folder, tmp_path / "note")
    assert mark(tmp_path / "note") != before
