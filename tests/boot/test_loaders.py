"""Discs that start as recipes may say, in QEMU: loaders, kinds of dom0, consoles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.machines.discs import Parts
from support.machines.starting import Machine, make_disc

from buildlib.config.boot_test import Medium, Platform
from buildlib.config.recipe import BootConfig
from buildlib.model.errors import BootError
from buildlib.stages.boot.grub_legacy import MENU

pytestmark = pytest.mark.boot

UP = r"^goldmaster-mini: dom0 up"
XEN = ("dom0_mem=96M",)
LEGACY = BootConfig(loader="legacy", xen=XEN, timeout=0)
PVH = BootConfig(dom0="pvh", xen=XEN, timeout=0)
CRASH = ("bootdev=cd0a", "exit=crash")  # ends a boot at once, with a picture


@pytest.fixture(scope="module")
def machine(parts: Parts) -> Machine:
    return Machine(parts)


# GRUB legacy


def test_grub_legacy_starts_what_grub_2_starts(parts: Parts, machine: Machine) -> None:
    """With the same words, which it hands over in another way."""
    words = (*XEN, "loglvl=info")
    boots = replace(LEGACY, xen=words, kernel=("bootdev=cd0a", "exit=none"))
    report = machine.boot(
        make_disc(parts, boots),
        boots,
        r"^\(XEN\) Bootloader: GNU GRUB 0\.97",
        r"^\(XEN\) Command line: .*",
        r"^command line: \[.*",
        UP,
    )
    other = replace(boots, loader="grub2")
    second = machine.boot(
        make_disc(parts, other),
        other,
        r"^\(XEN\) Bootloader: GRUB 2",
        r"^\(XEN\) Command line: .*",
        r"^command line: \[.*",
        UP,
    )
    assert report.lines[1:3] == second.lines[1:3]
    assert report.lines[1].endswith(" dom0_mem=96M loglvl=info")
    assert report.lines[2] == "command line: [bootdev=cd0a exit=none]"


@pytest.mark.parametrize(("firmware", "medium"), [("efi", "cd"), ("bios", "usb")])
def test_where_grub_legacy_is_no_loader_grub_2_is(
    parts: Parts, machine: Machine, firmware: Platform, medium: Medium
) -> None:
    machine.boot(
        make_disc(parts, LEGACY),
        LEGACY,
        r"^\(XEN\) Bootloader: GRUB 2",
        UP,
        firmware=firmware,
        medium=medium,
        seconds=120,
    )


def test_a_disc_for_grub_legacy_that_lacks_its_kernel(parts: Parts, machine: Machine) -> None:
    with pytest.raises(BootError) as caught:
        machine.boot(make_disc(parts, LEGACY, without="netbsd"), LEGACY, UP)
    assert caught.value.reason == "boot-fail-pattern"
    assert "Error 15: File not found" in caught.value.what


def test_a_disc_for_grub_legacy_that_lacks_its_menu(parts: Parts, machine: Machine) -> None:
    """It asks, on the screen, and waits for ever."""
    with pytest.raises(BootError) as caught:
        machine.boot(make_disc(parts, LEGACY, without=MENU), LEGACY, UP, seconds=4)
    assert caught.value.reason == "boot-timeout"


def test_a_damaged_grub_legacy(parts: Parts, machine: Machine) -> None:
    disc = make_disc(parts, replace(LEGACY, platforms=("bios",), disk="none"))
    data = bytearray(disc.read_bytes())
    at = data.index(b"/boot/grub/menu.lst\0")  # it says itself where its menu is
    data[at + 12] ^= 1
    flipped = parts.bench.store.logs / "flipped.iso"
    flipped.write_bytes(data)
    with pytest.raises(BootError) as caught:
        machine.boot(flipped, LEGACY, UP, seconds=4)
    assert caught.value.reason == "boot-timeout"


# PVH


@pytest.mark.parametrize(
    ("loader", "firmware"), [("grub2", "bios"), ("grub2", "efi"), ("legacy", "bios")]
)
def test_dom0_as_a_pvh_domain(
    parts: Parts, machine: Machine, loader: str, firmware: Platform
) -> None:
    boots = replace(LEGACY if loader == "legacy" else PVH, dom0="pvh")
    report = machine.boot(
        make_disc(parts, boots),
        boots,
        r"^command line: \[bootdev=cd0a\]",
        r"^hypervisor0 at mainbus0: .*, PVH$",
        UP,
        firmware=firmware,
        seconds=120,
    )
    assert b"dom0=pvh" in report.log.read_bytes()


def test_the_same_kernel_as_a_pv_domain(parts: Parts, machine: Machine) -> None:
    boots = replace(PVH, dom0="pv")
    machine.boot(make_disc(parts, boots), boots, r"^hypervisor0 at mainbus0: .*, PV$", UP)


def test_a_machine_that_cannot_have_a_pvh_dom0(parts: Parts, machine: Machine) -> None:
    """So a boot test that takes any machine would not do."""
    release = replace(machine.release, machine_pvh=machine.release.machine)
    with pytest.raises(BootError) as caught:
        Machine(parts, release).boot(make_disc(parts, PVH), PVH, UP)
    assert "Panic on CPU 0" in caught.value.what


# consoles


@pytest.mark.parametrize("loader", ["grub2", "legacy"])
def test_the_second_serial_line(parts: Parts, machine: Machine, loader: str) -> None:
    """All that speaks does so there, at its speed, and nothing on the first."""
    boots = BootConfig(
        consoles=("com2",),
        speed=38400,
        xen=XEN,
        timeout=0,
        loader="legacy" if loader == "legacy" else "grub2",
    )
    disc = make_disc(parts, boots)
    report = machine.boot(
        disc,
        boots,
        r"Booting .test",
        r"^\(XEN\) Command line: console=com2 "
        r"com2=38400,8n1 dom0_mem=96M$",
        UP,
    )
    assert report.lines[-1] == "goldmaster-mini: dom0 up"
    with pytest.raises(BootError) as caught:
        machine.boot(disc, replace(boots, consoles=("com1",)), UP, seconds=4)
    assert caught.value.reason == "boot-timeout"
    assert caught.value.log is not None
    assert not caught.value.log.read_bytes()


@pytest.mark.parametrize(("dom0", "firmware"), [("pv", "bios"), ("pv", "efi"), ("pvh", "bios")])
def test_the_screen_shows_what_the_serial_line_has(
    parts: Parts, machine: Machine, monkeypatch: pytest.MonkeyPatch, dom0: str, firmware: Platform
) -> None:
    boots = BootConfig(
        consoles=("com1", "vga"),
        kernel=CRASH,
        xen=XEN,
        timeout=0,
        dom0="pvh" if dom0 == "pvh" else "pv",
    )
    error, screen, line = machine.screen(
        make_disc(parts, boots), boots, monkeypatch, firmware=firmware
    )
    assert "Dom0 crashed" in error.what
    for text in ("root on cd0a type cd9660 dumps on none", "goldmaster-mini: dom0 up"):
        assert screen.says(text)
        assert text in line
    assert not screen.says("goldmaster-mini: dom0 down")


@pytest.mark.parametrize("dom0", ["pv", "pvh"])
def test_a_kernel_whose_console_is_the_screen(
    parts: Parts, machine: Machine, monkeypatch: pytest.MonkeyPatch, dom0: str
) -> None:
    """The serial line has what GRUB and Xen say."""
    boots = BootConfig(
        consoles=("vga", "com1"),
        kernel=CRASH,
        xen=XEN,
        timeout=0,
        dom0="pvh" if dom0 == "pvh" else "pv",
    )
    error, screen, line = machine.screen(make_disc(parts, boots), boots, monkeypatch)
    assert "Dom0 crashed" in error.what
    assert screen.says("goldmaster-mini: dom0 up")
    assert "Booting `test'" in line
    assert "goldmaster-mini" not in line


def test_a_screen_alone_shows_what_grub_complains_of(
    parts: Parts, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = BootConfig(consoles=("vga",), xen=XEN, timeout=0)
    disc = make_disc(parts, boots, without="netbsd")
    _, screen, line = machine.screen(disc, boots, monkeypatch, seconds=4)
    assert screen.says("error: file `/netbsd' not found.")
    assert not line
