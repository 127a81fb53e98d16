"""Names of the project's own, and of what comes with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildlib.config.configuration import Place
from buildlib.config.reading.places import Places
from buildlib.config.reading.shipped import PACKAGE
from buildlib.model.errors import ConfigError
from buildlib.store.stat_cache import StatCache


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for path in ("own/sets", "package/sets/mini", "package/recipes", "elsewhere"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("own/sets/fleet.toml", "package/sets/mini.toml", "package/sets/mini.lock"):
        (tmp_path / path).touch()
    return Places(tmp_path / "own", StatCache(tmp_path / "seen"), lambda: tmp_path / "package")


def test_where_a_name_leads(places: Places, tmp_path: Path) -> None:
    assert places.place("recipes", "a/overlay") == Place(
        tmp_path / "own/recipes/a/overlay", "recipes/a/overlay"
    )
    assert places.package == ""
    assert places.place("recipes", "goldmaster:a/overlay") == Place(
        tmp_path / "package/recipes/a/overlay", "goldmaster:a/overlay"
    )
    assert places.package == PACKAGE


def test_a_name_never_means_the_other(places: Places) -> None:
    places.known("release", "sets", "fleet", ".toml")
    places.known("release", "sets", "goldmaster:mini", ".toml")
    for name in ("mini", "goldmaster:fleet", "goldmaster:sub/mini", "../sets/fleet"):
        with pytest.raises(ConfigError, match=f"there is no release {name}"):
            places.known("release", "sets", name, ".toml")


@pytest.mark.parametrize(
    ("name", "told", "where"),
    [
        ("fleat", "; did you mean fleet?", "sets"),
        ("mini", "; did you mean goldmaster:mini?", "sets"),
        ("mni", "; did you mean goldmaster:mini?", "sets"),
        ("goldmaster:mni", "; did you mean goldmaster:mini?", f"{PACKAGE}: sets"),
        ("goldmaster:fleet", "", f"{PACKAGE}: sets"),
    ],
)
def test_what_is_nearest(places: Places, name: str, told: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        places.known("release", "sets", name, ".toml")
    assert caught.value.what == f"there is no release {name}{told}"
    assert (caught.value.where, caught.value.reason) == (where, "unknown-release")


def test_what_cannot_ship_is_not_looked_for_there(places: Places) -> None:
    with pytest.raises(ConfigError, match="there is no recipe mini\n"):
        places.known("recipe", "sets", "mini", ".toml", may_ship=False)
    assert places.package == ""


def test_beside_a_definition_of_the_project(places: Places, tmp_path: Path) -> None:
    definition = places.known("release", "sets", "fleet", ".toml")
    assert places.beside(definition, "keys/a.asc").name == "sets/keys/a.asc"
    other = places.named(tmp_path / "elsewhere/x.toml")
    assert places.beside(other, "a.asc") == Place(tmp_path / "elsewhere/a.asc", "a.asc")
    assert places.package == ""


def test_beside_a_definition_that_ships(places: Places, tmp_path: Path) -> None:
    """What `doit lock` writes lies in the project, and comes before what ships."""
    definition = places.known("release", "sets", "goldmaster:mini", ".toml")
    assert places.beside(definition, "mini").name == "goldmaster:mini"
    assert places.beside(definition, "mini.lock").name == "goldmaster:mini.lock"
    assert places.beside(definition, "key.asc").name == "sets/key.asc"
    own = tmp_path / "own/sets/mini.lock"
    assert str(own) in places.seen.looked, "the next run looks whether it came"
    own.touch()
    assert places.beside(definition, "mini.lock") == Place(own, "sets/mini.lock")


def test_only_the_same_name_ships_where_the_project_has_one_like_it(
    places: Places, tmp_path: Path
) -> None:
    for path in ("own/sets/minu.toml", "package/sets/minj.toml", "package/sets/zini.toml"):
        (tmp_path / path).touch()
    for name, meant in (("mini", "goldmaster:mini"), ("minx", "minu")):
        with pytest.raises(ConfigError) as caught:
            places.known("release", "sets", name, ".toml")
        assert caught.value.what.endswith(f"did you mean {meant}?")
