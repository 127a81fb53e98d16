"""The project's own recipes, locked against a repository of the real shape."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.machines.packages import repository
from support.machines.real_packages import BASE, real_packages
from support.servers.mirror import Mirror
from support.servers.package_mirror import archive

from buildlib.config.lock import LockedPackage, Pinned
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings
from buildlib.model.errors import SourceError
from buildlib.operations.lock.packages import PackageLocker
from buildlib.sources.mirrors import Mirrors
from buildlib.store.store import Store

ROOT = Path(__file__).parents[4]
DOM0 = {"xentools420", "xenkernel420", "subversion-base", "sudo", "screen", "rsync"}


def locked(
    folder: Path, release_name: str, *, without: str = "", said: list[str]
) -> tuple[LockedPackage, ...]:
    """What `doit lock` pins for all recipes, but without packages whose name starts so."""
    store = Store(folder / "build")
    places = Places(ROOT, store.seen, lambda: ROOT)
    configuration = read_configuration(Settings(release=release_name), places)
    release = configuration.release
    made = [
        one
        for one in real_packages(f"{release.version.split('.')[0]}.0")
        if not without or not one.pkgname.startswith(without)
    ]
    sets = {"base": archive("/lib/libc.so.12", *BASE), "etc": archive("/etc/passwd")}
    paths = {name: release.binary_path(name) for name in sets}
    files = {
        f"{release.packages.path}/{path.removeprefix('packages/')}": data
        for path, data in repository(*made).items()
    } | {f"{release.path}/{paths[name]}": data for name, data in sets.items()}
    pins = {paths[name]: Pinned(hashlib.sha512(data).hexdigest()) for name, data in sets.items()}
    with Mirror(files) as mirror:
        locker = PackageLocker(configuration, store, Mirrors((mirror.url,)), said.append, pins)
        return locker.lock(None)


@pytest.mark.thorough
@pytest.mark.parametrize("release", ["netbsd-9.4", "netbsd-10.1", "netbsd-11.0"])
def test_all_recipes_are_resolved(tmp_path: Path, release: str) -> None:
    said: list[str] = []
    packages = locked(tmp_path, release, said=said)
    wanted = {item.pkgname.rpartition("-")[0] for item in packages if "dom0" in item.wanted_by}
    assert wanted == DOM0
    assert {recipe for item in packages for recipe in item.recipes} == {
        "dom0", "domu/base", "domu/nfs", "domu/pkgrepo", "domu/sql", "domu/storage",
    }  # fmt: skip
    assert [line for line in said if "requires" in line] == [], "every library is somewhere"
    order = [item.pkgname.rpartition("-")[0] for item in packages]
    assert order.index("libgpg-error") < order.index("libgcrypt") < order.index("xentools420")


def test_a_dependency_that_the_repository_lost(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        locked(tmp_path, "netbsd-10.1", without="libgpg-error", said=[])
    assert "sysutils/xentools420 (recipe) → xentools420-20260610 → libgcrypt-1.11.1" in str(
        caught.value
    )
