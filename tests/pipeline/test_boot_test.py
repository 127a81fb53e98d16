"""`doit boot-test` for real: what was pressed boots, and what does not is told."""

from __future__ import annotations

import re

import pytest
from support.checkouts.scratch import Scratch

pytestmark = pytest.mark.boot


def test_what_was_pressed_boots(scratch: Scratch) -> None:
    """A stick, whose kernel and menu differ most from a CD's; both firmwares at once."""
    ran = scratch.doit("boot-test", "media=usb", "jobs=2")
    assert ran.out.count("passed   boot-test usb ") == 2
    heading, *rows = ran.out.splitlines()[-3:]
    assert heading == "medium  firmware  verdict  seconds to each marker"
    assert [row.split()[:3] for row in rows] == [
        ["usb", "bios", "passed"],
        ["usb", "efi", "passed"],
    ]
    for row in rows:
        seconds = [float(word) for word in row.split()[3:]]
        assert len(seconds) == 4
        assert seconds == sorted(seconds)


def test_what_does_not_boot_is_told(scratch: Scratch) -> None:
    """The kernel asks for its root; the CD's does not, for that entry is another."""
    scratch.edit("recipes/dom0.toml", '"bootdev=sd0d"', '"bootdev=sd0d", "-a"')
    scratch.edit("recipes/dom0.toml", '["bios", "efi"]', '["bios"]')
    ran = scratch.doit("boot-test", "media=cd,usb", "jobs=2", status=1)
    assert "root device (default sd0d):" in ran.err
    table = ran.out[ran.out.index("medium  firmware") :].splitlines()
    assert re.fullmatch(r"cd +bios +passed( +\d+\.\d){4}", table[1])
    assert re.fullmatch(
        r"usb +bios +FAILED( +\d+\.\d){2}( +-){2}  last: root device \(default sd0d\):", table[2]
    )
    assert table[3].split() == ["build/log/boot-test-usb-bios.log", "and", "boot-test-usb-bios.png"]
    for name in ("log", "png"):
        assert scratch.path(f"build/log/boot-test-usb-bios.{name}").stat().st_size > 0
    assert not scratch.path("build/log/boot-test-cd-bios.png").exists()
