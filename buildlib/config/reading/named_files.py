"""Finds the files and folders that a release and recipes name, or reports problems."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from buildlib.config.configuration import Overlay, Place, files_named, kernels_named
from buildlib.config.reading.kernel_files import KERNELS, pieces
from buildlib.config.reading.places import Places
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.host.reading import is_folder, read_small
from buildlib.model.errors import ConfigError
from buildlib.model.schema import nearest
from buildlib.model.spec import SpecLine, read_spec
from buildlib.store.source_files import has_spec


class NamedFiles:
    """The files found, by their names in the configuration; fields as in `Configuration`."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.beside: dict[str, Place] = {}
        self.has_key = False
        self.kernels: dict[str, tuple[Place, ...]] = {}
        self.overlays: dict[str, Overlay] = {}
        self.files: dict[str, Place] = {}
        self.missing: list[ConfigError] = []

    def of_release(self, release: Release, definition: Place) -> None:
        """The files that a release definition names, except its signing key: see the lock."""
        packages, places = release.packages, self._places
        named = (release.signature.key, packages.signer_file, packages.advisories_key)
        for name in filter(None, (*named, release.mirror_source)):
            self.beside[name] = places.beside(definition, name)
        self.has_key = places.has_file(self.beside[release.signature.key].path)
        if packages.hypervisor and packages.hypervisor.file:
            self._file(packages.hypervisor.file, f"{definition.name}: packages.hypervisor.file")
        source = release.mirror_source
        if source and not self.beside[source].path.is_dir():
            known = sorted(
                path.name for path in definition.path.parent.iterdir() if is_folder(path)
            )
            self.missing.append(
                ConfigError(
                    f"there is no folder {source}{nearest(source, known)}",
                    where=f"{definition.name}: mirror_source",
                    reason="no-folder",
                )
            )
        signer = packages.signer_file
        if signer and not places.has_file(self.beside[signer].path):
            key = "key" if packages.key else "certificate"
            self.missing.append(
                ConfigError(
                    f"there is no file {signer}",
                    where=f"{definition.name}: packages.{key}",
                    why="packages cannot be checked without it",
                    reason="no-key",
                    hint="put it beside the release definition",
                )
            )

    def of_recipe(self, name: str, recipe: Recipe) -> None:
        """The files that a recipe names: kernels, overlays and others."""
        where = f"recipes/{name}.toml"
        for key, kernel in kernels_named(recipe).items():
            if kernel not in self.kernels:
                self._kernel(kernel, f"{where}: {key}")
        for key, file in files_named(recipe).items():
            self._file(file, f"{where}: {key}")
        for number, overlay in enumerate(recipe.overlays):
            if overlay not in self.overlays:
                self._overlay(overlay, f"{where}: overlays[{number}]")

    def _kernel(self, name: str, where: str) -> None:
        try:
            config = self._places.known("kernel", KERNELS, name)
        except ConfigError as error:
            error.hint = f"it is named in {where}"
            self.missing.append(error)
            return
        try:
            self.kernels[name] = (config, *pieces(name, self._places))
        except ConfigError as error:
            self.missing.append(error)

    def _file(self, name: str, where: str) -> None:
        self.files[name] = place = self._places.named(self._places.root / name)
        if not self._places.has_file(place.path):
            self.missing.append(
                ConfigError(
                    f"there is no file {name}",
                    where=where,
                    why="paths are relative to the project's folder",
                    reason="no-file",
                )
            )

    def _overlay(self, name: str, where: str) -> None:
        recipes = self._places.base("recipes", name).path
        place = self._places.place("recipes", name)
        if not place.path.is_dir():
            error = self._places.unknown("folder", "recipes", name, _overlays_in)
            error.where, error.reason = where, "no-overlay"
            self.missing.append(error)
            return
        wrong = list(_misplaced(name, place.path, recipes, where))
        spec = place.path.with_name(f"{place.path.name}.mtree")
        self._places.seen.note(spec)
        try:
            self.overlays[name] = Overlay(place, spec, {} if wrong else _spec_lines(spec))
        except ConfigError as error:
            wrong.append(error)
        self.missing += wrong


def _overlays_in(recipes: Path) -> list[str]:
    return sorted(
        (Path(place) / found).relative_to(recipes).as_posix()
        for place, folders, _ in os.walk(recipes)
        for found in folders
        if found.startswith("overlay")
    )


def _misplaced(name: str, folder: Path, recipes: Path, where: str) -> Iterator[ConfigError]:
    """Report a folder that leads out of the recipes, or contains recipes."""
    real = folder.resolve()
    if not real.is_relative_to(recipes.resolve()):
        yield ConfigError(
            f"{name} is a link that leads out of the recipes",
            where=where,
            why=f"to {real}",
            reason="overlay-link",
            hint="copy the folder, so that everything built from is in one place",
        )
    elif (inner := next(folder.glob("*.toml"), None)) and (
        real in {recipes.resolve(), (recipes / "domu").resolve()}
    ):
        yield ConfigError(
            f"{name} contains recipes",
            where=where,
            why=f"{inner.name}",
            reason="overlay-recipes",
            hint=f"name one overlay, such as {name}/overlay",
        )


def _spec_lines(spec: Path) -> dict[str, SpecLine]:
    """The lines of a spec, if there is one."""
    if not has_spec(spec):
        return {}
    try:
        return read_spec(read_small(spec), where=str(spec))
    except OSError as error:
        raise ConfigError(
            "the spec cannot be read", where=spec, why=error.strerror, reason="folder"
        ) from error
