"""What the configuration says, as dataclasses: releases, locks, recipes, settings.

Each is loaded by `schema.load`; the field names are the keys of the files. No I/O here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from buildlib.config.amount import amount
from buildlib.config.boot_test import MEDIA, PLATFORMS, BootTestConfig, Medium, Platform, Stick
from buildlib.config.build_sh import Build
from buildlib.config.consoles import Console, Consoles, Speed
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.model import names
from buildlib.model.digest import SHA256_HEX, SHA512_HEX
from buildlib.model.numbers import MOST

SUFFIXES = (".tgz", ".tar.gz", ".tar.xz")


def _fingerprint(text: str) -> None:
    if not re.fullmatch(r"[0-9a-fA-F]{40,64}", text.replace(" ", "")):
        raise ValueError("must be 40 or 64 hexadecimal digits")


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs a release's list of digests.

    list         path of the clear-signed list, from the mirror's root
    key          file with the key, by its path from the release definition
    fingerprint  fingerprint of the primary key, 40 or 64 hexadecimal digits: what is trusted
    key_path     path of the key, from the mirror's root: `doit lock` fetches a key that is missing
    """

    list: str
    key: str
    fingerprint: str
    key_path: str = ""

    def __post_init__(self) -> None:
        with names.fields() as check:
            check.one("list", self.list, names.path)
            check.one("key", self.key, names.path)
            check.one("key_path", self.key_path, names.path, empty=True)
            check.one("fingerprint", self.fingerprint, _fingerprint)


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Where a release's binary packages are.

    path         path of the folder with packages and pkg_summary.gz, from the mirror's root
    database     path of the package database in the installed system
    prefix       path below which packages are installed there
    key          file with the key that every package is signed with, by its path from the release
                 definition; empty: packages are not signed
    fingerprint  fingerprint of that key: what is trusted
    libraries    full paths of shared libraries that are there though no set or package has them
    advisories_key  file with the key that signs pkg-vulnerabilities, by its path from the release
                    definition; empty: the signature is not checked
    advisories_fingerprint  fingerprint of that key: what is trusted
    """

    path: str
    database: str = "usr/pkg/pkgdb"
    prefix: str = "usr/pkg"
    key: str = ""
    fingerprint: str = ""
    libraries: tuple[str, ...] = ()
    advisories_key: str = ""
    advisories_fingerprint: str = ""

    def __post_init__(self) -> None:
        with names.fields() as check:
            for key in ("path", "database", "prefix"):
                check.one(key, getattr(self, key), names.path)
            for whose in ("", "advisories_"):
                key = getattr(self, f"{whose}key")
                fingerprint = getattr(self, f"{whose}fingerprint")
                check.one(f"{whose}key", key, names.path, empty=True)
                check.one(f"{whose}fingerprint", fingerprint, _fingerprint, empty=True)
                check.that(f"{whose}key", bool(key) == bool(fingerprint),
                           f"give {whose}key and {whose}fingerprint, or neither")
            check.all("libraries", self.libraries, names.full_path)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of NetBSD: `sets/NAME.toml`.

    name           part of the names of products and volumes
    version        what packages call the release, such as `10.1`
    mirrors        roots (URLs or folders) that have `path` below them, tried in order; may be
                   empty only if `mirror_source` is given
    path           path of the release's folder, from the mirror's root
    signature      who signs the list of digests
    boot           what a boot test expects, and the machine it runs on
    packages       where the binary packages are
    machine        NetBSD's name for the port
    machine_arch   NetBSD's name for the processor's architecture
    source_sets    sets below `source/sets`, which are compiled from
    binary_sets    sets below MACHINE/binary/sets, which recipes may name
    source_suffix, binary_suffix   how the names of these sets' files end
    archives       path from a mirror's root to the URL that holds what is below that path; tried
                   after all mirrors
    build          how `build.sh` is called
    mirror_source  a folder beside the definition from which a whole mirror is made, for a release
                   of your own; used unless the setting `mirror` names another
    mirror_time    time stamp of everything in such a mirror, seconds since 1970
    """

    RENAMED: ClassVar[Mapping[str, str]] = {
        "pressed_from": "mirror_source", "pressed_time": "mirror_time"}

    name: str
    version: str
    mirrors: tuple[str, ...]
    path: str
    signature: Signature
    boot: BootTestConfig
    packages: PackageSource
    machine: str = "amd64"
    machine_arch: str = "x86_64"
    source_sets: tuple[str, ...] = ("src", "syssrc", "sharesrc", "gnusrc")
    source_suffix: str = ".tgz"
    binary_sets: tuple[str, ...] = ("base", "etc")
    binary_suffix: str = ".tar.xz"
    archives: Mapping[str, str] = field(default_factory=dict)
    build: Build = field(default_factory=Build)
    mirror_source: str = ""
    mirror_time: int = 0

    def __post_init__(self) -> None:
        with names.fields() as check:
            for key in ("name", "version", "machine", "machine_arch"):
                check.one(key, getattr(self, key), names.label)
            check.all("mirrors", self.mirrors, names.line)
            check.one("path", self.path, names.path)
            check.keys("archives", self.archives, names.path)
            for prefix, url in self.archives.items():
                check.one(f"archives.{prefix}", url, names.line)
            for key in ("source_sets", "binary_sets"):
                check.all(key, getattr(self, key), names.name, twice=False)
            for key in ("source_suffix", "binary_suffix"):
                suffix = getattr(self, key)
                check.that(key, suffix in SUFFIXES, f"one of {', '.join(SUFFIXES)}, not {suffix!r}")
            check.one("mirror_source", self.mirror_source, names.path, empty=True)
            check.time("mirror_time", self.mirror_time)
        if not self.mirrors and not self.mirror_source:
            raise ValueError("mirrors: at least one, or mirror_source")

    def source_path(self, name: str) -> str:
        """Path of a source set, from the release's folder."""
        return f"source/sets/{name}{self.source_suffix}"

    def binary_path(self, name: str) -> str:
        """Path of a binary set, from the release's folder."""
        return f"{self.machine}/binary/sets/{name}{self.binary_suffix}"

    def set_paths(self) -> tuple[str, ...]:
        """Paths of all sets, from the release's folder."""
        return (*map(self.source_path, self.source_sets), *map(self.binary_path, self.binary_sets))

    def list_paths(self) -> tuple[str, ...]:
        """Paths of the MD5 and SHA512 files beside the sets, from the release's folder."""
        folders = dict.fromkeys(path.rpartition("/")[0] for path in self.set_paths())
        return tuple(f"{folder}/{name}" for folder in folders for name in ("MD5", "SHA512"))


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file a lock pins: SHA-512 (hex), and SHA-256 (hex) and size (bytes) if it was read.

    A lock is made without reading the sets: the signed list gives their SHA-512.
    """

    sha512: str
    sha256: str = ""
    size: int = -1

    def __post_init__(self) -> None:
        known = not self.sha256 or SHA256_HEX.match(self.sha256)
        if not SHA512_HEX.match(self.sha512) or not known:
            raise ValueError("a digest has the wrong length or form")
        if not -1 <= self.size <= MOST:
            raise ValueError("the size is not a number of bytes")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A binary package a lock pins.

    file, pin  file name below the packages' folder, and what it must be
    pkgpath    category/name in pkgsrc
    recipes    those that have it installed, directly or not
    wanted_by  those that name it; none: others need it
    """

    pkgname: str
    pkgpath: str
    file: str
    pin: Pinned
    recipes: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names.check_name(self.pkgname, "package")
        names.check_name(self.file, "file")


@dataclass(frozen=True, slots=True)
class Lock:
    """What a release is made of, to the byte: `sets/NAME.lock`, written by `doit lock`.

    One that pins only some of it is kept to by `doit lock`, which completes it; nothing is built.

    lock        version of this form
    definition  digest of what the release definition said of sources when the lock was made
    epoch       time stamp of all outputs, seconds since 1970: when the signed list was signed;
                0: not known yet
    list        the signed list of digests; None: not known yet
    files       path from the release's folder to pin
    packages    every package of every recipe, in an order where what is needed comes first
    """

    lock: int
    release: str
    definition: str
    epoch: int
    list: Pinned | None
    files: Mapping[str, Pinned]
    packages: tuple[LockedPackage, ...] = ()

    def __post_init__(self) -> None:
        if self.lock != 1:
            raise ValueError(f"lock: form {names.shown_number(self.lock)} is not known here; "
                             "run `doit lock`")
        with names.fields() as check:
            check.time("epoch", self.epoch)


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
        """What the image comes up on: without a kernel for them, no stick and no disk."""
        return MEDIA if self.stick else MEDIA[:1]

    def console_config(self) -> Consoles:
        """The consoles."""
        return Consoles(self.consoles, self.speed)

    def xen_words(self) -> tuple[str, ...]:
        """All of Xen's command line."""
        pvh = ("dom0=pvh",) if self.dom0 == "pvh" else ()
        return _with((*self.console_config().xen_words(), *pvh), self.xen)

    def kernel_words(self) -> tuple[str, ...]:
        """All of the kernel's command line where the medium is a CD."""
        return _with(self.console_config().kernel_words(), self.kernel)

    def stick_words(self) -> tuple[str, ...]:
        """All of the command line of the kernel for sticks."""
        return _with(self.console_config().kernel_words(), self.stick.words if self.stick else ())

    def __post_init__(self) -> None:
        self.console_config()
        self._check_words()
        if not self.platforms or not set(self.platforms) <= set(PLATFORMS):
            raise ValueError("platforms: bios, efi, or both")
        if self.stick and self.disk == "none":
            raise ValueError("boot.stick: without a table (boot.disk) no stick is booted")
        if self.loader == "legacy" and "bios" not in self.platforms:
            raise ValueError("loader: GRUB legacy is for a BIOS, and platforms has no bios")

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
            for key, words in (("xen", self.xen_words()),
                               ("kernel", (*self.kernel_words(), *longest)),
                               ("stick.words", (*self.stick_words(), *longest))):
                size = len(" ".join(words))
                check.that(key, size <= names.LINE_LIMIT, f"the command line has {size} bytes, but "
                           f"only {names.LINE_LIMIT} are read")


def _with(derived: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    """Both, but for what the recipe's own words say otherwise: of some words Xen takes the first,
    of others the last.
    """
    said = {word.partition("=")[0] for word in own}
    return (*(word for word in derived if word.partition("=")[0] not in said), *own)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A system to make: `recipes/dom0.toml`, `recipes/domu/NAME.toml`.

    sets       binary sets of the release, of those that its `binary_sets` names
    kernel     the kernel's configuration, a file in kernel-configs
    kernel_path  path of the kernel in the tree
    packages   binary packages: PKGPATHs, base names, full names or patterns
    outside    paths at or below which packages may write, apart from their prefix
    overlays   folders below recipes, laid over the sets in this order
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
            check.one("kernel", self.kernel, names.name)
            check.one("kernel_path", self.kernel_path, names.path)
            check.all("packages", self.packages, names.line, twice=False)
            check.all("outside", self.outside, names.path)
            check.all("overlays", self.overlays, names.path, twice=False)
            check.all("remove", self.remove, names.path, twice=False)
            check.keys("keep", self.keep, names.path)
            check.all("domus", self.domus, names.name, twice=False)
            check.one("free", self.free, amount)
            taken = {self.kernel_path: "the kernel"}
            for old, new in self.keep.items():
                check.one(f"keep.{old}", new, names.path)
                check.that(f"keep.{old}", new != old, "it already has that name")
                check.that(f"keep.{old}", new not in taken,
                           f"{names.shown(new)} is already the path of {taken.get(new)}")
                check.that(f"keep.{old}", not names.covers(self.remove, old),
                           "the recipe removes it")
                taken[new] = names.shown(old)
