"""All that people have written for the builds of one release, as one frozen value.

`reader.read_configuration` reads every file once and makes it; all that follows is a function of
it. Each part knows the file that it is from, so that an error can name it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from buildlib.config.accounts import Accounts
from buildlib.config.lock import Lock
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.config.settings import Settings
from buildlib.model.digest import Json, digest_of
from buildlib.model.errors import ConfigError
from buildlib.model.names import SHIPPED
from buildlib.model.spec import SpecLine

if TYPE_CHECKING:
    from buildlib.config.reading.toml_file import TomlFile

DOM0 = "dom0"  # the name of its recipe
_KEY = re.compile(r"(.+\.toml): (\S+)")  # a file and a key in it, as the place of an error


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder: its path, and what keys, build records and errors call it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """A folder that recipes lay over the sets; `said` is what the spec beside it says, by path."""

    place: Place
    spec: Path
    said: Mapping[str, SpecLine]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is written, and what is wrong with it.

    root        the project's folder
    epoch       SOURCE_DATE_EPOCH, or None for that of the lock
    definition  the file of the release; lock_file: that of its lock
    lock        the lock, or why there is none
    beside      what the definition calls a file or folder to where that is, there or not
    has_key     whether the key of the signed list is there
    recipes     by name, dom0's first; those that cannot be read are in `unread`
    domus       names of all domU recipes of the project, sorted
    kernels     what recipes call a kernel to its configuration and all that this includes
    overlays    what recipes call an overlay to the overlay
    files       what recipes call another file to where it is
    package     the package and its version, where anything of it is named; else empty
    unread      what is wrong with recipes as such
    missing     what the release and recipes name, and is not there or cannot be used
    documents   the TOML files that were read, by name
    """

    root: Path
    settings: Settings
    epoch: int | None
    definition: Place
    release: Release
    lock_file: Place
    lock: Lock | ConfigError
    beside: Mapping[str, Place]
    has_key: bool = False
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    domus: tuple[str, ...] = ()
    accounts: Accounts = field(default_factory=Accounts)
    kernels: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    files: Mapping[str, Place] = field(default_factory=dict)
    package: str = ""
    unread: tuple[ConfigError, ...] = ()
    missing: tuple[ConfigError, ...] = ()
    documents: Mapping[str, TomlFile] = field(default_factory=dict)

    def placed(self, error: ConfigError) -> ConfigError:
        """The error, with the line of the key that its place names: `recipes/dom0.toml:7: free`."""
        found = _KEY.fullmatch(str(error.where or ""))
        if found and (document := self.documents.get(found[1])):
            line = document.line_of(found[2])
            error.where = f"{found[1]}:{line}: {found[2]}" if line else error.where
        return error

    @property
    def new_lock_file(self) -> Place:
        """Where `doit lock` writes the lock: never into the package."""
        if not self.lock_file.name.startswith(SHIPPED):
            return self.lock_file
        name = self.lock_file.path.name
        return Place(self.root / "sets" / name, f"sets/{name}")


def kernels_named(recipe: Recipe) -> dict[str, str]:
    """Key of a recipe to the kernel that it names."""
    stick = recipe.boot.stick if recipe.boot else None
    return {"kernel": recipe.kernel, **({"boot.stick.kernel": stick.kernel} if stick else {})}


def files_named(recipe: Recipe) -> dict[str, str]:
    """Key of a recipe to the file of the project that it names."""
    named = {
        "hypervisor.file": recipe.hypervisor.file if recipe.hypervisor else "",
        "boot.legacy.file": recipe.boot.legacy.file if recipe.boot else "",
    }
    return {key: file for key, file in named.items() if file}


def definition_digest(release: Release) -> str:
    """Digest of what a definition says of its sources: a lock made for another is stale."""
    facts: dict[str, Json] = {
        "path": release.path,
        "sets": list(release.set_paths()),
        "list": release.signature.list,
        "fingerprint": release.signature.fingerprint.replace(" ", "").lower(),
        "packages": release.packages.path,
    }
    if release.packages.fingerprint:  # a lock made without it has checked no package
        facts["signer"] = release.packages.fingerprint.replace(" ", "").replace(":", "").lower()
    return digest_of(facts)
