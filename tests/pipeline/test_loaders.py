"""A recipe's loader, kind of dom0 and consoles, through a whole build."""

from __future__ import annotations

import re

import pytest
from support.checkouts.scratch import Scratch
from support.readers.format_readers import differences, tool
from support.readers.iso_readers import ISO_JUDGES

from buildlib.model.mtree import parse

RECIPE = "recipes/dom0.toml"
CONSOLES = 'consoles = ["com1", "vga"]'
DISC = {"tree:cd", "image:cd", "checksums:mini-dom0.iso", "iso"}


def start(scratch: Scratch, *lines: str, consoles: str = CONSOLES) -> None:
    """Have the recipe say this, too."""
    scratch.edit(RECIPE, CONSOLES, "\n".join((consoles, *lines)))


@pytest.mark.boot
def test_grub_legacy_a_pvh_dom0_and_the_second_serial_line(scratch: Scratch) -> None:
    start(scratch, 'loader = "legacy"', 'dom0 = "pvh"', consoles='consoles = ["com2"]')
    ran = scratch.build("boot-test", "media=cd")
    assert ran.built == {
        "grub:legacy",
        "grub:bios",
        "grub:efi",
        "pvh:XEN3_DOM0_CD",
        "pvh:XEN3_DOM0_STICK",
        "root:dom0",
        *DISC,
    }
    assert ran.finished("passed") == {"boot-test cd bios", "boot-test cd efi"}
    logs = [
        path.read_text(errors="replace")
        for path in sorted(scratch.path("build/log").glob("boot-test-cd-*.log"))
    ]
    bios, efi = (re.findall(r"Bootloader: (.*)", log) for log in logs)
    assert bios == ["GNU GRUB 0.97"]
    assert len(efi) == 1
    assert efi[0].startswith("GRUB 2")
    assert all(", PVH" in log for log in logs)
    spec = parse(scratch.product("mini-dom0.iso.mtree").read_bytes())
    assert {path for path in spec.by_path if path.startswith("boot/grub/")} == {
        f"boot/grub/{name}"
        for name in ("bios.img", "boot.cat", "disk.img", "efi.img", "grub.cfg", "menu.lst")
    }
    assert differences(spec, ISO_JUDGES["bsdtar"](scratch.product())) == []
    listed = tool("bsdtar", "-xOf", scratch.product(), "usr/share/goldmaster/root.mtree").decode()
    assert "./boot/grub/menu.lst " in listed


def test_another_console_makes_grub_and_the_menus_anew(scratch: Scratch) -> None:
    start(scratch, consoles='consoles = ["com1"]')
    assert scratch.build().built == {"grub:bios", "grub:efi", *DISC}


def test_a_kernel_that_cannot_be_a_pvh_dom0(scratch: Scratch) -> None:
    """The miniature's can: so another note is asked for. No disc is made of it."""
    before = scratch.products()
    start(scratch, 'dom0 = "pvh"')
    scratch.edit(
        "buildlib/stages/boot/pvh_note.py",
        'OWNER, PHYS32_ENTRY = b"Xen", 18',
        'OWNER, PHYS32_ENTRY = b"Xen", 99',
    )
    ran = scratch.build(status=None)
    assert not ran.built & {"image:cd", "iso"}
    assert {error["what"] for error in ran.errors} == {
        f"the kernel {name} cannot be a PVH dom0" for name in ("XEN3_DOM0_CD", "XEN3_DOM0_STICK")
    }
    for error in ran.errors:
        assert error["reason"] == "no-pvh"
        assert "boot.dom0" in error["where"]
        assert "the Xen notes it has: 1, 2, 3, 4, 5, 6, 7, 8, 9, 18" in error["why"]
    assert scratch.products() == before


def test_a_boot_test_of_what_it_cannot_read(scratch: Scratch) -> None:
    start(scratch, consoles='consoles = ["vga", "com1"]')
    ran = scratch.build("boot-test", status=None)
    assert [error["reason"] for error in ran.errors] == ["boot-consoles"]
