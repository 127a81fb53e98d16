"""What servers serve: the images of the recipes that are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT

from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.plan.builder import Builder
from buildlib.plan.disc import images_of
from buildlib.plan.plan import make_plan
from buildlib.plan.served import chosen_domus, package_repository, served_images
from buildlib.stages.images.image_version import ImageVersion, version_files
from buildlib.stages.images.package_repository import PackageRepo, repo_files
from buildlib.store.stat_cache import StatCache


def test_what_the_image_server_serves(tmp_path: Path) -> None:
    """The images that somebody wants: those that are named, with their kernels, and no others."""
    places = Places(PROJECT, StatCache(tmp_path / "seen"), lambda: PROJECT)
    configuration = read_configuration(Settings(), places)

    def served(names: str) -> set[str]:
        settings = replace(configuration.settings, served=names)
        plan = make_plan(replace(configuration, settings=settings))
        assert plan.graph.results["image-server"] == tuple(plan.version.values())
        return {name for name in plan.version if name.endswith(".ffs")}

    assert served("") == {f"{domu}.ffs" for domu in configuration.domus}
    assert served("nfs, sql,") == {"nfs.ffs", "sql.ffs"}
    with pytest.raises(ConfigError) as caught:
        served("sqk,nfs,base2")
    assert caught.value.reason == "served"
    assert "sqk" in caught.value.problems[1]
    assert "sql" in caught.value.problems[1], "the nearest one"


def test_the_repository_has_every_locked_package(builder: Builder) -> None:
    files = package_repository(builder)
    locked = builder.lock.packages
    refs = {item.file: OutputRef(f"fetch:{item.file}", "file") for item in locked}
    pins = {item.file: item.pin.sha512 for item in locked}
    assert builder.stages["package-lists"] == PackageRepo(refs, refs, pins)
    assert files == repo_files("package-lists", refs)
    empty = replace(builder, lock=replace(builder.lock, packages=()), stages={})
    assert package_repository(empty) == {}
    assert empty.stages == {}


def test_a_version_of_no_images(builder: Builder) -> None:
    assert served_images(builder, ()) == {}
    assert builder.stages == {}


def test_a_version_has_a_list_of_kernels(builder: Builder) -> None:
    files = served_images(builder, ("nfs",))
    folder = images_of(builder, ("nfs",))
    named = {**folder.files, "KERNELS": OutputRef("checksums:served", "kernels")}
    assert builder.stages["checksums:served"] == folder
    assert builder.stages["checksums:version"] == ImageVersion("mini", named)
    assert files == version_files("checksums:version", named)


def test_without_recipes_there_is_nothing_to_choose() -> None:
    assert chosen_domus("", ()) == ()
    with pytest.raises(ConfigError) as caught:
        chosen_domus("nfs", ())
    assert caught.value.hint == "there are none in recipes/domu"
    with pytest.raises(ConfigError) as caught:
        chosen_domus("nfs", ("a", "b"))
    assert caught.value.hint == "recipes are a, b"
