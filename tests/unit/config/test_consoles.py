"""Arguments derived from a machine's consoles."""

from __future__ import annotations

import tomllib
from typing import get_args

import pytest

from buildlib.config.consoles import Console, Consoles, Speed
from buildlib.config.recipe import BootConfig
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load


@pytest.mark.parametrize(
    ("names", "speed", "xen", "kernel"),
    [
        (("com1",), 115200, ["console=com1", "com1=115200,8n1"], []),
        (("com2",), 9600, ["console=com2", "com2=9600,8n1"], []),
        (("vga",), 9600, ["console=vga"], ["console=pc"]),
        (
            ("com1", "vga"),
            115200,
            ["console=com1,vga", "com1=115200,8n1", "vga=gfx-1024x768x32,keep"],
            [],
        ),
        (("vga", "com2"), 57600, ["console=vga,com2", "com2=57600,8n1"], ["console=pc"]),
    ],
)
def test_the_words(
    names: tuple[Console, ...], speed: Speed, xen: list[str], kernel: list[str]
) -> None:
    consoles = Consoles(names, speed)
    assert list(consoles.xen_words()) == xen
    assert list(consoles.kernel_words()) == kernel
    assert consoles.port == next((name for name in names if name != "vga"), None)


def boots(text: str) -> BootConfig:
    return load(BootConfig, tomllib.loads(text), where="boot")


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        boots(text)
    return "; ".join(caught.value.problems)


def test_a_recipe_s_own_words_come_last_and_in_place_of_others() -> None:
    made = boots(
        'dom0 = "pvh"\nspeed = 9600\nxen = ["vga=keep", "dom0_mem=1G", "dom0=pvh,verbose", "-x"]'
    )
    assert made.xen_words() == (
        "console=com1,vga",
        "com1=9600,8n1",
        "vga=keep",
        "dom0_mem=1G",
        "dom0=pvh,verbose",
        "-x",
    )
    assert made.kernel_words() == ("bootdev=cd0a",)
    own = boots('consoles = ["vga"]\nkernel = ["console=xen", "-v"]')
    assert own.kernel_words() == ("console=xen", "-v")


def test_a_stick_s_kernel_speaks_where_the_other_does() -> None:
    made = boots('consoles = ["vga"]\nstick = { kernel = "STICK", words = ["bootdev=sd0d"] }')
    assert made.kernel_words() == ("console=pc", "bootdev=cd0a")
    assert made.stick_words() == ("console=pc", "bootdev=sd0d")


def test_pv_is_xen_s_own_way() -> None:
    assert not [word for word in boots("").xen_words() if word.startswith("dom0=")]
    assert "dom0=pvh" in boots('dom0 = "pvh"').xen_words()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("consoles = []", "name vga, com1 or com2, each once"),
        ('consoles = ["vga", "vga"]', "each once"),
        ('consoles = ["com1", "com2"]', "at most one serial line"),
        ('consoles = ["com3"]', "did you mean com"),
        ('consoles = "com1"', "consoles: must be a list"),
        ("speed = 1200", "speed: one of 9600, 19200, 38400, 57600, 115200"),
        ('speed = "9600"', "speed: one of 9600"),
        ("speed = true", "speed: one of 9600"),
        ('loader = "lilo"', "loader: one of grub2, legacy"),
        ('loader = "legacy"\nplatforms = ["efi"]', "GRUB legacy needs a BIOS"),
        ('dom0 = "hvm"', "dom0: one of pv, pvh"),
        ("legacy = {}", "give one of distribution, file"),
        ('legacy = { file = "a" }', "file needs sha256"),
        ('legacy = { file = "a", distribution = "b" }', "give one of"),
    ],
)
def test_what_cannot_be(text: str, problem: str) -> None:
    assert problem in problems(text)


def test_every_speed_can_be_said() -> None:
    for speed in get_args(Speed):
        assert f"com1={speed},8n1" in boots(f"speed = {speed}").xen_words()
