"""The library as a package: what it holds, that it makes a project, and the same CD."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, Scratch, digest, leave_two_domus, surroundings

from buildlib.cli.main import BACKENDS, COMMANDS, LOADER


def run(*words: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    ran = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True,
                         env=environment or {**os.environ, "PYTHONPATH": ""})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which nothing is built."""
    root = tmp_path_factory.mktemp("sources") / "goldmaster"
    shutil.copytree(PROJECT, root, symlinks=True, ignore=shutil.ignore_patterns(
        ".venv", ".git", "build", "dist", "__pycache__", ".*_cache", ".hypothesis"))
    return root


@pytest.fixture(scope="module")
def packages(checkout: Path) -> tuple[Path, Path]:
    """The wheel, made from the source archive, and that archive."""
    before = sorted(path for path in checkout.rglob("*") if "__pycache__" not in path.parts)
    out = checkout.parent / "out"
    told = run("-m", "build", "--no-isolation", "--outdir", out, ".", cwd=checkout)
    assert "warning" not in told.lower()
    after = sorted(path for path in checkout.rglob("*") if "__pycache__" not in path.parts)
    assert after == before, "making packages leaves nothing in the checkout"
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, archive


def test_the_index_takes_them(packages: tuple[Path, Path]) -> None:
    told = run("-m", "twine", "check", "--strict", *packages, cwd=packages[0].parent)
    assert told.count("PASSED") == 2


def test_what_is_in_them(packages: tuple[Path, Path]) -> None:
    wheel = set(zipfile.ZipFile(packages[0]).namelist())
    assert {"buildlib/py.typed", "buildlib/starter.tar.gz", "buildlib/cli/main.py"} <= wheel
    assert not [name for name in wheel if not name.startswith(("buildlib/", "goldmaster-"))]
    with tarfile.open(packages[1]) as archive:
        names = {member.name.partition("/")[2] for member in archive}
        assert {"dodo.py", "Makefile", "tests/conftest.py", "docs/netbsd.md",
                "buildlib/starter.tar.gz"} <= names
        for member in archive:  # else pip does not unpack it
            assert not member.name.startswith("/")
            assert not member.linkname.startswith("/")


def test_a_project_of_the_package_presses_the_same_cd(
    packages: tuple[Path, Path], tmp_path: Path, template: Scratch
) -> None:
    place, project = tmp_path / "installed", tmp_path / "project"
    run("-m", "pip", "install", "--quiet", "--no-deps", "--target", place, packages[0],
        cwd=tmp_path)
    environment = surroundings({"PYTHONPATH": str(place)})
    start = "from buildlib.cli.main import main; raise SystemExit(main())"
    run("-c", start, "init", project, cwd=tmp_path, environment=environment)
    table = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["doit"]
    assert table["plugins"] == {"loader": {"goldmaster": LOADER}, "command": COMMANDS,
                                "backend": BACKENDS}
    leave_two_domus(project / "recipes")
    run("-m", "doit", "iso", cwd=project, environment=environment)
    assert digest(project / "dist/mini-dom0.iso") == digest(template.product())
    assert run("-c", start, "iso", cwd=project, environment=environment) == ""


def test_this_checkout_has_the_same_table() -> None:
    table = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["doit"]["plugins"]
    assert table == {"loader": {"goldmaster": LOADER}, "command": COMMANDS, "backend": BACKENDS}


def test_a_project_is_made_in_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    start = "from buildlib.cli.main import main; raise SystemExit(main())"
    ran = subprocess.run([sys.executable, "-c", start, "init", tmp_path], cwd=tmp_path, text=True,
                         capture_output=True, env=surroundings({"PYTHONPATH": str(PROJECT)}))
    assert ran.returncode == 3
    assert "the folder of a new project must be empty" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
