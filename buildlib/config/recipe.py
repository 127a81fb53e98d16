"""The content of a recipe, as dataclasses. No I/O here.

They are loaded by `schema.load`; the field names are the keys of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from buildlib.config.amount import amount
from buildlib.config.boot_test import MEDIA, PLATFORMS, Medium, Platform, Stick
from buildlib.config.consoles import Console, Consoles, Speed
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.model import names


@dataclass(frozen=True, slots=True)
class BootConfig:
    """How the boot medium starts.

    loader     what a BIOS starts from a disc: GRUB 2, or GRUB legacy, which reads menu.lst; UEFI
               and disks always start GRUB 2
    legacy     where GRUB legacy comes from
    dom0       how Xen starts dom0: as a paravirtual or as a PVH domain
    consoles   consoles of GRUB, Xen and the kernel, the kernel's own first; one serial line at most
    speed      speed of the serial line, bits a second
    xen        further arguments for Xen
    kernel     further arguments for dom0's kernel on a CD; `stick.words` has those on a stick
    menu_entries  further menu entries: title to the arguments that the kernel gets in addition
    timeout    seconds the menu waits; -1: until a key is pressed (GRUB 2 only)
    platforms  firmware the image is made for
    disk       the partition table with which the image boots from a stick or disk too
    stick      dom0's kernel on a stick or disk; without it the image boots from CDs only
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"also": "menu_entries"}

    loader: Literal["grub2", "legacy"] = "grub2"
    legacy: Origin = field(default_factory=lambda: Origin("grub-legacy"))
    dom0: Literal["pv", "pvh"] = "pv"
    consoles: tuple[Console, ...] = Consoles().names
    speed: Speed = Consoles().speed
    xen: tuple[str, ...] = ()
    kernel: tuple[str, ...] = ("bootdev=cd0a",)
    menu_entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    timeout: int = 3
    platforms: tuple[str, ...] = PLATFORMS
    disk: Literal["gpt", "mbr", "none"] = "gpt"
    stick: Stick | None = None

    def chosen(self) -> tuple[Platform, ...]:
        """The platforms, BIOS first: it is the default entry of the boot catalog."""
        return tuple(platform for platform in PLATFORMS if platform in self.platforms)

    def media(self) -> tuple[Medium, ...]:
        """The media the image boots from: sticks and disks need a kernel of their own."""
        return MEDIA if self.stick else MEDIA[:1]

    def console_config(self) -> Consoles:
        """The consoles."""
        return Consoles(self.consoles, self.speed)

    def xen_words(self) -> tuple[str, ...]:
        """Xen's whole command line."""
        pvh = ("dom0=pvh",) if self.dom0 == "pvh" else ()
        return _with((*self.console_config().xen_words(), *pvh), self.xen)

    def kernel_words(self) -> tuple[str, ...]:
        """The kernel's whole command line on a CD."""
        return _with(self.console_config().kernel_words(), self.kernel)

    def stick_words(self) -> tuple[str, ...]:
        """The whole command line of the kernel for sticks."""
        return _with(self.console_config().kernel_words(), self.stick.words if self.stick else ())

    def __post_init__(self) -> None:
        self.console_config()
        self._check_words()
        if not self.platforms or not set(self.platforms) <= set(PLATFORMS):
            raise ValueError("platforms: bios, efi, or both")
        if self.stick and self.disk == "none":
            raise ValueError("boot.stick: a stick needs a partition table: set boot.disk")
        if self.loader == "legacy" and "bios" not in self.platforms:
            raise ValueError("loader: GRUB legacy needs a BIOS: add bios to platforms")

    def _check_words(self) -> None:
        with names.fields() as check:
            check.all("xen", self.xen, names.word)
            check.all("kernel", self.kernel, names.word)
            check.keys("menu_entries", self.menu_entries, names.title)
            for title, words in self.menu_entries.items():
                check.all(f"menu_entries.{title}", words, names.word)
            check.number("timeout", self.timeout, -1 if self.loader == "grub2" else 0, 86_400)
            check.all("platforms", self.platforms, names.name, twice=False)
            longest = max(
                self.menu_entries.values(), key=lambda words: len(" ".join(words)), default=()
            )
            for key, words in (
                ("xen", self.xen_words()),
                ("kernel", (*self.kernel_words(), *longest)),
                ("stick.words", (*self.stick_words(), *longest)),
            ):
                size = len(" ".join(words))
                check.that(
                    key,
                    size <= names.LINE_LIMIT,
                    f"the command line has {size} bytes, but only {names.LINE_LIMIT} are read",
                )


def _with(derived: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """Both, without derived arguments that the recipe also gives: Xen uses the first of some
    arguments, the last of others.
    """
    given = {word.partition("=")[0] for word in own}
    return (*(word for word in derived if word.partition("=")[0] not in given), *own)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A system to make: `recipes/dom0.toml`, `recipes/domu/NAME.toml`.

    sets       binary sets of the release, of those that its `binary_sets` names
    kernel     the kernel's configuration, a file in kernel-configs, or goldmaster:NAME
    kernel_path  path of the kernel in the tree
    packages   binary packages: PKGPATHs, base names, full names or patterns
    outside    paths at or below which packages may write, apart from their prefix
    overlays   folders below recipes, or goldmaster:FOLDER, laid over the sets in this order
    remove     paths taken out of the sets before the overlays
    keep       path of a file of the sets to the path it gets before the overlays, so that a file
               that replaces it can still use it
    domus      domU recipes whose images the CD carries (dom0 only)
    free       space that an FFS image keeps free: a share such as 5%, or bytes such as 64m
               (domU only)
    hypervisor  where Xen comes from; without it, the distribution's package
                `xen-hypervisor-*-amd64` (dom0 only)
    boot       how the boot medium starts (dom0 only)
    """

    sets: tuple[str, ...]
    kernel: str
    kernel_path: str = "netbsd"
    packages: tuple[str, ...] = ()
    outside: tuple[str, ...] = ("etc/rc.d", "var")
    overlays: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    keep: Mapping[str, str] = field(default_factory=dict)
    domus: tuple[str, ...] = ()
    free: str = "5%"
    hypervisor: Hypervisor | None = None
    boot: BootConfig | None = None

    def __post_init__(self) -> None:
        with names.fields() as check:
            check.all("sets", self.sets, names.name, twice=False)
            check.one("kernel", self.kernel, names.shipped(names.name))
            check.one("kernel_path", self.kernel_path, names.path)
            check.all("packages", self.packages, names.line, twice=False)
            check.all("outside", self.outside, names.path)
            check.all("overlays", self.overlays, names.shipped(names.path), twice=False)
            check.all("remove", self.remove, names.path, twice=False)
            check.keys("keep", self.keep, names.path)
            check.all("domus", self.domus, names.name, twice=False)
            check.one("free", self.free, amount)
            taken = {self.kernel_path: "the kernel"}
            for old, new in self.keep.items():
                check.one(f"keep.{old}", new, names.path)
                check.that(f"keep.{old}", new != old, "it already has that name")
                check.that(
                    f"keep.{old}",
                    new not in taken,
                    f"{names.shown(new)} is already the path of {taken.get(new)}",
                )
                check.that(
                    f"keep.{old}", not names.covers(self.remove, old), "the recipe removes it"
                )
                taken[new] = names.shown(old)
