"""GRUB legacy: what a BIOS starts from a disc, and its menu.

The boot image finds itself by the boot information table, and its menu by its own path. It takes
the disc it was loaded from for its root. Multiboot programs get their whole line, path first; Xen
and NetBSD drop that first word. Source: GRUB 0.97's manual, and its stage2.c and builtins.c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from buildlib.config.consoles import Consoles
from buildlib.engine.stage import HostPackage, Outputs, SourceFile, Stage, StageContext
from buildlib.model.errors import ConfigError
from buildlib.stages.boot.grub import UNITS, entries
from buildlib.stages.inputs.external_file import PACKAGE_TOOLS, Wanted, from_file, from_package

MENU = "boot/grub/menu.lst"
_LINE = 1500  # bytes; it drops what is beyond without a word
_IMAGE = Wanted("GRUB legacy", "usr/lib/grub/[^/]+/stage2_eltorito",
                "usr/lib/grub/MACHINE/stage2_eltorito")


@dataclass(frozen=True)
class DistributionLegacy(Stage):
    """GRUB legacy's boot image in a package of the distribution. Output: `image`."""

    TOOLS = PACKAGE_TOOLS

    package: HostPackage

    def run(self, context: StageContext) -> Outputs:
        """Download the package, check it, take the image out."""
        return {"image": from_package(context, self.package, _IMAGE)}


@dataclass(frozen=True)
class FileLegacy(Stage):
    """GRUB legacy's boot image, stage2_eltorito, in a file of the checkout. Output: `image`."""

    file: SourceFile
    sha256: str

    def run(self, context: StageContext) -> Outputs:
        """Copy it in, if it is what the recipe pins."""
        return {"image": from_file(context, self.file, self.sha256, _IMAGE)}


def menu(
    *, title: str, xen: str, xen_words: Sequence[str], kernel: str, kernel_words: Sequence[str],
    timeout: int, menu_entries: Mapping[str, Sequence[str]], consoles: Consoles,
) -> str:
    """The text of menu.lst: the entries that `grub.menu` makes for GRUB 2, of the same arguments.

    GRUB legacy speaks on one console only. Of two it takes the one where a key is pressed, and
    the first when nobody has in `timeout` seconds; then its menu waits as long.

    Raises ConfigError for what it cannot be told.
    """
    lines = [f"# {_plain(title)}", *_terminal(consoles, timeout), f"timeout {timeout}", "default 0"]
    for name, words in entries(title, menu_entries).items():
        lines += [
            "", f"title {_plain(name)}",
            " ".join(("kernel", f"/{xen}", *xen_words)),
            " ".join(("module", f"/{kernel}", *kernel_words, *words)),
        ]
    for line in lines:
        _check(line)
    return "\n".join([*lines, ""])


def _terminal(consoles: Consoles, timeout: int) -> list[str]:
    names = ["console" if name == "vga" else "serial" for name in consoles.names]
    wait = [f"--timeout={timeout}"] if len(names) > 1 else []
    port = consoles.port
    return [
        *([f"serial --unit={UNITS[port]} --speed={consoles.speed}"] if port else []),
        " ".join(["terminal", *wait, *names]),
    ]


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _check(line: str) -> None:
    """It knows no quotes: words are what stands between blanks, a line's end is its end."""
    why = ""
    if any(letter < " " for letter in line):
        why = "a control character has no place in a line"
    elif line.endswith("\\"):
        why = "a backslash at the end would join it with the next line"
    elif len(line.encode()) > _LINE:
        why = f"it has {len(line.encode())} bytes; {_LINE} are read"
    if why:
        raise ConfigError("GRUB legacy cannot be told this", where=f"/{MENU}",
                          why=f"{why}: {line[:200]!r}", reason="legacy-line",
                          hint="change the words in [boot], or use loader = \"grub2\"")
