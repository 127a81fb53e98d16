"""Plans of systems: their layers, packages, overlays and kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buildlib.config.lock import LockedPackage, Pinned
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.engine.stage import OutputRef, SourceTree
from buildlib.plan.builder import Builder
from buildlib.plan.systems import add_root, installing, root_image, staged_packages
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.system.manifest import Audit
from buildlib.stages.system.package_install import Installing
from buildlib.stages.system.packages import Packages
from buildlib.stages.system.root import Root

PIN = Pinned("0" * 128, "0" * 64, 5)
BOTH = LockedPackage("a-1", "x/a", "a-1.tgz", PIN, ("dom0", "domu/nfs"), ("dom0",))
ONE = LockedPackage("b-2", "x/b", "b-2.tgz", PIN, ("domu/nfs",), ("domu/nfs",))
RECIPE = Recipe(
    ("base",),
    "XEN3_DOMU_RO",
    kernel_path="boot/netbsd",
    outside=("etc/rc.d",),
    overlays=("server/overlay",),
    remove=("etc/motd",),
    keep={"etc/rc": "etc/rc.old"},
    free="10%",
)


def planned(builder: Builder, name: str, recipe: Recipe, *packages: LockedPackage) -> Builder:
    recipes = {**builder.recipes, name: recipe}
    configuration = replace(builder.configuration, recipes=recipes)
    lock = replace(builder.lock, packages=packages)
    return replace(builder, configuration=configuration, lock=lock)


def root_of(builder: Builder, name: str) -> Root:
    stage = builder.stages[name]
    assert isinstance(stage, Root)
    return stage


def test_a_recipe_has_the_packages_that_are_locked_for_it(builder: Builder) -> None:
    """Those that it does not name are installed as dependencies."""
    some = planned(builder, "domu/nfs", RECIPE, BOTH, ONE)
    assert staged_packages(some, "domu/nfs") == (OutputRef("packages:nfs", "tree"),)
    source = builder.release.packages
    assert some.stages["packages:nfs"] == Packages(
        {"a-1": OutputRef("fetch:a-1.tgz", "file"), "b-2": OutputRef("fetch:b-2.tgz", "file")},
        ("a-1",),
        source.database,
        "x86_64",
        "1.0",
        99,
        source.prefix,
        ("etc/rc.d",),
    )
    staged_packages(some, "dom0")
    stage = some.stages["packages:dom0"]
    assert isinstance(stage, Packages)
    assert (list(stage.archives), stage.automatic) == (["a-1"], ())
    assert staged_packages(some, "domu/sql") == ()
    assert "packages:sql" not in some.stages


def test_how_packages_are_installed(builder: Builder) -> None:
    assert installing(builder, RECIPE) == Installing(
        builder.release.packages.database,
        builder.release.packages.prefix,
        ("etc/rc.d",),
        builder.configuration.accounts,
        OutputRef("toolchain", "pwd_mkdb"),
    )


@pytest.mark.parametrize("has_packages", [True, False])
def test_the_tree_of_a_domu(builder: Builder, has_packages: bool) -> None:
    some = planned(builder, "domu/nfs", RECIPE, *([ONE] if has_packages else []))
    assert add_root(some, "domu/nfs", RECIPE) == OutputRef("root:nfs", "tree")
    place = builder.configuration.overlays["server/overlay"].place
    packages = (OutputRef("packages:nfs", "tree"),) if has_packages else ()
    assert root_of(some, "root:nfs") == Root(
        layers=(OutputRef("unpack:base", "tree"), *packages),
        packages=installing(some, RECIPE) if has_packages else None,
        overlays=(SourceTree(place.path, place.name),),
        time=99,
        remove=("etc/motd",),
        keep={"etc/rc": "etc/rc.old"},
        files={"boot/netbsd": OutputRef("kernel:XEN3_DOMU_RO", "kernel")},
        audit=Audit(),
    )


@pytest.mark.parametrize(
    ("boot", "kernel"),
    [(None, "kernel"), (BootConfig(), "kernel"), (BootConfig(dom0="pvh"), "pvh")],
)
def test_the_tree_of_dom0(builder: Builder, boot: BootConfig | None, kernel: str) -> None:
    """It has no manifest of its own, and its kernel is checked if dom0 is PVH."""
    recipe = replace(RECIPE, kernel="XEN3_DOM0_CD", boot=boot)
    some = planned(builder, "dom0", recipe)
    add_root(some, "dom0", recipe)
    root = root_of(some, "root:dom0")
    assert root.audit is None
    assert root.files == {"boot/netbsd": OutputRef(f"{kernel}:XEN3_DOM0_CD", "kernel")}


def test_the_image_of_a_domu(builder: Builder) -> None:
    some = planned(builder, "domu/nfs", RECIPE)
    assert root_image(some, "nfs") == OutputRef("image:nfs", "image")
    image = FfsImage(OutputRef("root:nfs", "tree"), 99, "10%", volume="mini nfs")
    assert some.stages["image:nfs"] == image
