"""docs/dev/one-file.md, done as it stands: what it shows of keys, store and disc is there."""

from __future__ import annotations

from pathlib import Path

from support.checkouts.scratch import PROJECT, surroundings
from support.pages import Reader, with_programs


def test_one_file_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    Reader(folder, surroundings(with_programs())).follow(PROJECT / "docs/dev/one-file.md")
