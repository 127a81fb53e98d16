"""Builds the graph of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from buildlib.config.configuration import Configuration
from buildlib.config.lock import Lock
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.engine.stage import SourceFile, Stage


@dataclass(slots=True)
class Builder:
    """Collects stages, dependencies first.

    lock   that of the configuration, which is whole
    epoch  of all time stamps, seconds since 1970
    """

    configuration: Configuration
    lock: Lock
    epoch: int
    stages: dict[str, Stage] = field(default_factory=dict)
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    docs: dict[str, str] = field(default_factory=dict)

    @property
    def release(self) -> Release:
        """What the release definition says."""
        return self.configuration.release

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """All recipes by name."""
        return self.configuration.recipes

    def beside(self, name: str) -> SourceFile:
        """A file that the release definition names."""
        place = self.configuration.beside[name]
        return SourceFile(place.path, place.name)

    def add(self, name: str, stage: Stage, doc: str, *, after: tuple[str, ...] = ()) -> str:
        """Add a stage unless it exists; returns its name."""
        if name not in self.stages:
            self.stages[name], self.docs[name] = stage, doc
            if after:
                self.after[name] = after
        return name


def short_name(recipe: str) -> str:
    """A recipe's name in tasks: `base` for domu/base."""
    return recipe.rpartition("/")[2]
