"""Checks of a lock before a build: everything missing is reported together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from buildlib.config.boot_test import BootTestConfig
from buildlib.config.configuration import definition_digest
from buildlib.config.lock import Lock, LockedPackage, Pinned
from buildlib.config.recipe import Recipe
from buildlib.config.release import PackageSource, Release, Signature
from buildlib.model.errors import ConfigError
from buildlib.plan.lock_check import check_lock

PIN = Pinned("a" * 128)
RELEASE = Release(
    name="tiny",
    version="1.0",
    mirrors=("/srv",),
    path="NetBSD/tiny",
    signature=Signature("list.asc", "keys/key.asc", "0" * 40, "key.asc"),
    boot=BootTestConfig(("login:",)),
    packages=PackageSource("packages"),
    source_sets=("src",),
    binary_sets=("base", "etc", "comp"),
)
RECIPES: Mapping[str, Recipe] = {
    "dom0": Recipe(("base",), "K", packages=("net/rsync", "zstd")),
    "domu/www": Recipe(("base", "etc", "no-such-set"), "K", packages=("net/rsync",)),
}
RSYNC = LockedPackage(
    "rsync-3.4", "net/rsync", "rsync-3.4.tgz", PIN, ("dom0", "domu/www"), ("dom0", "domu/www")
)
ZSTD = LockedPackage("zstd-1.5", "archivers/zstd", "zstd-1.5.tgz", PIN, ("dom0",), ("dom0",))
NEEDED = [
    "source/sets/src.tgz",
    "amd64/binary/sets/base.tar.xz",
    "amd64/binary/sets/etc.tar.xz",
    "source/sets/MD5",
    "source/sets/SHA512",
    "amd64/binary/sets/MD5",
    "amd64/binary/sets/SHA512",
]
WHOLE = Lock(
    1, "tiny", definition_digest(RELEASE), 7, PIN, dict.fromkeys(NEEDED, PIN), (RSYNC, ZSTD)
)


def check(lock: Lock, *, has_key: bool = True, release: Release = RELEASE) -> None:
    check_lock(
        release,
        lock,
        RECIPES,
        has_key=has_key,
        where="sets/tiny.lock",
        again="doit lock release=sets/tiny.toml",
    )


def refused(lock: Lock, *, has_key: bool = True, release: Release = RELEASE) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        check(lock, has_key=has_key, release=release)
    return caught.value


def test_sets_no_recipe_names_need_no_pin() -> None:
    check(WHOLE)


def test_all_that_is_missing_is_reported_at_once() -> None:
    error = refused(replace(WHOLE, list=None, epoch=0, files={}, packages=()), has_key=False)
    assert error.reason == "incomplete-lock"
    assert error.where == "sets/tiny.lock"
    assert error.hint == "complete it: doit lock release=sets/tiny.toml"
    assert error.problems == (
        "keys/key.asc: the signing key is missing",
        "list.asc: the signed list is not pinned",
        *(f"{path}: not pinned" for path in NEEDED),
        "net/rsync: the package is not pinned",
        "zstd: the package is not pinned",
    )


@pytest.mark.parametrize("path", NEEDED)
def test_each_thing_that_is_missing_is_reported(path: str) -> None:
    files = {name: PIN for name in NEEDED if name != path}
    assert refused(replace(WHOLE, files=files)).problems == (f"{path}: not pinned",)


def test_a_lock_that_does_not_know_the_time() -> None:
    assert refused(replace(WHOLE, epoch=0)).problems == (
        "epoch: the time of the list's signature is unknown",
    )


def test_a_lock_for_another_definition() -> None:
    error = refused(replace(WHOLE, list=None), release=replace(RELEASE, path="NetBSD/other"))
    assert error.reason == "stale-lock"


@pytest.mark.parametrize(
    ("packages", "problem"),
    [
        ((RSYNC,), "zstd: not in the lock"),
        (
            (RSYNC, ZSTD, replace(ZSTD, pkgname="lz4-1", file="lz4-1.tgz")),
            "lz4-1: in the lock, but no longer in the recipe",
        ),
    ],
)
def test_a_lock_for_other_packages(packages: tuple[LockedPackage, ...], problem: str) -> None:
    error = refused(replace(WHOLE, packages=packages))
    assert (error.reason, error.problems) == ("stale-lock", (problem,))
    assert error.where == "recipes/dom0.toml: packages"


def test_a_key_that_is_not_here() -> None:
    error = refused(WHOLE, has_key=False)
    assert error.reason == "no-key"
    assert error.hint == "fetch it: doit lock release=sets/tiny.toml"
    signature = replace(RELEASE.signature, key_path="")
    error = refused(WHOLE, has_key=False, release=replace(RELEASE, signature=signature))
    assert error.hint == "put it beside the release definition"
