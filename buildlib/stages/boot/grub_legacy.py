"""GRUB legacy: the boot image for a BIOS, and its menu.

The boot image finds itself through the boot information table, and its menu by path. Its root is
the disc it was loaded from. Multiboot programs get their whole command line, path first; Xen and
NetBSD drop that first word. Source: GRUB 0.97's manual, and its stage2.c and builtins.c.
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
_LINE = 1500  # bytes; the rest of a line is silently dropped
_IMAGE = Wanted(
    "GRUB legacy", "usr/lib/grub/[^/]+/stage2_eltorito", "usr/lib/grub/MACHINE/stage2_eltorito"
)


@dataclass(frozen=True)
class DistributionLegacy(Stage):
    """GRUB legacy's boot image from a package of the distribution. Output: `image`."""

    TOOLS = PACKAGE_TOOLS

    package: HostPackage

    def run(self, context: StageContext) -> Outputs:
        """Download the package, verify it and extract the image."""
        return {"image": from_package(context, self.package, _IMAGE)}


@dataclass(frozen=True)
class FileLegacy(Stage):
    """GRUB legacy's boot image, stage2_eltorito, from a file of the checkout. Output: `image`."""

    file: SourceFile
    sha256: str

    def run(self, context: StageContext) -> Outputs:
        """Copy the file if it has the digest that the recipe pins."""
        return {"image": from_file(context, self.file, self.sha256, _IMAGE)}


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
) -> str:
    """The text of menu.lst, with the same entries and arguments as `grub.menu` for GRUB 2.

    GRUB legacy uses a single console. With two configured, it uses the one on which a key is
    pressed, or the first one after `timeout` seconds; its menu then waits that long again.

    Raises ConfigError for a line that GRUB legacy cannot read.
    """
    lines = [f"# {_plain(title)}", *_terminal(consoles, timeout), f"timeout {timeout}", "default 0"]
    for name, words in entries(title, menu_entries).items():
        lines += [
            "",
            f"title {_plain(name)}",
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
    """Raise ConfigError for a line it would misread: GRUB legacy has no quoting and no escapes."""
    why = ""
    if any(letter < " " for letter in line):
        why = "a control character is not allowed in a line"
    elif line.endswith("\\"):
        why = "a trailing backslash would join it with the next line"
    elif len(line.encode()) > _LINE:
        why = f"it has {len(line.encode())} bytes, but only {_LINE} are read"
    if why:
        raise ConfigError(
            "GRUB legacy cannot read this line",
            where=f"/{MENU}",
            why=f"{why}: {line[:200]!r}",
            reason="legacy-line",
            hint='change the arguments in [boot], or use loader = "grub2"',
        )
