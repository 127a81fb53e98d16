"""A plan is a function of what was read: it asks the disk for nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.config.configuration import Configuration
from buildlib.config.lock import Lock
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.recipe import BootConfig
from buildlib.config.settings import Settings
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.plan.plan import make_plan
from buildlib.stages.images.iso import Iso
from buildlib.stages.inputs.checksums import Checksums
from buildlib.store.stat_cache import StatCache


def read(root: Path, folder: Path) -> Configuration:
    places = Places(root, StatCache(folder / "seen"), lambda: PROJECT)
    return read_configuration(Settings(), places)


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can ask whether a file is there."""

    def refused(*words: object, **_rest: object) -> NoReturn:
        raise AssertionError(f"the disk was asked for {words}")

    for name in ("stat", "lstat", "readlink", "scandir", "listdir", "access"):
        monkeypatch.setattr(os, name, refused)


def test_a_plan_opens_no_file(
    tmp_path: Path, opened: list[str], request: pytest.FixtureRequest
) -> None:
    configuration = read(PROJECT, tmp_path)
    make_plan(configuration)  # imports what it needs
    opened.clear()
    request.getfixturevalue("no_disk")
    plan = make_plan(configuration)
    assert opened == []
    assert "image:cd" in plan.graph.stages
    assert plan.products["iso"].folder == PROJECT / "dist"


def test_the_same_is_planned_without_the_files(tmp_path: Path) -> None:
    """Not even where they were does it look."""
    configuration = read(PROJECT, tmp_path)
    moved = replace(configuration, root=tmp_path / "nowhere")
    assert make_plan(moved).graph.stages == make_plan(configuration).graph.stages


def test_what_the_reader_found_wrong_is_told_with_the_rest(tmp_path: Path) -> None:
    (tmp_path / "sets/keys").mkdir(parents=True)
    (tmp_path / "sets/mini.toml").write_bytes((PROJECT / "sets/mini.toml").read_bytes())
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/dom0.toml").write_text(
        'sets = ["bse"]\nkernel = "K"\noverlays = ["none"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        make_plan(read(tmp_path, tmp_path))
    told = "\n".join(caught.value.problems)
    for problem in (
        "the release mini has no lock",
        "there is no folder mini",
        "there is no kernel K",
        "there is no folder none",
        "the release has no set bse; did you mean base?",
    ):
        assert problem in told


@pytest.mark.parametrize(
    ("disk", "platforms", "has_code"),
    [
        ("gpt", ("bios", "efi"), True),
        ("mbr", ("bios", "efi"), True),
        ("none", ("bios", "efi"), False),
        ("gpt", ("efi",), False),
    ],
)
def test_only_a_disk_for_bios_has_boot_code(
    disk: Any, platforms: Any, has_code: bool, tmp_path: Path
) -> None:
    configuration = read(PROJECT, tmp_path)
    recipe = configuration.recipes["dom0"]
    boot = replace(recipe.boot or BootConfig(), disk=disk, platforms=platforms, stick=None)
    recipes = {**configuration.recipes, "dom0": replace(recipe, boot=boot)}
    iso = make_plan(replace(configuration, recipes=recipes)).graph.stages["image:cd"]
    assert isinstance(iso, Iso)
    assert (iso.disk_code is not None) is has_code
    assert iso.disk == disk


def test_a_stale_lock_is_told_with_the_rest(tmp_path: Path) -> None:
    configuration = read(PROJECT, tmp_path)
    assert isinstance(configuration.lock, Lock)
    lock = replace(configuration.lock, definition="0" * 64)
    missing = (ConfigError("a file is missing"),)
    with pytest.raises(ConfigError) as error:
        make_plan(replace(configuration, lock=lock, missing=missing))
    assert len(error.value.problems) == 2
    assert error.value.problems[1] == "a file is missing"
    with pytest.raises(ConfigError, match="a file is missing"):
        make_plan(replace(configuration, missing=missing))


def test_products(configuration: Configuration) -> None:
    """The CD and each image, with what lies beside them; the mirror, from its stage."""
    plan = make_plan(configuration)
    images = {f"domu-images:{domu}": f"mini-{domu}.ffs" for domu in configuration.domus}
    assert set(plan.products) == {"mirror", "iso", *images}
    for name, base in {"iso": "mini-dom0.iso", **images}.items():
        product = plan.products[name]
        stage = "image:cd" if name == "iso" else f"image:{name.partition(':')[2]}"
        assert product.files == {
            base: OutputRef(stage, "iso" if name == "iso" else "image"),
            f"{base}.sha256": OutputRef(f"checksums:{base}", "sha256"),
            f"{base}.sha512": OutputRef(f"checksums:{base}", "sha512"),
            f"{base}.mtree": OutputRef(stage, "spec"),
        }
        assert plan.graph.stages[f"checksums:{base}"] == Checksums({base: product.files[base]})
        assert (product.record, product.labels) == (f"{base}.json", OutputRef(stage, "labels"))
        assert product.folder == configuration.root / "dist"
        assert plan.graph.results[name] == product.takes()
    assert set(plan.graph.results) == {*plan.products, "image-server", "package-repo"}
    assert plan.graph.results["package-repo"] == tuple(plan.repository.values())


def test_the_recipe_s_boot_table_is_what_the_image_supports(configuration: Configuration) -> None:
    plan = make_plan(configuration)
    assert (plan.platforms, plan.media) == (("bios", "efi"), ("cd", "disk", "usb"))
    recipe = replace(configuration.recipes["dom0"], boot=None)
    recipes = {**configuration.recipes, "dom0": recipe}
    plan = make_plan(replace(configuration, recipes=recipes))
    assert (plan.boots, plan.media) == (BootConfig(), ("cd",))


def test_a_mirror_of_your_own_is_pressed_unless_another_is_set(
    configuration: Configuration,
) -> None:
    plan = make_plan(configuration)
    assert plan.mirrors.roots == (str(plan.products["mirror"].folder),)
    assert plan.graph.after["fetch:list"] == ("mirror",)
    assert not plan.mirrors.offline
    settings = replace(configuration.settings, mirror="http://mirror.example", offline=True)
    other = make_plan(replace(configuration, settings=settings))
    assert other.mirrors.roots == ("http://mirror.example",)
    assert "fetch:list" not in other.graph.after
    assert "mirror" in other.products
    assert other.mirrors.offline
    settings = replace(configuration.settings, offline=True)
    assert make_plan(replace(configuration, settings=settings)).mirrors.offline


def test_a_release_without_a_folder_has_no_mirror(configuration: Configuration) -> None:
    release = replace(configuration.release, mirror_source="", mirrors=("http://a.example",))
    plan = make_plan(replace(configuration, release=release))
    assert "mirror" not in plan.products
    assert plan.mirrors.roots == ("http://a.example",)


def test_the_time_of_everything(configuration: Configuration) -> None:
    """SOURCE_DATE_EPOCH, even if it is 0; otherwise the lock's."""
    assert isinstance(configuration.lock, Lock)
    for given, epoch in ((None, configuration.lock.epoch), (0, 0), (7, 7)):
        plan = make_plan(replace(configuration, epoch=given))
        iso = plan.graph.stages["image:cd"]
        assert isinstance(iso, Iso)
        assert (plan.epoch, iso.time) == (epoch, epoch)


def test_a_domu_is_planned_once(configuration: Configuration) -> None:
    """Those of the CD first; an image on no CD is planned as well."""
    recipe = replace(configuration.recipes["dom0"], domus=("sql",))
    plan = make_plan(replace(configuration, recipes={**configuration.recipes, "dom0": recipe}))
    images = [name for name in plan.graph.stages if name.startswith("image:")]
    others = [f"image:{domu}" for domu in configuration.domus if domu != "sql"]
    assert images == ["image:sql", *others, "image:cd"]
