"""The library as a package: what it holds, that it makes a project, and the same CD."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT, Ran, Scratch, digest, leave_two_domus, surroundings

from buildlib.cli.main import BACKENDS, COMMANDS, LOADER

# What a change of one file of dom0's overlay builds, and products whose records tell the version.
READS_IT = {"root:dom0", "tree:cd", "image:cd", "checksums:mini-dom0.iso"}
RECORDS = {"iso", "domu-images:base", "domu-images:pkgrepo"}


def run(*words: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    ran = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment or {**os.environ, "PYTHONPATH": ""},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which nothing is built."""
    root = tmp_path_factory.mktemp("sources") / "goldmaster"
    shutil.copytree(
        PROJECT,
        root,
        symlinks=True,
        ignore=shutil.ignore_patterns(
            ".venv", ".git", "build", "dist", "__pycache__", ".*_cache", ".hypothesis"
        ),
    )
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
    manuals = {name.partition(".data/data/")[2] for name in wheel if "/share/man/" in name}
    assert manuals == {
        "share/man/man1/goldmaster.1",
        "share/man/man5/goldmaster-recipe.5",
        "share/man/man5/goldmaster-site.5",
    }
    with tarfile.open(packages[1]) as archive:
        names = {member.name.partition("/")[2] for member in archive}
        assert {
            "dodo.py",
            "Makefile",
            "tests/conftest.py",
            "docs/netbsd.md",
            "buildlib/starter.tar.gz",
        } <= names
        for member in archive:  # else pip does not unpack it
            assert not member.name.startswith("/")
            assert not member.linkname.startswith("/")


@dataclass(frozen=True)
class Installed:
    """A package in a place of its own."""

    place: Path

    def install(self, wheel: Path) -> None:
        words = ("install", "--quiet", "--no-deps", "--upgrade", "--target", self.place)
        run("-m", "pip", *words, wheel, cwd=wheel.parent)

    def goldmaster(self, *words: str | Path, cwd: Path) -> str:
        start = "from buildlib.cli.main import main; raise SystemExit(main())"
        environment = surroundings({"PYTHONPATH": str(self.place)})
        return run("-c", start, *words, cwd=cwd, environment=environment)


@pytest.fixture
def installed(packages: tuple[Path, Path], tmp_path: Path) -> Installed:
    """The wheel, installed."""
    package = Installed(tmp_path / "installed")
    package.install(packages[0])
    return package


def next_version(checkout: Path, folder: Path, file: str) -> Path:
    """The wheel of a next version, which has changed one file."""
    shutil.copytree(checkout, folder, symlinks=True)
    with (folder / file).open("a") as changed:
        changed.write("# Changed.\n")
    init = folder / "buildlib/__init__.py"
    text, count = re.subn('__version__ = ".*"', '__version__ = "99.0"', init.read_text())
    assert count == 1
    init.write_text(text)
    out = folder.parent / "next"
    run("-m", "build", "--no-isolation", "--wheel", "--outdir", out, ".", cwd=folder)
    (wheel,) = out.glob("*.whl")
    return wheel


def test_a_project_of_the_package(
    checkout: Path, installed: Installed, tmp_path: Path, template: Scratch
) -> None:
    """It presses the CD of the checkout; an update of the package builds what has changed."""
    project = tmp_path / "project"
    installed.goldmaster("init", project, cwd=tmp_path)
    assert {path.name for path in project.iterdir()} == {
        ".gitignore",
        "dodo.py",
        "pyproject.toml",
        "recipes",
    }
    table = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["doit"]
    assert table["plugins"] == {
        "loader": {"goldmaster": LOADER},
        "command": COMMANDS,
        "backend": BACKENDS,
    }
    leave_two_domus(project / "recipes")
    environment = surroundings({"PYTHONPATH": str(installed.place)})
    run("-m", "doit", "iso", "domu-images", cwd=project, environment=environment)
    product = project / "dist/mini-dom0.iso"
    assert digest(product) == digest(template.product())
    assert installed.goldmaster("iso", cwd=project) == ""

    (unpacked,) = (project / "build/work").glob("shipped-*/recipes/dom0/overlay/etc/rc.conf")
    unpacked.write_text("sshd=YES\n")
    told = installed.goldmaster("iso", cwd=project)
    assert "recipes/dom0/overlay/etc/rc.conf changed since it was made; making it again" in told
    assert "built" not in told
    assert digest(product) == digest(template.product())

    file = "recipes/dom0/overlay/etc/rc.conf"
    installed.install(next_version(checkout, tmp_path / "next-sources", file))
    told = installed.goldmaster("why", cwd=project)
    assert "file goldmaster:dom0/overlay/etc/rc.conf changed" in told
    told = installed.goldmaster("iso", "domu-images", "progress=json", cwd=project)
    assert Ran(0, told, "").built == READS_IT | RECORDS
    assert json.loads(product.with_name(f"{product.name}.json").read_text())["package"] == (
        "goldmaster 99.0"
    )
    assert installed.goldmaster("iso", "domu-images", cwd=project) == ""


def test_a_project_that_has_copies(checkout: Path, installed: Installed, tmp_path: Path) -> None:
    project = tmp_path / "project"
    installed.goldmaster("init", "--copy", project, cwd=tmp_path)
    for folder in ("recipes", "sets", "kernel-configs"):
        assert files_of(project / folder) == files_of(checkout / folder)
    listed = installed.goldmaster("list", cwd=project)
    assert "iso" in listed
    assert not list((project / "build/work").glob("shipped-*"))


def files_of(folder: Path) -> dict[str, tuple[str, bool]]:
    """Path to content, or where a link leads, and whether it can be run."""
    return {
        path.relative_to(folder).as_posix(): (
            os.readlink(path) if path.is_symlink() else digest(path),
            bool(path.lstat().st_mode & 0o100),
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_this_checkout_has_the_same_table() -> None:
    table = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["doit"]["plugins"]
    assert table == {"loader": {"goldmaster": LOADER}, "command": COMMANDS, "backend": BACKENDS}


def test_a_project_is_made_in_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    start = "from buildlib.cli.main import main; raise SystemExit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", start, "init", tmp_path],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        env=surroundings({"PYTHONPATH": str(PROJECT)}),
    )
    assert ran.returncode == 3
    assert "the folder of a new project must be empty" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
