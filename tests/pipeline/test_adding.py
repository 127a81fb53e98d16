"""docs/dev/adding.md: each of its changes fits the code, and passes the test that it brings.

It keeps the house rules, too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, surroundings
from support.pages import Reader, blocks_of, with_programs

PAGE = PROJECT / "docs/dev/adding.md"
SECTIONS = list(dict.fromkeys(block.section for block in blocks_of(PAGE.read_text())))
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "dist", "__pycache__", ".*_cache")


def test_it_tells_of_all() -> None:
    assert SECTIONS == ["A key of a recipe", "A stage", "A command", "A check"]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_change_fits_and_passes_its_test(section: str, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    shutil.copytree(PROJECT, copy, symlinks=True, ignore=LEFT_OUT)
    done = Reader(copy, surroundings(with_programs())).follow(PAGE, section=section)
    changed = [
        name
        for block in done
        if block.kind == "change"
        for name in re.findall(r"^\+\+\+ b/(.+\.py)$", block.text, re.MULTILINE)
    ]
    rules = [f"tests/house/test_{name}.py" for name in ("form", "mirrors", "one_place")]
    for words in (
        ["ruff", "check", *changed],
        ["ruff", "format", "--check", *changed],
        ["pytest", "-q", "-n", "0", *rules],
    ):
        ran = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
