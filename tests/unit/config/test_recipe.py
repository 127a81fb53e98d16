"""Valid and invalid recipes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from buildlib.config.boot_test import Stick
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load


def problems(text: str, kind: type[object] = Recipe) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(kind, tomllib.loads(text), where="r.toml")
    return caught.value.problems


NEEDED = 'sets = ["base"]\nkernel = "K"\n'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('kernel_path = ""', "kernel_path: is empty"),
        (
            'kernel_path = "netbsd/"',
            "kernel_path: path 'netbsd/' must be a path below its folder: write 'netbsd'",
        ),
        (
            'kernel_path = "/netbsd"',
            "kernel_path: path '/netbsd' must be a path below its folder: write 'netbsd'",
        ),
        (
            'kernel_path = "a/./b//c"',
            "kernel_path: path 'a/./b//c' must be a path below its folder: write 'a/b/c'",
        ),
        ('kernel_path = ".."', "kernel_path: path '..' must be a path below its folder"),
        (
            f'kernel_path = "{"a/" * 600}a"',
            (f"kernel_path: {'a/' * 38}a…: a path of 1201 bytes; NetBSD allows 1023"),
        ),
        (
            f'kernel_path = "{"a" * 256}"',
            (f"kernel_path: {'a' * 77}…: a name of 256 bytes; NetBSD allows 255"),
        ),
        ('remove = ["a", "a"]', "remove[1]: a is given twice"),
        ('packages = ["a/b", "a/b"]', "packages[1]: a/b is given twice"),
        ('overlays = ["o", "o"]', "overlays[1]: o is given twice"),
        (
            'domus = ["a/b"]',
            (
                "domus[0]: name 'a/b': use only letters, digits and . _ + -; "
                "begin with a letter or digit"
            ),
        ),
        ('packages = [""]', "packages[0]: is empty"),
        ('outside = [""]', "outside[0]: is empty"),
        ('keep = {"etc/rc" = "etc/rc"}', "keep.etc/rc: it already has that name"),
        ('keep = {"a" = "x", "b" = "x"}', "keep.b: x is already the path of a"),
        ('keep = {"a" = "netbsd"}', "keep.a: netbsd is already the path of the kernel"),
        ('keep = {"a/b" = "x"}\nremove = ["a"]', "keep.a/b: the recipe removes it"),
        ('free = "5"', ""),
        ('free = "5%"', ""),
        ('free = "1024g"', ""),
        ('free = "1025g"', "free: '1025g' is more than an image can have: at most 1000% or 1024g"),
        ('free = "1001%"', "free: '1001%' is more than an image can have: at most 1000% or 1024g"),
        ('free = "-1"', "free: '-1' is not an amount of space: write 5% or 64m"),
        ('free = "²"', "free: '²' is not an amount of space: write 5% or 64m"),
        (
            f'free = "{"9" * 5000}"',
            (f"free: '{'9' * 40}' is more than an image can have: at most 1000% or 1024g"),
        ),
        ("[boot]\ntimeout = -1", ""),
        ("[boot]\ntimeout = -2", "boot.timeout: must be a number from -1 to 86400, is -2"),
        (
            '[boot]\ntimeout = -1\nloader = "legacy"',
            "boot.timeout: must be a number from 0 to 86400, is -1",
        ),
        (
            '[boot]\nxen = ["a", "b\\tc"]',
            (
                "boot.xen[1]: 'b\\tc' is not a single argument: use ASCII without spaces, "
                "quotes and backslashes, and give each argument separately"
            ),
        ),
        ("[boot]\nalso = {}", "boot.also: is called menu_entries now"),
        ('[boot]\nmenu_entries = {"" = []}', "boot.menu_entries.: is empty"),
        (
            '[boot]\nmenu_entries = {"a $b" = []}',
            "boot.menu_entries.a $b: 'a $b': a title cannot contain \", $ or \\",
        ),
        (
            f'[boot]\nkernel = ["{"a" * 1024}"]',
            "boot.kernel: the command line has 1024 bytes, but only 1023 are read",
        ),
        ('[boot]\nplatforms = ["bios", "bios"]', "boot.platforms[1]: bios is given twice"),
        (
            '[hypervisor]\npackage = "../xen.gz"',
            "hypervisor.package: path '../xen.gz' must be a path below its folder",
        ),
        (
            '[hypervisor]\nfile = "/xen.gz"\nsha256 = "' + "a" * 64 + '"',
            "hypervisor.file: path '/xen.gz' must be a path below its folder: write 'xen.gz'",
        ),
        (
            '[hypervisor]\npackage = "a"\nsha256 = "b"',
            "hypervisor: sha256 belongs to file: give file too, or leave sha256 out",
        ),
    ],
    ids=lambda value: value[:50].replace("²", "superscript"),
)
def test_what_a_recipe_may_say(line: str, problem: str) -> None:
    if problem:
        assert problems(f"{NEEDED}{line}\n") == (problem,)
    else:
        load(Recipe, tomllib.loads(f"{NEEDED}{line}\n"), where="r.toml")


@pytest.mark.parametrize(
    ("boot", "problem"),
    [
        ({"platforms": ()}, "platforms: bios, efi, or both"),
        ({"platforms": ("bios", "coreboot")}, "platforms: bios, efi, or both"),
        ({"stick": Stick("K"), "disk": "none"}, "a stick needs a partition table"),
        ({"loader": "legacy", "platforms": ("efi",)}, "GRUB legacy needs a BIOS"),
    ],
)
def test_boot_media_that_cannot_be(boot: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        BootConfig(**boot)


@pytest.mark.parametrize(
    "boot",
    [
        {"platforms": ("efi",)},
        {"stick": Stick("K"), "disk": "mbr"},
        {"disk": "none"},
        {"loader": "legacy", "platforms": ("bios",)},
    ],
)
def test_boot_media_that_can_be(boot: dict[str, Any]) -> None:
    BootConfig(**boot)


def test_what_the_image_boots_on_and_from() -> None:
    assert BootConfig(platforms=("efi", "bios")).chosen() == ("bios", "efi")
    assert BootConfig(platforms=("efi",)).chosen() == ("efi",)
    assert BootConfig().media() == ("cd",)
    assert BootConfig(stick=Stick("K")).media() == ("cd", "disk", "usb")


def test_own_arguments_replace_derived_ones() -> None:
    """Derived ones come first; `dom0=pvh` is one."""
    derived = BootConfig().console_config()
    plain = BootConfig(xen=("loglvl=all",), kernel=("-s",), stick=Stick("K", ("-v",)))
    assert plain.xen_words() == (*derived.xen_words(), "loglvl=all")
    assert plain.kernel_words() == (*derived.kernel_words(), "-s")
    assert plain.stick_words() == (*derived.kernel_words(), "-v")
    assert BootConfig().stick_words() == derived.kernel_words()
    assert "dom0=pvh" in BootConfig(dom0="pvh").xen_words()
    name = derived.xen_words()[0].partition("=")[0]
    own = BootConfig(dom0="pvh", xen=(f"{name}=mine", "dom0=pvh,verbose")).xen_words()
    assert own == (*derived.xen_words()[1:], f"{name}=mine", "dom0=pvh,verbose")
