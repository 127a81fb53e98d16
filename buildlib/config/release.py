"""The content of a release definition, as dataclasses. No I/O here.

They are loaded by `schema.load`; the field names are the keys of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from buildlib.config.boot_test import BootTestConfig
from buildlib.config.build_sh import Build
from buildlib.config.external_program import Hypervisor
from buildlib.model import names

_SHA256 = 64  # hexadecimal digits
SUFFIXES = (".tgz", ".tar.gz", ".tar.xz")


def _fingerprint(text: str) -> None:
    if not re.fullmatch(r"[0-9a-fA-F]{40,64}", re.sub(r"[ :]", "", text)):
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
    certificate  file with the certificate of the authority whose members sign every package, in
                 PEM form, instead of a key; by its path from the release definition
    fingerprint  fingerprint of that key, or SHA-256 of that certificate: what is trusted
    libraries    full paths of shared libraries that are there though no set or package has them
    hypervisor   where Xen comes from if a recipe takes it from a package, but the packages are not
                 pkgsrc's, as those of a miniature
    advisories_key  file with the key that signs pkg-vulnerabilities, by its path from the release
                    definition; empty: the signature is not checked
    advisories_fingerprint  fingerprint of that key: what is trusted
    """

    path: str
    database: str = "usr/pkg/pkgdb"
    prefix: str = "usr/pkg"
    key: str = ""
    certificate: str = ""
    fingerprint: str = ""
    libraries: tuple[str, ...] = ()
    hypervisor: Hypervisor | None = None
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
                check.that(
                    f"{whose}key",
                    bool(key) == bool(fingerprint) or bool(not whose and self.certificate),
                    f"give {whose}key and {whose}fingerprint, or neither",
                )
            check.one("certificate", self.certificate, names.path, empty=True)
            check.that(
                "certificate",
                not self.certificate or (not self.key and len(self._digits) == _SHA256),
                "give it without key, and its SHA-256 as fingerprint: 64 hexadecimal digits",
            )
            check.all("libraries", self.libraries, names.full_path)

    @property
    def _digits(self) -> str:
        return re.sub(r"[\s:]", "", self.fingerprint)

    @property
    def signer_file(self) -> str:
        """The file with the key or certificate; empty: packages are not signed."""
        return self.key or self.certificate


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
        "pressed_from": "mirror_source",
        "pressed_time": "mirror_time",
    }

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
                check.that(
                    key, suffix in SUFFIXES, f"must be one of {', '.join(SUFFIXES)}, is {suffix!r}"
                )
            check.one("mirror_source", self.mirror_source, names.path, empty=True)
            check.time("mirror_time", self.mirror_time)
        if not self.mirrors and not self.mirror_source:
            raise ValueError("mirrors: give at least one, or mirror_source")

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
