"""The virtual environment that make manages: for this folder, with a new enough Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.programs

SCRIPT = Path(__file__).resolve().parents[3] / "tools" / "venv.sh"
BASE = Path(sys.base_prefix) / "bin" / "python3"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout's folder."""
    folder = tmp_path / "a 'b\" $c %d"
    folder.mkdir()
    return folder


def fake(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def python(tmp_path: Path) -> str:
    """This Python, creating environments without pip, which would take seconds."""
    return fake(
        tmp_path,
        "python3",
        f"""\
case $* in
"-m venv "*) shift 2; exec '{BASE}' -m venv --without-pip "$@" ;;
*) exec '{BASE}' "$@" ;;
esac""",
    )


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", SCRIPT, *words], cwd=place, capture_output=True, text=True)


def made(place: Path) -> str:
    return (place / ".venv/made").read_text()


def test_it_is_made_once(place: Path, python: str) -> None:
    assert run(place, python).returncode == 0
    first = (place / ".venv/made").stat().st_mtime_ns
    assert made(place).splitlines()[0] == str(place)
    for words in ((python,), ()):  # this one works, whatever the host's python3 is
        done = run(place, *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (place / ".venv/made").stat().st_mtime_ns == first


def test_an_old_python_is_reported_before_anything_is_made(
    place: Path, python: str, tmp_path: Path
) -> None:
    old = fake(
        tmp_path,
        "python3.10",
        'case $* in *print*) echo "3.10 /usr" ;; *"< (3, 11)"*) exit 1 ;; esac',
    )
    for words in ((old,), ("--check", old)):
        done = run(place, *words)
        assert done.returncode == 1
        assert f"Python 3.11 or newer is needed, {old} is version 3.10" in done.stderr
        assert not (place / ".venv").exists()
    assert run(place, "--check", python).returncode == 0
    assert not (place / ".venv").exists()
    assert run(place, python).returncode == 0


@pytest.mark.parametrize("how", ["copied", "moved", "python gone", "python new", "another"])
def test_one_that_is_not_of_here_is_made_again(
    place: Path, python: str, tmp_path: Path, how: str
) -> None:
    run(place, python)
    where, words = place, [python]
    if how in {"copied", "moved"}:
        where = tmp_path / "elsewhere"
        subprocess.run(
            ["cp" if how == "copied" else "mv", *["-a"] * (how == "copied"), place, where],
            check=True,
        )
    elif how == "python gone":
        (where / ".venv/bin/python").unlink()
        (where / ".venv/bin/python").symlink_to("/nonexistent/python3")
    else:
        other = fake(
            tmp_path,
            "python3.99",
            f"""\
case $* in *print*) echo "3.99 /usr" ;; *) exec '{python}' "$@" ;; esac""",
        )
        if how == "another":
            words = [other]
        else:
            (where / ".venv/bin/python").unlink()
            (where / ".venv/bin/python").symlink_to(other)
    (where / ".venv/mark").touch()
    done = run(where, *words)
    assert done.returncode == 0, done.stderr
    assert "creating it again" in done.stdout
    assert not (where / ".venv/mark").exists()
    assert made(where).splitlines()[0] == str(where)


def test_no_python_and_no_venv(place: Path, tmp_path: Path) -> None:
    done = run(place, "/nonexistent/python3")
    assert done.returncode == 1
    assert "cannot be run" in done.stderr
    bare = fake(
        tmp_path,
        "python3.12",
        f"""\
case $* in "-m venv"*) echo "No module named ensurepip" >&2; exit 1 ;;
*) exec '{BASE}' "$@" ;; esac""",
    )
    done = run(place, bare)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
