"""Reads the files of a project, once.

sets/NAME.toml, NAME.lock     releases        recipes/dom0.toml, domu/NAME.toml   systems
sets/keys/                    their signers   recipes/accounts.toml               numbers
kernel-configs/NAME           kernels

Only an unreadable release definition is an error here. Other problems become part of the value, so
that they are reported at once, and callers that need only some parts can still use those.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from buildlib.config.accounts import Accounts
from buildlib.config.configuration import DOM0, Configuration, Place
from buildlib.config.lock import Lock
from buildlib.config.reading.named_files import NamedFiles
from buildlib.config.reading.places import Places
from buildlib.config.reading.toml_file import TomlFile, read_toml
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.config.settings import Settings
from buildlib.host.reading import read_small
from buildlib.model import json_text
from buildlib.model.errors import ConfigError
from buildlib.model.names import SHIPPED, label
from buildlib.model.schema import load

T = TypeVar("T")
# Keys of a recipe that have no effect in a recipe for another system.
_OF_DOM0 = {
    "boot": "only dom0's recipe defines how the disc boots; domUs are started as the host's files "
    "in domUs say",
    "hypervisor": "only dom0 has one",
    "domus": "only dom0 carries images",
}
_OF_DOMUS = {"free": "only a domU's FFS image has free space; a CD has none"}


def read_configuration(
    settings: Settings, places: Places, *, epoch: int | None = None
) -> Configuration:
    """The whole configuration of the release in `settings`; `epoch` is SOURCE_DATE_EPOCH.

    Raises ConfigError for a release definition that cannot be read.
    """
    definition = release_file(settings.release, places)
    release = _document(definition, places).load(Release)
    return read_for(release, definition, settings, places, epoch=epoch)


def release_file(release: str, places: Places) -> Place:
    """The definition of a release: a name below `sets`, or a path to a .toml file."""
    if release.endswith(".toml") and not release.startswith(SHIPPED):
        return places.named(places.root / release)
    return places.known("release", "sets", release, ".toml")


def read_for(
    release: Release,
    definition: Place,
    settings: Settings,
    places: Places,
    *,
    epoch: int | None = None,
) -> Configuration:
    """The same, for a release whose definition has been read."""
    lock_file = places.beside(definition, definition.path.with_suffix(".lock").name)
    unread = list[ConfigError]()
    recipes, domus = _recipes(places, unread)
    named = NamedFiles(places)
    named.of_release(release, definition)
    for name, recipe in recipes.items():
        named.of_recipe(name, recipe)
    accounts = _kept(partial(_accounts, places), named.missing)
    return Configuration(
        places.root,
        settings,
        epoch,
        definition,
        release,
        lock_file,
        _lock(lock_file, settings.release, places),
        named.beside,
        named.has_key,
        recipes,
        domus,
        accounts or Accounts(),
        named.kernels,
        named.overlays,
        named.files,
        places.package,
        tuple(unread),
        tuple(named.missing),
        places.documents,
    )


def _kept(read: Callable[[], T], wrong: list[ConfigError]) -> T | None:
    """The result of `read`, or None after an error, which is added to `wrong`."""
    try:
        return read()
    except ConfigError as error:
        wrong.append(error)
        return None


def _lock(place: Place, release: str, places: Places) -> Lock | ConfigError:
    places.seen.note(place.path)
    again = f"doit lock release={release}"
    try:
        data = json_text.loads(read_small(place.path), unique=True)
        return load(Lock, data if isinstance(data, dict) else {}, where=place.name)
    except FileNotFoundError:
        return ConfigError(
            f"the release {release} has no lock",
            where=place.name,
            hint=f"make one: {again}",
            reason="no-lock",
        )
    except ValueError as error:
        return ConfigError(
            f"{place.name} is damaged",
            where=place.name,
            why=str(error),
            hint=f"create a new one: {again}",
            reason="lock-form",
        )
    except OSError as error:
        return ConfigError(
            f"{place.name} cannot be read", where=place.path, why=error.strerror, reason="file"
        )
    except ConfigError as error:
        return error


def _recipes(places: Places, wrong: list[ConfigError]) -> tuple[dict[str, Recipe], tuple[str, ...]]:
    """All recipes by name, dom0's first, and the names of domUs; adds errors to `wrong`."""
    folder = places.root / "recipes/domu"
    places.seen.note(folder)
    domus = tuple(
        sorted(path.stem for path in folder.glob("*.toml") if not path.name.startswith("."))
    )  # files of editors begin with a dot
    dom0 = _kept(partial(_recipe, DOM0, places), wrong)
    recipes = {DOM0: dom0} if dom0 else {}
    for domu in dict.fromkeys((*(dom0.domus if dom0 else ()), *domus)):
        name = f"domu/{domu}"
        try:
            label(domu)
        except ValueError as error:
            wrong.append(
                ConfigError(
                    f"this is not a valid name for a domU: {error}",
                    where=f"recipes/{name}.toml",
                    hint="rename the file",
                    reason="recipe-name",
                )
            )
        else:
            recipe = _kept(partial(_recipe, name, places), wrong)
            recipes |= {name: recipe} if recipe else {}
    return recipes, domus


def _recipe(name: str, places: Places) -> Recipe:
    """A recipe: `dom0`, or `domu/NAME`."""
    folder, _, base = name.rpartition("/")
    where = f"recipes/{folder}".rstrip("/")
    place = places.known("recipe", where, base, ".toml", may_ship=False)
    document = _document(place, places)
    others = _OF_DOM0 if folder else _OF_DOMUS
    misplaced = [f"{key}: {why}" for key, why in others.items() if key in document.tables]
    return document.load(Recipe, more=misplaced)


def _accounts(places: Places) -> Accounts:
    """The site's numbers of users and groups; empty if the project has no table."""
    place = places.place("recipes", "accounts.toml")
    if not places.has_file(place.path):
        return Accounts()
    return _document(place, places).load(Accounts)


def _document(place: Place, places: Places) -> TomlFile:
    places.seen.note(place.path)
    document = places.documents[place.name] = read_toml(place.path, name=place.name)
    return document
