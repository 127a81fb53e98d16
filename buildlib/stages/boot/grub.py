"""GRUB: core images for El Torito, and the menu.

A core image carries every module it needs, so the disc holds no module folder. It looks for the
file that only our discs have at that place, takes that disc as root, and shows its menu. From the
start it speaks on the recipe's consoles, so that a boot test sees what goes wrong.
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
    "iso9660", "fat", "part_gpt", "part_msdos", "search", "search_fs_file", "normal",
    "configfile", "multiboot", "multiboot2", "gzio", "serial", "terminal", "echo", "ls", "test",
    "regexp",
)
_FORMATS = {"bios": "i386-pc-eltorito", "efi": "x86_64-efi"}
_FOLDERS = {"bios": "/usr/lib/grub/i386-pc", "efi": "/usr/lib/grub/x86_64-efi"}
_EXTRA = {"bios": ("biosdisk",), "efi": ("efi_gop", "all_video")}
# UEFI loads GRUB off a partition (hd0,gpt1); the menu is on all of the disk (hd0). What GRUB was
# loaded from counts before any other disc of ours.
_EMBEDDED = f"""\
regexp --set=1:disk '^([^,]*)' "$root"
search --no-floppy --file --set=root --hint=cd --hint=$root --hint=$disk --hint=cd0 /{MENU}
set prefix=($root)/boot/grub
configfile /{MENU}
"""
# A CD drive is cd for a BIOS, cd0 and so on for UEFI; all else is hd with a number. But UEFI takes
# a disk with an MBR for a CD too. That one has a second partition for UEFI, which on a CD is not to
# be found: a table counts in blocks of the medium's size.
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
# A floppy of 2.88 MB holds the EFI image four times over. Its serial number is fixed.
_FAT = ("-f", "2880", "-N", "474D5354")
_FAT_BYTES = 2880 << 10
_MTOOLS_SETTINGS = ("/etc/mtools.conf", "/etc/default/mtools.conf")
_FAT_BEGIN = 315_532_800  # FAT knows no time before 1980


@dataclass(frozen=True)
class GrubImage(Stage):
    """The boot image for `platform`. Outputs: `image`, and for bios `disk_code`.

    bios  a core image that the BIOS loads without emulation; the code loads it off a disk
    efi   a FAT image with EFI/BOOT/BOOTX64.EFI
    time  of the files on the FAT image, seconds since 1970
    consoles  where GRUB speaks before it has its menu
    """

    platform: Literal["bios", "efi"]
    time: int
    consoles: Consoles = field(default_factory=Consoles)

    def tools(self) -> tuple[str, ...]:
        """The second is needed for the FAT image only."""
        return ("grub-mkimage", "mtools") if self.platform == "efi" else ("grub-mkimage",)

    def host_folders(self) -> tuple[str, ...]:
        """GRUB's modules."""
        return (_FOLDERS[self.platform],)

    def host_files(self) -> tuple[str, ...]:
        """The settings of mtools that no variable can turn off."""
        return _MTOOLS_SETTINGS if self.platform == "efi" else ()

    def run(self, context: StageContext) -> Outputs:
        """Let grub-mkimage write the core image, and mtools the file system around it."""
        embedded, core = context.folder / "embedded.cfg", context.folder / "core.img"
        embedded.write_text(_terminals(self.consoles) + _EMBEDDED)
        context.run(
            "grub-mkimage", "-d", _FOLDERS[self.platform], "-O", _FORMATS[self.platform],
            "-p", "/boot/grub", "-c", embedded, "-o", core, *_EXTRA[self.platform], *MODULES,
        )
        if self.platform == "bios":
            code = Path(_FOLDERS["bios"], "boot_hybrid.img").read_bytes()
            return {"image": context.blobs.adopt(core), "disk_code": context.blobs.put(code)}
        return {"image": context.blobs.adopt(self._around(context, core))}

    def _around(self, context: StageContext, core: Path) -> Path:
        """A FAT image that holds the core image.

        mtools ends well on a full disk: so the image has all its room first, and is read back.
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
        ):  # mtools reads more than a path into quotes, `@@` and colons
            context.run("mtools", "-c", command, "-i", image.name, *words, environment=dated)
        if core.read_bytes() != again.read_bytes():
            raise ToolError("mcopy wrote something else than it was given", log=context.log)
        return image


def menu(
    *, title: str, xen: str, xen_words: Sequence[str], kernel: str, kernel_words: Sequence[str],
    timeout: int, menu_entries: Mapping[str, Sequence[str]], consoles: Consoles,
    stick: tuple[str, Sequence[str]] | None = None,
) -> str:
    """The text of grub.cfg: entries that start Xen with NetBSD as its dom0, the first by default.

    xen, kernel  paths on the disc, without a leading slash
    menu_entries  further entries: what the title adds to the words that the kernel gets too
    stick        kernel and words in place of these where GRUB was not loaded off a CD
    """
    start = f"multiboot2 {_words(f'/{xen}', *xen_words)}"

    def listed(kernel: str, kernel_words: Sequence[str]) -> str:
        return "".join(f"""\
menuentry "{_quoted(name)}" {{
\t{start}
\tmodule2 {_words(f"/{kernel}", *kernel_words, *words)}
}}
""" for name, words in entries(title, menu_entries).items())

    lines = listed(kernel, kernel_words)
    if stick:
        lines = f"{_IF_CD}{lines}else\n{listed(*stick)}fi\n"
    return f"""\
# {_quoted(title)}
{_terminals(consoles)}set timeout={timeout}
set default=0
{lines}"""


def entries(
    title: str, menu_entries: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Each entry's whole title, and the words it adds to the kernel's; the default first."""
    return {title: (), **{f"{title} {added}": words for added, words in menu_entries.items()}}


def _terminals(consoles: Consoles) -> str:
    """The lines that make GRUB speak and listen there."""
    serial = (f"serial --unit={UNITS[consoles.port]} --speed={consoles.speed}\n"
              if consoles.port else "")
    names = " ".join("console" if name == "vga" else "serial" for name in consoles.names)
    return f"{serial}terminal_input {names}\nterminal_output {names}\n"


def _quoted(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() and letter not in '"$\\')


def _words(*words: str) -> str:
    """The words as GRUB's shell takes them, in quotes where it would read more into them."""
    return " ".join(
        word if _PLAIN.fullmatch(word) else "'" + word.replace("'", r"'\''") + "'"
        for word in words
    )
