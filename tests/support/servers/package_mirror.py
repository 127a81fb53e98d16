"""A mirror with packages, and a locker that uses it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from buildlib.config.boot_test import BootTestConfig
from buildlib.config.lock import Lock, LockedPackage, Pinned
from buildlib.config.release import PackageSource as Packages
from buildlib.config.release import Release, Signature
from buildlib.model.errors import GoldmasterError
from buildlib.operations.lock.packages import PackageLocker
from buildlib.sources.mirrors import Mirrors
from buildlib.store.store import Store
from support.checkouts.configurations import configuration_of
from support.machines.packages import certificate
from support.readers.archives import gz
from support.servers.mirror import Mirror

LIBC, LIBX = "/usr/lib/libc.so.12", "/usr/X11R7/lib/libX11.so.7"
RELEASE = Release(
    name="tiny",
    version="1.0",
    mirrors=("http://unused.invalid",),
    path="NetBSD/tiny",
    signature=Signature("list", "key", "0" * 40),
    boot=BootTestConfig(("login:",)),
    packages=Packages("packages"),
    binary_sets=("base", "etc", "xbase"),
    binary_suffix=".tgz",
)
SIGNED = replace(
    RELEASE,
    packages=Packages(
        "packages", key="keys/packager.asc", fingerprint=str(certificate().fingerprint)
    ),
)


def archive(*names: str) -> bytes:
    """A set with files and, at names that end in @, links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(f".{name.removesuffix('@')}")
            if name.endswith("@"):
                info.type, info.linkname = tarfile.SYMTYPE, "elsewhere"
            tar.addfile(info)
    return gz(out.getvalue())


SETS = {
    "base": archive("/lib/libc.so.12", f"{LIBC}@", "/bin/sh"),
    "etc": archive("/etc/passwd"),
    "xbase": archive(LIBX),
}


def path_of(name: str) -> str:
    return f"NetBSD/tiny/{RELEASE.binary_path(name)}"


def mirror_of(files: Mapping[str, bytes]) -> Mirror:
    return Mirror({path_of(name): data for name, data in SETS.items()} | dict(files))


class Bench:
    """A project with recipes, and a locker of its packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "build")
        self.said: list[str] = []
        self.pins = {
            RELEASE.binary_path(name): Pinned(hashlib.sha512(data).hexdigest())
            for name, data in SETS.items()
        }
        (folder / "keys").mkdir()
        (folder / "keys/packager.asc").write_text(str(certificate()))
        self.recipe("dom0", "a")

    def recipe(self, name: str, *packages: str, sets: tuple[str, ...] = ("base", "etc")) -> None:
        path = self.folder / f"recipes/{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"sets = {list(sets)}\nkernel = 'K'\npackages = {list(packages)}\n")

    def lock(
        self,
        mirror: Mirror | Path,
        *,
        release: Release = RELEASE,
        old: Lock | None = None,
        offline: bool = False,
    ) -> tuple[LockedPackage, ...]:
        root = mirror.url if isinstance(mirror, Mirror) else str(mirror)
        locker = PackageLocker(
            configuration_of(self.folder, release),
            self.store,
            Mirrors((root,), offline=offline),
            self.said.append,
            self.pins,
        )
        return locker.lock(old)

    def refused(self, files: Mapping[str, bytes], *, release: Release = RELEASE) -> GoldmasterError:
        with mirror_of(files) as mirror, pytest.raises(GoldmasterError) as caught:
            self.lock(mirror, release=release)
        return caught.value


def fetched(mirror: Mirror) -> list[str]:
    return [path.rpartition("/")[2] for path, _ in mirror.requests]
