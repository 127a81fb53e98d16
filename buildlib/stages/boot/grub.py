"""GRUB: core images for El Torito, and the menu.

A core image contains every module it needs, so the disc has no module folder. It searches for the
file that only our discs have at that path, makes that disc its root and shows its menu. It uses
the recipe's consoles from the start, so that a boot test sees early failures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from buildlib.config.consoles import Consoles, Port
from buildlib.engine.stage import Outputs, Stage, StageContext
from buildlib.model.errors import ToolError

MENU = "boot/grub/grub.cfg"
UNITS: dict[Port, int] = {"com1": 0, "com2": 1}
MODULES = (
    "iso9660",
    "fat",
    "part_gpt",
    "part_msdos",
    "search",
    "search_fs_file",
    "normal",
    "configfile",
    "multiboot",
    "multiboot2",
    "gzio",
    "serial",
    "terminal",
    "echo",
    "ls",
    "test",
    "regexp",
)
_FORMATS = {"bios": "i386-pc-eltorito", "efi": "x86_64-efi"}
_FOLDERS = {"bios": "/usr/lib/grub/i386-pc", "efi": "/usr/lib/grub/x86_64-efi"}
_EXTRA = {"bios": ("biosdisk",), "efi": ("efi_gop", "all_video")}
# UEFI loads GRUB from a partition (hd0,gpt1); the menu is on the whole disk (hd0). The medium that
# GRUB was loaded from takes precedence over any other of our discs.
_EMBEDDED = f"""\
regexp --set=1:disk '^([^,]*)' "$root"
search --no-floppy --file --set=root --hint=cd --hint=$root --hint=$disk --hint=cd0 /{MENU}
set prefix=($root)/boot/grub
configfile /{MENU}
"""
# A CD drive is `cd` on a BIOS and `cd0`, `cd1` … on UEFI; other media are `hd` with a number. But
# UEFI also takes a disk with an MBR for a CD. Such a disk has a second partition, for UEFI, which
# is not found on a CD because the table counts in blocks of the medium's size.
_IF_CD = """\
set medium=stick
if regexp --set=1:disk '^(cd[0-9]*)' "$root"; then
\tset medium=cd
\tif [ "$grub_platform" = efi ]; then
\t\tif [ -e "($disk,msdos2)/EFI/BOOT/BOOTX64.EFI" ]; then set medium=stick; fi
\tfi
fi
if [ "$medium" = cd ]; then
"""
_PLAIN = re.compile(r"[A-Za-z0-9_./:,=+@%-]+")
# A 2.88 MB floppy has four times the room the EFI image needs. Its serial number is fixed.
_FAT = ("-f", "2880", "-N", "474D5354")
_FAT_BYTES = 2880 << 10
_MTOOLS_SETTINGS = ("/etc/mtools.conf", "/etc/default/mtools.conf")
_FAT_BEGIN = 315_532_800  # FAT cannot represent a time before 1980


@dataclass(frozen=True)
class GrubImage(Stage):
    """The boot image for `platform`. Outputs: `image`, and for BIOS `disk_code`.

    bios  a core image that the BIOS loads without emulation; `disk_code` loads it from a disk
    efi   a FAT image with EFI/BOOT/BOOTX64.EFI
    time  of the files on the FAT image, seconds since 1970
    consoles  which GRUB uses until it has read its menu
    """

    platform: Literal["bios", "efi"]
    time: int
    consoles: Consoles = field(default_factory=Consoles)

    def tools(self) -> tuple[str, ...]:
        """Only the FAT image needs mtools."""
        return ("grub-mkimage", "mtools") if self.platform == "efi" else ("grub-mkimage",)

    def host_folders(self) -> tuple[str, ...]:
        """The folder of GRUB's modules."""
        return (_FOLDERS[self.platform],)

    def host_files(self) -> tuple[str, ...]:
        """The mtools settings that no variable can disable."""
        return _MTOOLS_SETTINGS if self.platform == "efi" else ()

    def run(self, context: StageContext) -> Outputs:
        """Build the core image with grub-mkimage and, for UEFI, a FAT image with mtools."""
        embedded, core = context.folder / "embedded.cfg", context.folder / "core.img"
        embedded.write_text(_terminals(self.consoles) + _EMBEDDED)
        context.run(
            "grub-mkimage",
            "-d",
            _FOLDERS[self.platform],
            "-O",
            _FORMATS[self.platform],
            "-p",
            "/boot/grub",
            "-c",
            embedded,
            "-o",
            core,
            *_EXTRA[self.platform],
            *MODULES,
        )
        if self.platform == "bios":
            code = Path(_FOLDERS["bios"], "boot_hybrid.img").read_bytes()
            return {"image": context.blobs.adopt(core), "disk_code": context.blobs.put(code)}
        return {"image": context.blobs.adopt(self._around(context, core))}

    def _around(self, context: StageContext, core: Path) -> Path:
        """Build a FAT image that contains the core image.

        mtools exits with 0 on a full disk, so the space is allocated first and the file read back.
        """
        image, again = context.folder / "fat.img", context.folder / "again.img"
        with image.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _FAT_BYTES)
        dated = {"SOURCE_DATE_EPOCH": str(max(self.time, _FAT_BEGIN)), "MTOOLSRC": "/dev/null"}
        for command, words in (
            ("mformat", (*_FAT, "-v", "GOLDMASTER", "::")),
            ("mmd", ("::/EFI", "::/EFI/BOOT")),
            ("mcopy", (core.name, "::/EFI/BOOT/BOOTX64.EFI")),
            ("mcopy", ("::/EFI/BOOT/BOOTX64.EFI", again.name)),
        ):  # mtools gives a meaning to quotes, `@@` and colons in paths
            context.run("mtools", "-c", command, "-i", image.name, *words, environment=dated)
        if core.read_bytes() != again.read_bytes():
            raise ToolError("mcopy wrote other data than the core image", log=context.log)
        return image


def menu(
    *,
    title: str,
    xen: str,
    xen_words: Sequence[str],
    kernel: str,
    kernel_words: Sequence[str],
    timeout: int,
    menu_entries: Mapping[str, Sequence[str]],
    consoles: Consoles,
    stick: tuple[str, Sequence[str]] | None = None,
) -> str:
    """The text of grub.cfg: entries that start Xen with NetBSD as dom0; the first is the default.

    xen, kernel  paths on the disc, without a leading slash
    menu_entries  further entries: suffix of the title to additional kernel arguments
    stick        kernel and arguments used instead when GRUB was not loaded from a CD
    """
    start = f"multiboot2 {_words(f'/{xen}', *xen_words)}"

    def listed(kernel: str, kernel_words: Sequence[str]) -> str:
        return "".join(
            f"""\
menuentry "{_quoted(name)}" {{
\t{start}
\tmodule2 {_words(f"/{kernel}", *kernel_words, *words)}
}}
"""
            for name, words in entries(title, menu_entries).items()
        )

    lines = listed(kernel, kernel_words)
    if stick:
        lines = f"{_IF_CD}{lines}else\n{listed(*stick)}fi\n"
    return f"""\
# {_quoted(title)}
{_terminals(consoles)}set timeout={timeout}
set default=0
{lines}"""


def entries(title: str, menu_entries: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The full title of each entry and its additional kernel arguments; the default first."""
    return {title: (), **{f"{title} {added}": words for added, words in menu_entries.items()}}


def _terminals(consoles: Consoles) -> str:
    """The lines that select GRUB's consoles."""
    serial = (
        f"serial --unit={UNITS[consoles.port]} --speed={consoles.speed}\n" if consoles.port else ""
    )
    names = " ".join("console" if name == "vga" else "serial" for name in consoles.names)
    return f"{serial}terminal_input {names}\nterminal_output {names}\n"


def _quoted(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() and letter not in '"$\\')


def _words(*words: str) -> str:
    """The words joined for GRUB's shell, quoted where they contain special characters."""
    return " ".join(
        word if _PLAIN.fullmatch(word) else "'" + word.replace("'", r"'\''") + "'" for word in words
    )
