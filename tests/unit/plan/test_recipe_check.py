"""Recipes that name what is not there, or put two things in one place."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildlib.config.boot_test import Stick
from buildlib.config.external_program import Hypervisor
from buildlib.config.project import Project
from buildlib.config.recipe import BootConfig, Recipe, Release
from buildlib.engine.stage import SourceTree
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load
from buildlib.plan.recipe_check import read_recipes, recipe_problems
from buildlib.plan.tree_check import _overlays
from buildlib.stages.system.root import Root
from buildlib.store.stat_cache import StatCache

MINI = tomllib.loads((Path(__file__).parents[3] / "sets/mini.toml").read_text())
RELEASE = load(Release, MINI, where="mini.toml")
DOM0 = Recipe(("base",), "K", overlays=("dom0/overlay",))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for path in ("recipes/dom0/overlay", "recipes/domu", "kernel-configs"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "kernel-configs/K").touch()
    (tmp_path / "recipes/domu/a.toml").touch()
    return Project(tmp_path, StatCache(tmp_path / "seen"))


def told(project: Project, recipe: Recipe = DOM0, **domus: Recipe) -> list[str]:
    recipes = {"dom0": recipe, **{f"domu/{name}": domu for name, domu in domus.items()}}
    return [line for error in recipe_problems(project, RELEASE, recipes) for line in error.told()]


def test_a_recipe_that_is_right(project: Project) -> None:
    boots = BootConfig(stick=Stick("K"))
    assert told(project, replace(DOM0, boot=boots, domus=("a",), keep={"a": "etc/b"}),
                a=Recipe(("base",), "K", kernel_path="boot/xen.gz")) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kernel_path": "boot/xen.gz"}, "kernel_path: boot/xen.gz: the hypervisor is at boot/xen"),
        ({"kernel_path": "boot/xen.gz/x"}, "kernel_path: boot/xen.gz/x: the hypervisor is at boot"),
        ({"kernel_path": "boot/grub/grub.cfg"}, "boot/grub/grub.cfg: GRUB's menu is at boot/grub"),
        ({"kernel_path": "boot/grub/efi.img"}, "boot/grub/efi.img: what starts the disc is at"),
        ({"keep": {"a": "boot/grub/boot.cat"}}, "keep.a: boot/grub/boot.cat: what starts the disc"),
        ({"keep": {"a": "netbsd/x"}}, "keep.a: netbsd/x: the kernel is at netbsd"),
        ({"keep": {"a": "netbsd.stick"}, "boot": BootConfig(stick=Stick("K"))},
         "keep.a: netbsd.stick: the kernel for sticks is at netbsd.stick"),
        ({"keep": {"a": "usr/share/goldmaster/root.mtree"}}, "the list of all files is at usr/sha"),
        ({"keep": {"a": "images/KERNELS"}, "domus": ("a",)}, "the folder of images is at images"),
        ({"kernel": "L"}, "kernel-configs: there is no kernel L (known: K)"),
        ({"boot": BootConfig(stick=Stick("L"))}, "kernel-configs: there is no kernel L (known: K)"),
        ({"sets": ("bse",)}, "dom0.toml: sets: the release has no set bse; did you mean base?"),
        ({"overlays": ("dom0/ovrlay",)},
         "overlays[0]: there is no folder dom0/ovrlay; did you mean dom0/overlay? (known: dom0/ov"),
        ({"overlays": ("domu",)}, "dom0.toml: overlays[0]: domu has recipes in it (a.toml)"),
        ({"hypervisor": Hypervisor(file="xen.gz", sha256="a" * 64)},
         "dom0.toml: hypervisor.file: there is no file xen.gz"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_lies_in_the_place_of_something_else_or_nowhere(
    project: Project, changes: dict[str, Any], problem: str
) -> None:
    found = told(project, replace(DOM0, **changes))
    assert problem in found[0]


def test_files_in_the_folder_of_recipes_that_are_none(project: Project) -> None:
    recipes = project.root / "recipes"
    (recipes / "dom0.toml").write_text('sets = ["base"]\nkernel = "K"\n')
    (recipes / "domu/a.toml").write_text('sets = ["base"]\nkernel = "K"\n')
    (recipes / "domu/.#a.toml").symlink_to("me@host.1234")
    (recipes / "domu/a b.toml").touch()
    problems: list[ConfigError] = []
    assert list(read_recipes(project, problems)) == ["dom0", "domu/a"]
    assert [line for error in problems for line in error.told()] == [
        ("recipes/domu/a b.toml: a domU cannot be called so: name 'a b': letters, digits and . _ + "
         "- only, not first")]


def test_what_the_folder_of_images_cannot_hold(project: Project) -> None:
    (project.root / "kernel-configs/a.ffs").touch()
    domu = Recipe(("base",), "a.ffs", free="4g")
    assert told(project, replace(DOM0, domus=("a",)), a=domu) == [
        "recipes/domu/a.toml: kernel: a kernel named a.ffs has an image's name",
        ("recipes/domu/a.toml: free: the image of a cannot be put on a CD (4g are free in it, and "
         "a CD has 32 bits for a file's size: 4 GiB)")]
    assert told(project, a=replace(domu, kernel="K")) == [], "it is not on the CD"


def test_an_overlay_that_leads_elsewhere(project: Project, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (project.root / "recipes/out").symlink_to(tmp_path / "secret")
    (problem,) = told(project, replace(DOM0, overlays=("out",)))
    assert "overlays[0]: out is a link that leads out of the recipes" in problem


def test_times_that_an_image_cannot_have(project: Project) -> None:
    """A CD has other years than an FFS image; an overlay of both must have those of both."""
    (project.root / "recipes/dom0/overlay.mtree").write_text(
        "./a type=dir time=2147483648.0\n./b type=dir time=-2208988801.0\n")
    both = told(project, a=replace(DOM0, kernel="K"))
    assert [line.partition(": ")[2][:22] for line in both] == [
        "b: the time -220898880", "line 1: a: the time 21", "line 2: b: the time -2"]


def test_files_that_no_disc_can_hold(tmp_path: Path) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(1 << 32)
    (folder / "netbsd").touch()
    stage = Root(layers=(), overlays=(SourceTree(folder, "recipes/overlay"),), time=1)
    assert [line for error in _overlays(stage, stage) for line in error.told()] == [
        ("recipes/overlay/large: a file of 4294967296 bytes cannot be put on a CD (ISO 9660 has 32 "
         "bits for a file's size: 4 GiB)")]
    assert list(_overlays(stage, None)) == []
