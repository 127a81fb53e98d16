"""What a configuration says of itself: lines of errors, the lock's place, what recipes name."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from buildlib.config.boot_test import Stick
from buildlib.config.configuration import (
    Configuration,
    Place,
    definition_digest,
    files_named,
    kernels_named,
)
from buildlib.config.external_program import Hypervisor, Origin
from buildlib.config.reading.toml_file import TomlFile
from buildlib.config.recipe import BootConfig, Recipe
from buildlib.config.release import Release
from buildlib.config.settings import Settings
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load

MINI = tomllib.loads((Path(__file__).parents[3] / "sets/mini.toml").read_text())
RELEASE = load(Release, MINI, where="mini.toml")
DOM0 = TomlFile("recipes/dom0.toml", b'sets = []\n\nkernel = "K"\n')
SHA256 = "a" * 64


def configuration(lock_file: Place) -> Configuration:
    return Configuration(
        root=Path("/project"),
        settings=Settings(),
        epoch=None,
        release=RELEASE,
        definition=Place(Path("/project/sets/mini.toml"), "sets/mini.toml"),
        lock=ConfigError("none"),
        lock_file=lock_file,
        beside={},
        documents={"recipes/dom0.toml": DOM0},
    )


OWN = Place(Path("/project/sets/mini.lock"), "sets/mini.lock")


@pytest.mark.parametrize(
    ("where", "placed"),
    [
        ("recipes/dom0.toml: kernel", "recipes/dom0.toml:3: kernel"),
        ("recipes/dom0.toml: kernel.x", "recipes/dom0.toml:3: kernel.x"),
        ("recipes/dom0.toml: none", "recipes/dom0.toml: none"),
        ("recipes/dom0.toml: kernel and sets", "recipes/dom0.toml: kernel and sets"),
        ("recipes/other.toml: kernel", "recipes/other.toml: kernel"),
        ("recipes/dom0.toml", "recipes/dom0.toml"),
        (None, None),
    ],
)
def test_an_error_gets_the_line_of_its_key(where: str | None, placed: str | None) -> None:
    error = ConfigError("wrong", where=where)
    assert configuration(OWN).placed(error) is error
    assert error.where == placed


def test_a_lock_that_ships_is_written_in_the_project() -> None:
    assert configuration(OWN).new_lock_file == OWN
    shipped = Place(Path("/package/sets/mini.lock"), "goldmaster:mini.lock")
    assert configuration(shipped).new_lock_file == OWN


def test_what_a_recipe_names() -> None:
    plain = Recipe(("base",), "K")
    assert (kernels_named(plain), files_named(plain)) == ({"kernel": "K"}, {})
    assert kernels_named(replace(plain, boot=BootConfig())) == {"kernel": "K"}
    full = replace(
        plain,
        boot=BootConfig(stick=Stick("S"), legacy=Origin(file="grub", sha256=SHA256)),
        hypervisor=Hypervisor(file="xen.gz", sha256=SHA256),
    )
    assert kernels_named(full) == {"kernel": "K", "boot.stick.kernel": "S"}
    assert files_named(full) == {"hypervisor.file": "xen.gz", "boot.legacy.file": "grub"}
    package = replace(plain, hypervisor=Hypervisor(package="usr/pkg/xen.gz"))
    assert files_named(package) == {}


def test_a_digest_of_all_that_a_lock_depends_on() -> None:
    packages, signature = RELEASE.packages, RELEASE.signature
    others = [
        replace(RELEASE, path="NetBSD/other"),
        replace(RELEASE, binary_sets=("base",)),
        replace(RELEASE, source_suffix=".tar.xz"),
        replace(RELEASE, signature=replace(signature, list="other.asc")),
        replace(RELEASE, signature=replace(signature, fingerprint="b" * 40)),
        replace(RELEASE, packages=replace(packages, path="other")),
        replace(RELEASE, packages=replace(packages, key="k", fingerprint="c" * 40)),
    ]
    assert len({definition_digest(one) for one in (RELEASE, *others)}) == 1 + len(others)
    same = replace(RELEASE, name="other", version="2", mirrors=("http://a.example",))
    assert definition_digest(same) == definition_digest(RELEASE)


def test_fingerprints_are_compared_without_spaces() -> None:
    def digest(signature: str, packages: str) -> str:
        return definition_digest(
            replace(
                RELEASE,
                signature=replace(RELEASE.signature, fingerprint=signature),
                packages=replace(RELEASE.packages, key="k", fingerprint=packages),
            )
        )

    spaced = digest("AB " * 20, "CD:EF " * 10)
    assert spaced == digest("ab" * 20, "cdef" * 10)
