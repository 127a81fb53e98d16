"""A new project: its recipes are those that ship, but for where things are."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from buildlib.cli.commands.init import DODO, SETTINGS, Init, named
from buildlib.cli.main import BACKENDS, COMMANDS, LOADER
from buildlib.config.reading.shipped import shipped_recipes
from buildlib.config.recipe import Recipe
from buildlib.model.schema import load

RECIPES = {name: text for name, text in shipped_recipes().items() if "accounts" not in name}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_what_ships(name: str) -> None:
    text = RECIPES[name]
    before, after = (load(Recipe, tomllib.loads(one), where=name) for one in (text, named(text)))
    boot = before.boot
    if boot and boot.stick:
        stick = replace(boot.stick, kernel=f"goldmaster:{boot.stick.kernel}")
        boot = replace(boot, stick=stick)
    assert after == replace(
        before,
        kernel=f"goldmaster:{before.kernel}",
        overlays=tuple(f"goldmaster:{overlay}" for overlay in before.overlays),
        boot=boot,
    )
    assert named(text).replace("goldmaster:", "") == text, "comments stay"


def test_the_release_ships_too() -> None:
    assert tomllib.loads(SETTINGS) == {"release": "goldmaster:mini"}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def run(*names: str, copy: bool = False) -> int:
    return Init().execute({"copy": copy}, list(names))


def test_a_new_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("new/one") == 0
    folder = project / "new/one"
    assert capsys.readouterr().out.startswith("new/one is ready: run `goldmaster iso` there")
    assert files(folder) == {
        "dodo.py",
        ".gitignore",
        "pyproject.toml",
        "recipes/settings.toml",
        *shipped_recipes(),
    }
    assert (folder / "dodo.py").read_text() == DODO
    settings = tomllib.loads((folder / "pyproject.toml").read_text())
    assert settings["tool"]["doit"] == {
        "loader": "goldmaster",
        "plugins": {"loader": {"goldmaster": LOADER}, "command": COMMANDS, "backend": BACKENDS},
    }
    assert "goldmaster:" in (folder / "recipes/dom0.toml").read_text()


@pytest.mark.parametrize("names", [("new", "--copy"), ("--copy", "new"), ("new",)])
def test_a_project_with_copies(project: Path, names: tuple[str, ...]) -> None:
    assert run(*names, copy="--copy" not in names) == 0
    assert (project / "new/sets/mini.toml").is_file()
    assert (project / "new/dodo.py").is_file()
    assert "goldmaster:" not in (project / "new/recipes/dom0.toml").read_text()


def test_an_empty_folder_may_exist(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "empty").mkdir()
    assert run("empty") == 0
    (project / "full").mkdir()
    (project / "full/file").touch()
    (project / "file").touch()
    for name in ("full", "file"):
        assert run(name) == 3
        assert "the folder of a new project must be empty" in capsys.readouterr().err
    assert files(project / "full") == {"file"}


@pytest.mark.parametrize("names", [(), ("a", "b")])
def test_it_takes_one_folder(
    names: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*names) == 3
    assert f"it was given {' '.join(names) or 'nothing'}" in capsys.readouterr().err
    assert files(project) == set()
