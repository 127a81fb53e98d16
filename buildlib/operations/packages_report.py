"""Reports install-script actions of packages that are not applied to the tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from buildlib.engine.engine import Engine
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.model.mtree import parse
from buildlib.pkgsrc.unapplied import Action, actions_of
from buildlib.plan.plan import Plan
from buildlib.stages.system.package_install import Contents, installed
from buildlib.stages.system.packages import Packages
from buildlib.stages.system.root import Root
from buildlib.store.packs import StoredTree

GROUP = "packages:"


@dataclass(frozen=True, slots=True)
class Report:
    """A package, its recipes, and the actions that are not applied, in file order.

    Recipes have their tasks' names: `dom0`, `sql`.
    """

    package: str
    recipes: tuple[str, ...]
    actions: tuple[Action, ...]


def report(plan: Plan, engine: Engine) -> tuple[Report, ...]:
    """A report of every package of the release's recipes, by name.

    Raises ConfigError (`not-staged`) if packages are not staged yet.
    """
    found: dict[str, Report] = {}
    for recipe, database, stored in _trees(plan, engine):
        contents = Contents(engine.store.packs, stored)
        for package in installed(stored.tree, database, contents):
            known = found.get(package.name)
            recipes = (*(known.recipes if known else ()), recipe)
            entry = stored.tree.by_path.get(f"{database}/{package.name}/+INSTALL")
            script = contents.read(entry) if entry else None
            found[package.name] = Report(
                package.name, recipes, actions_of(script, package.plist, package.declared)
            )
    return tuple(found[name] for name in sorted(found))


def undone(plan: Plan, engine: Engine) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Recipe, and its packages' declarations that could not be applied; None: not composed yet."""
    for name, stage in plan.graph.stages.items():
        if isinstance(stage, Root) and stage.packages is not None:
            lines = None
            if engine.resolve(name).verdict == "up to date":
                blob = engine.output(OutputRef(name, "undone")).blob
                lines = tuple(engine.store.blobs.read(blob.sha256).decode().splitlines())
            yield name.partition(":")[2], lines


def _trees(plan: Plan, engine: Engine) -> Iterator[tuple[str, str, StoredTree]]:
    """Recipe, path of the database, and tree of every stage that stages packages."""
    stages = {
        name: stage for name, stage in plan.graph.stages.items() if isinstance(stage, Packages)
    }
    missing = [name for name in stages if engine.resolve(name).verdict != "up to date"]
    if missing:
        raise ConfigError(
            "packages are not staged yet",
            where=", ".join(missing),
            why="the report is made from the contents of their archives",
            hint="stage them: doit packages",
            reason="not-staged",
        )
    for name, stage in stages.items():
        output = engine.output(OutputRef(name, "tree"))
        tree = parse(engine.store.blobs.read(output.blob.sha256), where=name)
        stored = StoredTree(tree, output.packs, output.files)
        yield name.removeprefix(GROUP), stage.database, stored
