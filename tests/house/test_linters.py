"""Each linter of `make lint` as a test; and whoever commits meets the same ones everywhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.modules import ROOT

BIN = Path(sys.executable).parent
RECIPE = re.search(
    r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
)
assert RECIPE
LINTERS = [line.strip() for line in RECIPE[1].splitlines()]


def run(linter: str, *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(linter.replace("$(BIN)", str(BIN))),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.replace("$(BIN)/", ""))
def test_a_linter_has_nothing_to_say(linter: str) -> None:
    done = run(linter)
    assert done.returncode == 0, done.stdout


def test_all_linters_are_there() -> None:
    names = {"ruff check", "ruff format --check", "mypy", "codespell", "shellcheck"}
    assert {name for name in names if any(name in linter for linter in LINTERS)} == names
    assert len(LINTERS) == len(names)


def test_commits_meet_the_same_linters() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^ *entry: (.*)$", hooks, re.MULTILINE)
    assert [hook.replace(".venv/bin", "$(BIN)") for hook in entries] == LINTERS


def test_continuous_integration_runs_them_first() -> None:
    """And shows which tests are slow."""
    commands = re.findall(r"^make (.*?)(?:  #.*)?$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert commands.index("lint") < commands.index("test PYTEST=--durations=25")


@pytest.mark.parametrize("name", ["codespell", "shellcheck"])
def test_a_linter_sees_what_it_is_for(name: str, tmp_path: Path) -> None:
    """A word, a script of another shell: also where our own settings leave much out."""
    for settings in ("pyproject.toml", ".shellcheckrc"):
        (tmp_path / settings).write_bytes((ROOT / settings).read_bytes())
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/check-shell.sh").write_bytes((ROOT / "tools/check-shell.sh").read_bytes())
    (linter,) = (linter for linter in LINTERS if name in linter)
    assert run(linter, cwd=tmp_path).returncode == 0
    slip = "eveicer"[::-1]  # not written here, where the linter reads it too
    (tmp_path / "a").write_text(f"#!/bin/sh\n# {slip}\n[[ -n $1 ]]\n")
    assert run(linter, cwd=tmp_path).returncode != 0
