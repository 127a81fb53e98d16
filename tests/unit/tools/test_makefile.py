"""The Makefile passes settings on to doit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout whose doit prints its arguments."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    for folder in ("tools", "recipes"):
        (tmp_path / folder).mkdir()
    (tmp_path / "recipes/dom0.toml").touch()
    for name in ("host-tools.sh", "venv.sh"):
        (tmp_path / "tools" / name).write_text("exit 0\n")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text(
        '#!/bin/sh\n[ "$1 $2" = "-m doit" ] || exit 9\nshift 2\nprintf "%s\\n" "$@"\n'
    )
    python.chmod(0o755)
    for name in ("made", "ready", "ready-test"):
        (tmp_path / ".venv" / name).touch()
    return tmp_path


@pytest.mark.programs
@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["iso"], ["iso"]),
        (["iso", "release=nope"], ["iso", "release=nope"]),
        (["iso", "relaese=mini", "DIOT=1"], ["iso", "DIOT=1", "relaese=mini"]),
        (["verify", "dist=a  b'c", "DOIT=--x y"], ["verify", "dist=a  b'c", "--x", "y"]),
        (["iso", "PYTHON=python3"], ["iso"]),
    ],
    ids=["nothing", "a setting", "no settings", "odd texts", "make's own"],
)
def test_settings_are_handed_on(project: Path, words: list[str], given: list[str]) -> None:
    ran = subprocess.run(
        ["make", "-s", *words],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "release": "of-the-shell"},
    )
    told = ran.stdout.splitlines()
    assert sorted(told) == sorted(given)
