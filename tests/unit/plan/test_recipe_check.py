"""Recipes with missing names, or with two things at one path."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.checkouts.configurations import configuration_of

from buildlib.config.boot_test import Stick
from buildlib.config.external_program import Hypervisor
from buildlib.config.reading.named_files import NamedFiles
from buildlib.config.reading.places import Places
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.config.release import Release
from buildlib.engine.stage import SourceTree
from buildlib.model.schema import load
from buildlib.operations.preflight.tree_check import _overlays
from buildlib.plan.recipe_check import recipe_problems
from buildlib.stages.system.root import Root, Text
from buildlib.store.stat_cache import StatCache

PROJECT = Path(__file__).parents[3]
MINI = tomllib.loads((PROJECT / "sets/mini.toml").read_text())
RELEASE = load(Release, MINI, where="mini.toml")
DOM0 = Recipe(("base",), "K", overlays=("dom0/overlay",))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path in ("recipes/dom0/overlay", "recipes/domu", "kernel-configs"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "kernel-configs/K").touch()
    (tmp_path / "recipes/domu/a.toml").touch()
    return tmp_path


def told(project: Path, recipe: Recipe = DOM0, **domus: Recipe) -> list[str]:
    recipes = {"dom0": recipe, **{f"domu/{name}": domu for name, domu in domus.items()}}
    named = NamedFiles(Places(project, StatCache(project / "seen"), lambda: PROJECT))
    for name, one in recipes.items():
        named.of_recipe(name, one)
    errors = [*named.missing, *recipe_problems(RELEASE, recipes, named.overlays)]
    return [line for error in errors for line in error.told()]


def test_a_recipe_that_is_right(project: Path) -> None:
    boots = BootConfig(stick=Stick("K"))
    assert (
        told(
            project,
            replace(DOM0, boot=boots, domus=("a",), keep={"a": "etc/b"}),
            a=Recipe(("base",), "K", kernel_path="boot/xen.gz"),
        )
        == []
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kernel_path": "boot/xen.gz"}, "kernel_path: boot/xen.gz: the hypervisor is at boot/xen"),
        ({"kernel_path": "boot/xen.gz/x"}, "kernel_path: boot/xen.gz/x: the hypervisor is at boot"),
        ({"kernel_path": "boot/grub/grub.cfg"}, "boot/grub/grub.cfg: GRUB's menu is at boot/grub"),
        (
            {"kernel_path": "boot/grub/efi.img"},
            "boot/grub/efi.img: a boot image or the boot catalog is at",
        ),
        (
            {"keep": {"a": "boot/grub/boot.cat"}},
            "keep.a: boot/grub/boot.cat: a boot image or the boot catalog",
        ),
        ({"keep": {"a": "netbsd/x"}}, "keep.a: netbsd/x: the kernel is at netbsd"),
        (
            {"keep": {"a": "netbsd.stick"}, "boot": BootConfig(stick=Stick("K"))},
            "keep.a: netbsd.stick: the kernel for sticks is at netbsd.stick",
        ),
        ({"keep": {"a": "usr/share/goldmaster/root.mtree"}}, "the list of all files is at usr/sha"),
        ({"keep": {"a": "images/KERNELS"}, "domus": ("a",)}, "the folder of images is at images"),
        ({"kernel": "L"}, "kernel-configs: there is no kernel L (known: K)"),
        ({"boot": BootConfig(stick=Stick("L"))}, "kernel-configs: there is no kernel L (known: K)"),
        ({"sets": ("bse",)}, "dom0.toml: sets: the release has no set bse; did you mean base?"),
        (
            {"overlays": ("dom0/ovrlay",)},
            (
                "overlays[0]: there is no folder dom0/ovrlay; did you mean dom0/overlay? "
                "(known: dom0/ov"
            ),
        ),
        ({"overlays": ("domu",)}, "dom0.toml: overlays[0]: domu contains recipes (a.toml)"),
        (
            {"hypervisor": Hypervisor(file="xen.gz", sha256="a" * 64)},
            "dom0.toml: hypervisor.file: there is no file xen.gz",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_lies_in_the_place_of_something_else_or_nowhere(
    project: Path, changes: dict[str, Any], problem: str
) -> None:
    found = told(project, replace(DOM0, **changes))
    assert problem in found[0]


def test_files_in_the_folder_of_recipes_that_are_none(project: Path) -> None:
    recipes = project / "recipes"
    (recipes / "dom0.toml").write_text('sets = ["base"]\nkernel = "K"\n')
    (recipes / "domu/a.toml").write_text('sets = ["base"]\nkernel = "K"\n')
    (recipes / "domu/.#a.toml").symlink_to("me@host.1234")
    (recipes / "domu/a b.toml").touch()
    found = configuration_of(project, RELEASE)
    assert list(found.recipes) == ["dom0", "domu/a"]
    assert [line for error in found.unread for line in error.told()] == [
        (
            "recipes/domu/a b.toml: this is not a valid name for a domU: name 'a b': use only "
            "letters, "
            "digits and . _ + -; begin with a letter or digit"
        )
    ]


def test_what_the_folder_of_images_cannot_hold(project: Path) -> None:
    (project / "kernel-configs/a.ffs").touch()
    domu = Recipe(("base",), "a.ffs", free="4g")
    assert told(project, replace(DOM0, domus=("a",)), a=domu) == [
        "recipes/domu/a.toml: kernel: a kernel named a.ffs has an image's name",
        (
            "recipes/domu/a.toml: free: the image of a cannot be put on a CD (4g of it are free, "
            "but a CD has 32 bits for a file's size: 4 GiB)"
        ),
    ]
    assert told(project, a=replace(domu, kernel="K")) == [], "it is not on the CD"


def test_an_overlay_that_leads_elsewhere(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (project / "recipes/out").symlink_to(tmp_path / "secret")
    (problem,) = told(project, replace(DOM0, overlays=("out",)))
    assert "overlays[0]: out is a link that leads out of the recipes" in problem


def test_times_that_an_image_cannot_have(project: Path) -> None:
    """A CD can record other years than an FFS image; a shared overlay must satisfy both."""
    (project / "recipes/dom0/overlay.mtree").write_text(
        "./a type=dir time=2147483648.0\n./b type=dir time=-2208988801.0\n"
    )
    both = told(project, a=replace(DOM0, kernel="K"))
    assert [line.partition(": ")[2][:22] for line in both] == [
        "b: the time -220898880",
        "a: the time 2147483648",
        "b: the time -220898880",
    ]


def test_the_first_and_the_last_time_of_a_disc(project: Path) -> None:
    times = (-2_208_988_800, 5_869_583_999, 5_869_584_000)
    lines = [f"./{name} type=dir time={time}.0\n" for name, time in zip("abc", times, strict=True)]
    (project / "recipes/dom0/overlay.mtree").write_text("".join(lines))
    (line,) = told(project)
    assert line.partition(": ")[2].startswith("c: the time 5869584000 ")


def test_files_that_no_disc_can_hold(tmp_path: Path) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(1 << 32)
    (folder / "netbsd").touch()
    stage = Root(layers=(), overlays=(SourceTree(folder, "recipes/overlay"),), time=1)
    assert [line for error in _overlays(stage, stage) for line in error.told()] == [
        (
            "recipes/overlay/large: a file of 4294967296 bytes cannot be put on a CD (ISO 9660 has "
            "32 bits for a file's size: 4 GiB)"
        )
    ]
    assert list(_overlays(stage, None)) == []


def test_a_file_of_an_overlay_where_a_generated_text_lies(tmp_path: Path) -> None:
    """The text of a system's own stage, and those that the disc adds to dom0's."""
    folder = tmp_path / "overlay"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/motd").touch()
    (folder / "menu").touch()
    stage = Root(
        layers=(),
        overlays=(SourceTree(folder, "recipes/overlay"),),
        time=1,
        texts={"etc/motd": Text("motd", "Hello\n")},
    )
    motd, menu = (
        f"recipes/overlay/{path}: {path}: the {what} is at this path"
        for path, what in (("etc/motd", "motd"), ("menu", "menu"))
    )
    disc = Root(layers=(), overlays=(), time=1, texts={"menu": Text("menu", "")})
    assert [error.told()[0] for error in _overlays(stage, None)] == [motd]
    assert [error.told()[0] for error in _overlays(stage, disc)] == [motd, menu]
