"""The files a project is made of: release definitions, locks, recipes, kernel configurations.

    sets/NAME.toml, NAME.lock     releases        recipes/dom0.toml, domu/NAME.toml   systems
    sets/keys/                    their signers   recipes/accounts.toml               numbers
    kernel-configs/NAME           kernels
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buildlib.config.accounts import Accounts
from buildlib.config.recipe import Lock, Recipe, Release
from buildlib.config.toml_file import read_toml
from buildlib.host.reading import read_small
from buildlib.model import json_text
from buildlib.model.digest import Json, digest_of
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load, nearest, problems_of
from buildlib.store.stat_cache import StatCache

# Keys of a recipe that would have no effect in another system's.
_OF_DOM0 = {"boot": "only dom0's recipe says how the disc starts; Xen starts a domU as its file in "
                    "domUs says",
            "hypervisor": "only dom0 has one", "domus": "only dom0 carries images"}
_OF_DOMUS = {"free": "only an FFS image of a domU has free space; a CD has none"}


class Project:
    """The checkout at `root`. Every method raises ConfigError with all problems of a file."""

    def __init__(self, root: Path, seen: StatCache) -> None:
        self.root = root
        self._seen = seen

    def name_of(self, path: Path) -> str:
        """How documents and errors call a file of the project."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.name

    def release_file(self, release: str) -> Path:
        """The definition of a release: a name below `sets`, or a path to a .toml file."""
        if release.endswith(".toml"):
            path = Path(release)
            return path if path.is_absolute() else self.root / path
        return self._known("release", release, self.root / "sets", ".toml")

    def release(self, release: str) -> Release:
        """A release definition."""
        path = self.release_file(release)
        return load(Release, self._toml(path), where=self.name_of(path))

    def lock_file(self, release: str) -> Path:
        """The lock beside a release's definition."""
        return self.release_file(release).with_suffix(".lock")

    def lock(self, release: str) -> Lock:
        """The lock of a release."""
        path = self.lock_file(release)
        self._seen.note(path)
        try:
            data = json_text.loads(read_small(path), unique=True)
        except FileNotFoundError:
            raise ConfigError(
                f"the release {release} has no lock", where=self.name_of(path),
                hint=f"make one: doit lock release={release}", reason="no-lock",
            ) from None
        except ValueError as error:
            raise ConfigError(
                f"{self.name_of(path)} is damaged", where=self.name_of(path), why=str(error),
                hint=f"make it anew: doit lock release={release}", reason="lock-form",
            ) from error
        except OSError as error:
            raise ConfigError(
                f"{self.name_of(path)} cannot be read", where=path, why=error.strerror,
                reason="file",
            ) from error
        if not isinstance(data, dict):
            data = {}
        return load(Lock, data, where=self.name_of(path))

    def has_file(self, path: Path) -> bool:
        """Whether a file that a definition names is there; nothing else is one."""
        self._seen.note(path)
        return path.is_file()

    def recipe(self, name: str) -> Recipe:
        """A recipe: `dom0`, or `domu/NAME`."""
        folder, _, base = name.rpartition("/")
        path = self._known("recipe", base, self.root / "recipes" / folder, ".toml")
        data = self._toml(path)
        others = _OF_DOM0 if folder else _OF_DOMUS
        misplaced = tuple(f"{key}: {why}" for key, why in others.items() if key in data)
        try:
            recipe = load(Recipe, data, where=self.name_of(path))
        except ConfigError as error:
            raise problems_of(self.name_of(path), (*misplaced, *error.problems)) from None
        if misplaced:
            raise problems_of(self.name_of(path), misplaced)
        return recipe

    def domus(self) -> tuple[str, ...]:
        """Names of all domU recipes, sorted."""
        folder = self.root / "recipes" / "domu"
        self._seen.note(folder)
        return tuple(sorted(path.stem for path in folder.glob("*.toml")
                            if not path.name.startswith(".")))  # an editor's

    def accounts(self) -> Accounts:
        """The site's numbers of users and groups; none where the project has no table."""
        path = self.root / "recipes" / "accounts.toml"
        if not self.has_file(path):
            return Accounts()
        return load(Accounts, self._toml(path), where=self.name_of(path))

    def kernel_config(self, name: str) -> Path:
        """A kernel configuration."""
        return self._known("kernel", name, self.root / "kernel-configs", "")

    def _known(self, what: str, name: str, folder: Path, suffix: str) -> Path:
        path = folder / f"{name}{suffix}"
        if "/" in name or not path.is_file():
            known = sorted(
                item.name.removesuffix(suffix) for item in folder.glob(f"*{suffix}")
                if item.is_file()
            ) if folder.is_dir() else []
            raise ConfigError(
                f"there is no {what} {name}{nearest(name, known)}",
                where=self.name_of(folder),
                why=f"known: {', '.join(known) or 'none'}",
                reason=f"unknown-{what}",
            )
        return path

    def _toml(self, path: Path) -> dict[str, Any]:
        self._seen.note(path)
        return read_toml(path, name=self.name_of(path))


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
        facts["signer"] = release.packages.fingerprint.replace(" ", "").lower()
    return digest_of(facts)
