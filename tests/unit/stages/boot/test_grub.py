"""GRUB's boot images and menu."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from support.readers import format_readers
from support.readers.trees import TIME
from support.stages.stage_bench import Bench

from buildlib.config.consoles import Console, Consoles, Speed
from buildlib.model.errors import ToolError
from buildlib.stages.boot.grub import GrubImage, menu

PLATFORMS: list[Literal["bios", "efi"]] = ["bios", "efi"]


def at_another_time(folder: Path, tool: str, moment: str) -> Path:
    """A script that runs `tool` at the time `moment`."""
    script = folder / f"{tool} {moment[:4]}"
    script.write_text(f'#!/bin/sh\nexec faketime "{moment}" {tool} "$@"\n')
    script.chmod(0o755)
    return script


@pytest.mark.programs
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_same_bytes_at_any_time(tmp_path: Path, platform: Literal["bios", "efi"]) -> None:
    stage = GrubImage(platform, TIME)
    images = {Bench(tmp_path / "here").run_stage(stage)["image"].blob}
    for moment in ("2001-02-03 04:05:06", "2031-11-12 13:14:15"):
        bench = Bench(tmp_path / moment)
        tools = {tool: at_another_time(tmp_path, tool, moment) for tool in stage.tools()}
        images.add(bench.run_stage(stage, tools=tools)["image"].blob)
    assert len(images) == 1


@pytest.mark.programs
def test_the_bios_image_is_a_core_for_el_torito(bench: Bench) -> None:
    image = bench.read(bench.run_stage(GrubImage("bios", TIME))["image"])
    assert 100 << 10 < len(image) < 400 << 10
    assert not any(image[8:64][16:]), "room for the boot information table"


@pytest.mark.programs
def test_the_efi_image(bench: Bench, tmp_path: Path) -> None:
    path = bench.path(bench.run_stage(GrubImage("efi", TIME))["image"])
    listing = format_readers.tool("mdir", "-i", path, "::/EFI/BOOT").decode()
    assert "BOOTX64  EFI" in listing
    assert "2023-11-14  22:13" in listing
    format_readers.tool("mcopy", "-i", path, "::/EFI/BOOT/BOOTX64.EFI", tmp_path / "core")
    core = (tmp_path / "core").read_bytes()
    assert core[:2] == b"MZ"
    assert b"configfile /boot/grub/grub.cfg" in core
    log = next(bench.store.logs.iterdir(), None)
    assert log is None or not log.read_bytes(), "no tool has anything to say"
    assert b"PE32+ executable" in format_readers.tool("file", "-b", tmp_path / "core")
    assert b"FAT" in format_readers.tool("file", "-b", path)


@pytest.mark.programs
def test_the_efi_image_holds_what_grub_makes(bench: Bench, tmp_path: Path) -> None:
    """The file on the FAT image is the core image, unchanged."""
    kept = tmp_path / "grub-mkimage"
    kept.write_text(
        f'#!/bin/sh\ngrub-mkimage "$@" || exit\nwhile [ "$1" != -o ]; do shift; done\n'
        f'cp "$2" "{tmp_path}/made"\n'
    )
    kept.chmod(0o755)
    outputs = bench.run_stage(GrubImage("efi", TIME), tools={"grub-mkimage": kept})
    format_readers.tool(
        "mcopy", "-i", bench.path(outputs["image"]), "::/EFI/BOOT/BOOTX64.EFI", tmp_path / "core"
    )
    assert (tmp_path / "core").read_bytes() == (tmp_path / "made").read_bytes()


@pytest.mark.programs
def test_a_tool_that_fails(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        bench.run_stage(GrubImage("bios", TIME), tools={"grub-mkimage": Path("/bin/false")})
    assert caught.value.where == "stage GrubImage"


# the menu


text = partial(
    menu,
    title="goldmaster",
    xen="boot/xen.gz",
    xen_words=["dom0_mem=512M"],
    kernel="netbsd",
    kernel_words=["bootdev=cd0a", "-v"],
    timeout=3,
    menu_entries={},
    consoles=Consoles(),
)


def test_the_menu() -> None:
    assert (
        text()
        == """\
# goldmaster
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=3
set default=0
menuentry "goldmaster" {
\tmultiboot2 /boot/xen.gz dom0_mem=512M
\tmodule2 /netbsd bootdev=cd0a -v
}
"""
    )


def test_further_entries() -> None:
    lines = text(menu_entries={"alone": ["-4", "a b"], "in $words": []}).splitlines()
    assert "set default=0" in lines
    assert [line for line in lines if line.startswith(("menuentry", "\tmodule2"))] == [
        'menuentry "goldmaster" {',
        "\tmodule2 /netbsd bootdev=cd0a -v",
        'menuentry "goldmaster alone" {',
        "\tmodule2 /netbsd bootdev=cd0a -v -4 'a b'",
        'menuentry "goldmaster in words" {',
        "\tmodule2 /netbsd bootdev=cd0a -v",
    ]


def test_a_stick_s_entries() -> None:
    """Entries for a CD come first; other media have the same titles, with their own kernel."""
    lines = text(
        menu_entries={"alone": ["-4"]}, stick=("netbsd.stick", ["bootdev=sd0d"])
    ).splitlines()
    of_interest = ("menuentry", "\tmodule2", "else", 'if [ "$medium"')
    assert [line for line in lines if line.startswith(of_interest)] == [
        'if [ "$medium" = cd ]; then',
        'menuentry "goldmaster" {',
        "\tmodule2 /netbsd bootdev=cd0a -v",
        'menuentry "goldmaster alone" {',
        "\tmodule2 /netbsd bootdev=cd0a -v -4",
        "else",
        'menuentry "goldmaster" {',
        "\tmodule2 /netbsd.stick bootdev=sd0d",
        'menuentry "goldmaster alone" {',
        "\tmodule2 /netbsd.stick bootdev=sd0d -4",
    ]
    assert lines[-1] == "fi"


def test_words_that_grub_s_shell_would_take_apart() -> None:
    lines = text(title='a "b" $c\n}', kernel_words=["a;b", "x y", "it's", "$root", "", "ä"])
    assert 'menuentry "a b c}" {' in lines
    assert r"""	module2 /netbsd 'a;b' 'x y' 'it'\''s' '$root' '' 'ä'""" in lines.splitlines()


@pytest.mark.programs
@pytest.mark.parametrize("words", [["a;b", "x y", "it's", "$root", "{}", "#no"]])
@pytest.mark.parametrize("stick", [None, ("netbsd.stick", ["x y", "it's"])])
def test_grub_accepts_them(
    tmp_path: Path, words: list[str], stick: tuple[str, list[str]] | None
) -> None:
    (tmp_path / "grub.cfg").write_text(text(kernel_words=words, stick=stick))
    done = subprocess.run(["grub-script-check", tmp_path / "grub.cfg"], capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.programs
@pytest.mark.parametrize(
    ("names", "speed", "lines"),
    [
        (("vga",), 9600, ["terminal_input console", "terminal_output console"]),
        (
            ("com2",),
            9600,
            ["serial --unit=1 --speed=9600", "terminal_input serial", "terminal_output serial"],
        ),
        (
            ("vga", "com1"),
            57600,
            [
                "serial --unit=0 --speed=57600",
                "terminal_input console serial",
                "terminal_output console serial",
            ],
        ),
    ],
)
def test_where_grub_speaks(
    bench: Bench, tmp_path: Path, names: tuple[Console, ...], speed: Speed, lines: list[str]
) -> None:
    """The menu and the embedded configuration select the consoles."""
    consoles = Consoles(names, speed)
    menu_lines = text(consoles=consoles).splitlines()
    assert menu_lines[1 : 1 + len(lines)] == lines
    assert not [line for line in menu_lines[1 + len(lines) :] if "serial" in line]
    outputs = bench.run_stage(GrubImage("efi", TIME, consoles))
    format_readers.tool(
        "mcopy", "-i", bench.path(outputs["image"]), "::/EFI/BOOT/BOOTX64.EFI", tmp_path / "core"
    )
    assert "\n".join([*lines, "regexp"]).encode() in (tmp_path / "core").read_bytes()


@pytest.mark.programs
def test_mtools_is_not_believed(bench: Bench, tmp_path: Path) -> None:
    """On a full disk, mcopy writes an incomplete file and exits with 0."""
    liar = tmp_path / "mtools"
    liar.write_text("""#!/bin/sh
mtools "$@" || exit
case "$*" in
*core.img*) printf x | dd of=fat.img bs=1 seek=200000 conv=notrunc 2>/dev/null ;;
esac
""")
    liar.chmod(0o755)
    with pytest.raises(ToolError, match="mcopy wrote other data"):
        bench.run_stage(GrubImage("efi", TIME), tools={"mtools": liar})
