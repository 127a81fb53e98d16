"""Plans of the boot CD: what is on it, and where its hypervisor is from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buildlib.config.external_program import Hypervisor
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.engine.stage import HostPackage, OutputRef
from buildlib.model.errors import ConfigError
from buildlib.plan.builder import Builder
from buildlib.plan.disc import add_boot_images, add_cd, add_xen, image_folder, images_of
from buildlib.stages.boot.hypervisor import DistributionXen, PackageXen
from buildlib.stages.boot.xen_version import OneXen
from buildlib.stages.images.image_folder import ImageFolder
from buildlib.stages.images.iso import Iso
from buildlib.stages.system.root import Root

DOMU = "XEN3_DOMU_RO"
PATH = "usr/pkg/xen420-kernel/xen.gz"


def alone(builder: Builder) -> Builder:
    """Without packages."""
    return replace(builder, lock=replace(builder.lock, packages=()))


def own_xen(builder: Builder, chosen: Hypervisor | None) -> Builder:
    """For a release that says this of the hypervisor."""
    release = builder.release
    packages = replace(release.packages, hypervisor=chosen)
    return replace(
        builder,
        configuration=replace(builder.configuration, release=replace(release, packages=packages)),
    )


def pattern(builder: Builder) -> str:
    stage = builder.stages["hypervisor"]
    assert isinstance(stage, DistributionXen)
    assert isinstance(stage.package, HostPackage)
    return stage.package.pattern


def test_images_lie_beside_their_kernels(builder: Builder) -> None:
    nfs = builder.recipes["domu/nfs"]
    kernels = {**builder.configuration.kernels, f"goldmaster:{DOMU}": ()}
    kernels[f"goldmaster:{DOMU}"] = kernels[DOMU]
    recipes = {**builder.recipes, "domu/nfs": replace(nfs, kernel=f"goldmaster:{DOMU}")}
    configuration = replace(builder.configuration, recipes=recipes, kernels=kernels)
    some = replace(builder, configuration=configuration)
    assert images_of(some, ("nfs", "sql")) == ImageFolder(
        {
            "nfs.ffs": OutputRef("image:nfs", "image"),
            "sql.ffs": OutputRef("image:sql", "image"),
            DOMU: OutputRef(f"kernel:{DOMU}", "kernel"),
        },
        {"nfs.ffs": DOMU, "sql.ffs": DOMU},
    )


def test_the_cd_s_folder_of_images(builder: Builder) -> None:
    assert image_folder(builder, ()) == {}
    assert builder.stages == {}
    assert image_folder(builder, ("nfs",)) == {
        "images/nfs.ffs": OutputRef("image:nfs", "image"),
        f"images/{DOMU}": OutputRef(f"kernel:{DOMU}", "kernel"),
        "images/KERNELS": OutputRef("checksums:images", "kernels"),
        "images/SHA256": OutputRef("checksums:images", "sha256"),
    }


def test_boot_images(builder: Builder) -> None:
    assert add_boot_images(builder, BootConfig(platforms=("efi", "bios"))) == {
        "bios": OutputRef("grub:bios", "image"),
        "efi": OutputRef("grub:efi", "image"),
    }


def test_a_hypervisor_and_the_tools_are_of_one_version(builder: Builder) -> None:
    recipe = replace(builder.recipes["dom0"], hypervisor=Hypervisor(distribution="xen-mine"))
    assert add_xen(builder, recipe) == OutputRef("xen-version", "xen")
    assert pattern(builder) == "xen-mine"
    assert builder.stages["xen-version"] == OneXen(
        OutputRef("hypervisor", "xen"), "xen-mine", OutputRef("packages:dom0", "tree")
    )


def test_without_packages_there_is_nothing_to_compare(builder: Builder) -> None:
    some = alone(builder)
    assert add_xen(some, Recipe(("base",), DOMU)) == OutputRef("hypervisor", "xen")
    assert pattern(some) == "xen-hypervisor-*-amd64", "the distribution's, if none is named"


def test_a_hypervisor_of_a_package(builder: Builder) -> None:
    recipe = replace(builder.recipes["dom0"], hypervisor=Hypervisor(package=PATH))
    some = own_xen(builder, None)
    add_xen(some, recipe)
    assert some.stages["hypervisor"] == PackageXen(OutputRef("packages:dom0", "tree"), PATH)
    stage = some.stages["xen-version"]
    assert isinstance(stage, OneXen)
    assert stage.name == PATH


def test_a_miniature_replaces_a_package_s_hypervisor(builder: Builder) -> None:
    """But not one that the recipe takes from elsewhere."""
    some = own_xen(alone(builder), Hypervisor(distribution="xen-of-mini"))
    add_xen(some, Recipe(("base",), DOMU, hypervisor=Hypervisor(package=PATH)))
    assert pattern(some) == "xen-of-mini"
    other = own_xen(replace(alone(builder), stages={}), Hypervisor(distribution="xen-of-mini"))
    add_xen(other, Recipe(("base",), DOMU, hypervisor=Hypervisor(distribution="xen-mine")))
    assert pattern(other) == "xen-mine"


def test_a_package_s_hypervisor_needs_packages(builder: Builder) -> None:
    some = own_xen(alone(builder), None)
    with pytest.raises(ConfigError) as caught:
        add_xen(some, Recipe(("base",), DOMU, hypervisor=Hypervisor(package=PATH)))
    assert caught.value.reason == "no-hypervisor"
    assert PATH in caught.value.what


def test_the_cd(builder: Builder) -> None:
    recipe = builder.recipes["dom0"]
    assert add_cd(builder, recipe) == "image:cd"
    tree, iso = builder.stages["tree:cd"], builder.stages["image:cd"]
    assert isinstance(tree, Root)
    assert isinstance(iso, Iso)
    assert (tree.layers, tree.overlays, tree.time) == ((OutputRef("root:dom0", "tree"),), (), 99)
    files = dict(tree.files or {})
    assert files.pop("boot/xen.gz") == OutputRef("xen-version", "xen")
    assert files.pop("netbsd.stick") == OutputRef("kernel:XEN3_DOM0_STICK", "kernel")
    assert files == image_folder(builder, recipe.domus)
    assert tree.audit is not None
    assert tree.audit.disc
    added = {"boot/grub/boot.cat", "boot/grub/bios.img", "boot/grub/efi.img"}
    assert set(tree.audit.added) == added
    (menu,) = (tree.texts or {}).values()
    for text in ("mini 1.0 dom0", "/boot/xen.gz", "/netbsd", "/netbsd.stick", "bootdev=sd0d"):
        assert text in menu.text
    assert iso == Iso(
        OutputRef("tree:cd", "tree"),
        {"bios": OutputRef("grub:bios", "image"), "efi": OutputRef("grub:efi", "image")},
        volume="mini dom0",
        application="mini 1.0 dom0 boot CD",
        time=99,
        disk="gpt",
        disk_code=OutputRef("grub:bios", "disk_code"),
    )


def test_a_cd_without_a_stick_s_kernel(builder: Builder) -> None:
    recipe = replace(builder.recipes["dom0"], boot=None, domus=())
    add_cd(builder, recipe)
    tree = builder.stages["tree:cd"]
    assert isinstance(tree, Root)
    assert set(tree.files or ()) == {"boot/xen.gz"}
    assert all("stick" not in menu.text for menu in (tree.texts or {}).values())
