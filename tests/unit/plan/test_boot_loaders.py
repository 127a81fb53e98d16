"""Stages and menus for a recipe's [boot]."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from buildlib.config.boot_test import Stick
from buildlib.config.configuration import Place
from buildlib.config.consoles import Consoles
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.config.recipe import BootConfig
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.operations.boot_test.matrix import check_consoles
from buildlib.plan.boot_loaders import boot_images, menus, xen_stage
from buildlib.stages.boot.grub import GrubImage
from buildlib.stages.boot.grub_legacy import DistributionLegacy, FileLegacy
from buildlib.stages.boot.hypervisor import DistributionXen, FileXen, PackageXen

EFI: dict[str, str] = {"efi": "grub:efi"}


@pytest.mark.parametrize(
    ("loader", "disk", "platforms", "expected"),
    [
        ("grub2", "gpt", ("bios", "efi"), {"bios": "grub:bios", **EFI}),
        ("grub2", "none", ("efi",), EFI),
        ("legacy", "gpt", ("bios", "efi"), {"bios": "grub:legacy", "disk": "grub:bios", **EFI}),
        ("legacy", "mbr", ("bios",), {"bios": "grub:legacy", "disk": "grub:bios"}),
        ("legacy", "none", ("bios", "efi"), {"bios": "grub:legacy", **EFI}),
    ],
)
def test_boot_images(
    loader: Literal["grub2", "legacy"],
    disk: Literal["gpt", "mbr", "none"],
    platforms: tuple[str, ...],
    expected: dict[str, str],
) -> None:
    boots = BootConfig(loader=loader, disk=disk, platforms=platforms, consoles=("com2",))
    made = boot_images(boots, {}, time=1)
    assert {image: name for image, (name, _, _) in made.items()} == expected
    for _, stage, _ in made.values():
        if isinstance(stage, GrubImage):
            assert stage.consoles == Consoles(("com2",))
        else:
            assert isinstance(stage, DistributionLegacy)
            assert stage.package.pattern == "grub-legacy"


def test_what_is_a_file_of_the_project() -> None:
    files = {name: Place(Path("/project") / name, name) for name in ("a/stage2", "xen.gz")}
    pin = "0" * 64
    boots = BootConfig(loader="legacy", legacy=Origin(file="a/stage2", sha256=pin))
    _, stage, _ = boot_images(boots, files, time=1)["bios"]
    assert isinstance(stage, FileLegacy)
    assert (stage.file.path, stage.sha256) == (Path("/project/a/stage2"), pin)
    packages = OutputRef("packages:dom0", "tree")
    xen = xen_stage(Hypervisor(file="xen.gz", sha256=pin), files, packages)
    assert isinstance(xen, FileXen)
    assert xen.file.name == "xen.gz"
    assert isinstance(xen_stage(Hypervisor("xen-*"), {}, packages), DistributionXen)
    assert xen_stage(Hypervisor(package="x"), {}, packages) == PackageXen(packages, "x")


def test_menus() -> None:
    """GRUB legacy's menu is only for discs; GRUB 2 has one for every medium."""
    boots = BootConfig(
        loader="legacy",
        xen=("a=1",),
        kernel=("b",),
        menu_entries={"c": ("-d",)},
        stick=Stick("STICK", ("e",)),
        consoles=("vga", "com2"),
        timeout=7,
    )
    texts = menus(boots, title="t", xen="x.gz", kernel="k", stick="k.stick")
    assert list(texts) == ["boot/grub/grub.cfg", "boot/grub/menu.lst"]
    both, alone = texts.values()
    assert "multiboot2 /x.gz console=vga,com2 com2=115200,8n1 a=1\n" in both
    assert "kernel /x.gz console=vga,com2 com2=115200,8n1 a=1\n" in alone
    for words in ("console=pc b", "console=pc b -d"):
        assert f"module2 /k {words}\n" in both
        assert f"module /k {words}\n" in alone
    assert "module2 /k.stick console=pc e -d\n" in both
    assert "stick" not in alone
    assert list(menus(BootConfig(), title="t", xen="x", kernel="k")) == ["boot/grub/grub.cfg"]


def test_a_boot_test_reads_a_serial_line() -> None:
    check_consoles(Consoles())
    for consoles in (Consoles(("vga", "com1")), Consoles(("vga",))):
        with pytest.raises(ConfigError) as caught:
            check_consoles(consoles)
        assert caught.value.reason == "boot-consoles"
        assert "com1 or com2 first" in (caught.value.hint or "")
