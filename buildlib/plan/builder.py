"""The graph of a plan while it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.config.project import Project
from buildlib.config.recipe import Lock, Recipe, Release
from buildlib.engine.stage import Stage


@dataclass(slots=True)
class Builder:
    """Collects stages in an order where what is needed comes first.

    folder  of the release definition; epoch: of all time stamps, seconds since 1970
    """

    project: Project
    folder: Path
    release: Release
    lock: Lock
    recipes: Mapping[str, Recipe]
    epoch: int
    stages: dict[str, Stage] = field(default_factory=dict)
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    docs: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, stage: Stage, doc: str, *, after: tuple[str, ...] = ()) -> str:
        """Add a stage, unless it is there; its name."""
        if name not in self.stages:
            self.stages[name], self.docs[name] = stage, doc
            if after:
                self.after[name] = after
        return name


def short_name(recipe: str) -> str:
    """A recipe's name as tasks have it: `base` for domu/base."""
    return recipe.rpartition("/")[2]
