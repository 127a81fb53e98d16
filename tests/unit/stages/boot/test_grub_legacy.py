"""GRUB legacy: its origin and its menu. tests/boot/test_loaders.py boots it."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest
from support.machines.debs import make_deb, prepare
from support.stages.stage_bench import Bench

from buildlib.config.consoles import Consoles
from buildlib.engine.stage import HostPackage, SourceFile
from buildlib.model.errors import ConfigError, SourceError
from buildlib.stages.boot import grub, grub_legacy
from buildlib.stages.boot.grub_legacy import DistributionLegacy, FileLegacy

STAGE = DistributionLegacy(HostPackage("grub-legacy"))
IMAGE = b"stage 2"


@pytest.mark.programs
def test_the_distribution_s_own(tmp_path: Path) -> None:
    """The image has room for a boot information table, and contains its menu's path."""
    bench = Bench(tmp_path)
    image = bench.read(bench.run_stage(STAGE)["image"])
    assert 50 << 10 < len(image) < 400 << 10
    assert b"/boot/grub/menu.lst" in image
    assert not any(image[24:64])


@pytest.mark.programs
def test_it_is_taken_out_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path / "build")
    files = {
        "usr/lib/grub/x86_64-pc/stage2": b"not this",
        "usr/share/stage2_eltorito": b"nor this",
        "usr/lib/grub/x86_64-pc/stage2_eltorito": IMAGE,
    }
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, files))
    assert bench.read(bench.run_stage(STAGE)["image"]) == IMAGE


@pytest.mark.programs
def test_a_package_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path / "build")
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, {"usr/lib/grub/stage2": b""}))
    with pytest.raises(SourceError) as caught:
        bench.run_stage(STAGE)
    assert caught.value.reason == "no-GRUB-legacy"
    assert "stage2_eltorito" in (caught.value.why or "")


def test_a_file_of_the_project(tmp_path: Path) -> None:
    bench, path = Bench(tmp_path / "build"), tmp_path / "stage2_eltorito"
    path.write_bytes(IMAGE)
    source, digest = SourceFile(path, path.name), hashlib.sha256(IMAGE).hexdigest()
    assert bench.read(bench.run_stage(FileLegacy(source, digest))["image"]) == IMAGE
    with pytest.raises(SourceError, match="GRUB legacy differs from the pinned one"):
        bench.run_stage(FileLegacy(source, "0" * 64))


# the menu


text = partial(
    grub_legacy.menu,
    title="goldmaster",
    xen="boot/xen.gz",
    xen_words=["dom0_mem=512M"],
    kernel="netbsd",
    kernel_words=["bootdev=cd0a"],
    timeout=3,
    menu_entries={"single user": ["-s"]},
    consoles=Consoles(),
)


def test_the_menu() -> None:
    assert (
        text()
        == """\
# goldmaster
serial --unit=0 --speed=115200
terminal --timeout=3 serial console
timeout 3
default 0

title goldmaster
kernel /boot/xen.gz dom0_mem=512M
module /netbsd bootdev=cd0a

title goldmaster single user
kernel /boot/xen.gz dom0_mem=512M
module /netbsd bootdev=cd0a -s
"""
    )


def test_it_is_at_another_place_than_that_of_grub_2() -> None:
    assert grub_legacy.MENU != grub.MENU


def test_one_console_is_not_waited_for() -> None:
    assert "serial --unit=1 --speed=9600\nterminal serial\n" in text(
        consoles=Consoles(("com2",), 9600)
    )
    alone = text(consoles=Consoles(("vga",)))
    assert "\nterminal console\n" in alone
    assert "serial" not in alone


def test_words_are_handed_over_as_they_are() -> None:
    assert "\nmodule /netbsd a;b it's $root\n" in text(kernel_words=["a;b", "it's", "$root"])
    assert '\ntitle a "b" $c\n' in text(title='a "b" $c\n')


@pytest.mark.parametrize(
    ("word", "why"),
    [("a\nb", "control character"), ("a\\", "backslash"), ("x" * 1500, "1500 are read")],
)
def test_lines_it_cannot_read(word: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        text(kernel_words=[word], menu_entries={})
    assert caught.value.reason == "legacy-line"
    assert why in (caught.value.why or "")
