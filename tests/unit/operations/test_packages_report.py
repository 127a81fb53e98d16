"""Reports of packages: which recipes have them, and what of their scripts is not applied."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.readers.trees import Contents, file
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.errors import ConfigError
from buildlib.operations import packages_report
from buildlib.operations.packages_report import report, undone
from buildlib.pkgsrc.unapplied import Action

DATABASE = "usr/pkg/pkgdb"
PLIST = b"@name %s\n@cwd /usr/pkg\nbin/%s\n@exec echo %s\n"
SCRIPT = b"#!/bin/sh\nrun-something\n"


class Packages(SimpleNamespace):
    """Stands for the stage that stages a recipe's packages."""

    database = DATABASE


class Root(SimpleNamespace):
    """Stands for the stage that composes a recipe's tree."""


class Engine:
    """Decisions and outputs of stages."""

    def __init__(self, bench: Bench) -> None:
        self.store = bench.store
        self.bench = bench
        self.outputs: dict[tuple[str, str], Any] = {}
        self.verdicts: dict[str, str] = {}

    def resolve(self, name: str) -> Any:
        """The verdict about a stage."""
        return SimpleNamespace(verdict=self.verdicts.get(name, "up to date"))

    def output(self, ref: OutputRef) -> Any:
        """An output of a stage."""
        return self.outputs[ref.stage, ref.output]


@pytest.fixture
def engine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(packages_report, "Packages", Packages)
    monkeypatch.setattr(packages_report, "Root", Root)
    return Engine(bench)


def staged(engine: Any, name: str, *packages: str, scripts: tuple[str, ...] = ()) -> None:
    contents: Contents = {}
    for package in packages:
        short = package.partition("-")[0].encode()
        text = PLIST % (package.encode(), short, short)
        contents |= file(f"{DATABASE}/{package}/+CONTENTS", text)
        if package in scripts:
            contents |= file(f"{DATABASE}/{package}/+INSTALL", SCRIPT)
    stored = engine.bench.stored(contents)
    engine.outputs[name, "tree"] = engine.bench.output(stored)


def plan(**stages: Any) -> Any:
    graph = {name.replace("_", ":"): stage for name, stage in stages.items()}
    return SimpleNamespace(graph=SimpleNamespace(stages=graph))


def test_packages_of_all_recipes_by_name(engine: Any) -> None:
    staged(engine, "packages:dom0", "zip-2", "lz4-1", scripts=("zip-2",))
    staged(engine, "packages:sql", "lz4-1", "sql-3")
    found = report(plan(packages_dom0=Packages(), other=Root(), packages_sql=Packages()), engine)
    assert [(one.package, one.recipes) for one in found] == [
        ("lz4-1", ("dom0", "sql")),
        ("sql-3", ("sql",)),
        ("zip-2", ("dom0",)),
    ]
    actions = {one.package: one.actions for one in found}
    assert [action.text for action in actions["lz4-1"]] == ["echo lz4"]
    assert Action("+INSTALL", 2, "run-something") in actions["zip-2"]


def test_packages_that_are_not_staged_yet(engine: Any) -> None:
    engine.verdicts = dict.fromkeys(("packages:b", "packages:c"), "build")
    staged(engine, "packages:a", "lz4-1")
    with pytest.raises(ConfigError, match="packages are not staged yet") as error:
        report(plan(packages_a=Packages(), packages_b=Packages(), packages_c=Packages()), engine)
    assert error.value.where == "packages:b, packages:c"
    assert error.value.reason == "not-staged"


def test_declarations_that_could_not_be_applied(engine: Any) -> None:
    for name, text in (("root:a", b"user a: taken\ngroup b: taken\n"), ("root:c", b"")):
        engine.outputs[name, "undone"] = engine.bench.output(text)
    engine.verdicts = {"root:b": "build"}
    found = undone(
        plan(
            root_a=Root(packages="p"),
            root_b=Root(packages="p"),
            root_c=Root(packages="p"),
            root_d=Root(packages=None),
            other=Packages(packages="p"),
        ),
        engine,
    )
    assert dict(found) == {"a": ("user a: taken", "group b: taken"), "b": None, "c": ()}
