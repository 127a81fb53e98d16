"""The content of a lock file, as dataclasses. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.model import names
from buildlib.model.digest import SHA256_HEX, SHA512_HEX
from buildlib.model.numbers import MOST


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

    file, pin  file name below the packages' folder, and its digests and size
    pkgpath    category/name in pkgsrc
    recipes    those that install it, directly or as a dependency
    wanted_by  those that name it; empty: it is only a dependency
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
    """Everything that a release is made of, to the byte: `sets/NAME.lock`, written by `doit lock`.

    `doit lock` also accepts an incomplete lock and completes it; builds do not accept it.

    lock        version of the format
    definition  digest of the sources part of the release definition when the lock was made
    epoch       time stamp of all outputs, seconds since 1970: when the signed list was signed;
                0: unknown
    list        the signed list of digests; None: unknown
    files       path from the release's folder to pin
    packages    every package of every recipe, dependencies first
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
            raise ValueError(
                f"lock: unknown format {names.shown_number(self.lock)}; run `doit lock`"
            )
        with names.fields() as check:
            check.time("epoch", self.epoch)
