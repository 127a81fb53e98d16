"""docs/dev/pipelines.md: its pipeline and its project are what a reader gets who follows it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, surroundings
from support.pages import Reader, blocks_of, with_programs

PAGE = PROJECT / "docs/dev/pipelines.md"


@pytest.mark.parametrize(
    "section", dict.fromkeys(block.section for block in blocks_of(PAGE.read_text()))
)
def test_a_section_is_followed(section: str, tmp_path: Path) -> None:
    copy = tmp_path / "mine"
    shutil.copytree(PROJECT / "examples/minimal", copy)
    Reader(copy, surroundings(with_programs())).follow(PAGE, section=section)
