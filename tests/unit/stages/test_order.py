"""No stage of the library can observe an order that is not part of its key."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import random
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from support.stages.fake_stages import Everything
from support.stages.orders import shuffled

import buildlib.stages
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.keys import Keys
from buildlib.engine.stage import HostPackage, OutputRef, SourceFile, SourceTree, Stage
from buildlib.host.distribution import DistributionPackage
from buildlib.model.digest import Blob, canonical
from buildlib.store.records import Output
from buildlib.store.store import Store

NAMES = ("zeta", "alpha", "\U0001f600", "\uff5e", "Beta", "a/b", "")


def stage_classes() -> list[type[Stage]]:
    """Every stage class of the library, found by a search, so that none is forgotten."""
    for module in pkgutil.walk_packages(buildlib.stages.__path__, "buildlib.stages."):
        importlib.import_module(module.name)
    found, pending = [], [Stage]
    while pending:
        for kind in pending.pop().__subclasses__():
            pending.append(kind)
            if kind.__module__.startswith("buildlib."):
                found.append(kind)
    return sorted(found, key=lambda kind: kind.__name__)


CLASSES = stage_classes()


class _Maker:
    """Values of the fields' types; keys of every mapping are in a random order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()

    def of(self, hint: object) -> object:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in {typing.Union, types.UnionType}:
            return self.of(next(one for one in arguments if one is not type(None)))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {name: self.of(arguments[1]) for name in NAMES}
        if origin is tuple:
            return tuple(self.of(arguments[0]) for _ in range(3))
        return arguments[0] if origin is typing.Literal else self._one(hint)

    def _one(self, hint: object) -> object:
        number = next(self.numbers)
        plain: dict[object, object] = {
            str: f"text-{number}",
            int: number,
            bool: True,
            OutputRef: OutputRef(f"stage-{number}", "out"),
            HostPackage: HostPackage(f"package-{number}"),
        }
        if hint in {SourceFile, SourceTree}:
            return self._source(hint, f"source-{number}")
        return plain[hint] if hint in plain else self.instance(hint)

    def _source(self, kind: object, name: str) -> object:
        path = self.folder / name
        if kind is SourceFile:
            path.write_text(name)
            return SourceFile(path, name)
        path.mkdir()
        (path / "file").write_text(name)
        return SourceTree(path, name)

    def instance(self, kind: Any) -> object:
        hints = typing.get_type_hints(kind)
        try:
            return kind(**{field.name: self.of(hints[field.name]) for field in fields(kind)})
        except Exception:  # noqa: BLE001  it checks its values: use its defaults
            return kind()


def seen(value: object) -> Iterator[object]:
    """Everything observable of a value, in its order."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from seen(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from seen(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield field.name
            yield from seen(getattr(value, field.name))
    else:
        yield value


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    store = Store(tmp_path / "build")
    made = Keys(store, CodeDigests(store.seen))
    monkeypatch.setattr(made, "tool", lambda name: (Path("/bin") / name, "e" * 64))
    monkeypatch.setattr(made, "programs", lambda _stage: {})
    monkeypatch.setattr(made, "_library", lambda _name: "1.2")
    monkeypatch.setattr(made, "_folder", lambda _path: "f" * 64)
    monkeypatch.setattr(
        made, "host_package", lambda package: DistributionPackage(package.pattern, "1", "d" * 64)
    )
    return made


def test_there_are_stages() -> None:
    names = {kind.__name__ for kind in CLASSES}
    assert names >= {
        "Packages",
        "Press",
        "Root",
        "Kernel",
        "Signature",
        "Checksums",
        "Iso",
        "ImageFolder",
        "ImageVersion",
        "PackageRepo",
        "GrubImage",
        "Fetch",
    }


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [*CLASSES, Everything], ids=lambda kind: kind.__name__)
def test_a_stage_sees_what_its_key_holds(kind: type[Stage], keys: Keys, tmp_path: Path) -> None:
    stage = _Maker(tmp_path).instance(kind)
    assert isinstance(stage, kind)
    outputs = {
        ref: Output(Blob(f"{number:064x}", 1)) for number, ref in enumerate(stage.upstream())
    }
    document = canonical(keys.document(stage, outputs))
    for seed in range(5):
        other = shuffled(stage, random.Random(seed))
        assert isinstance(other, kind)
        assert list(seen(other)) == list(seen(stage)), seed
        assert other.upstream() == stage.upstream()
        assert canonical(keys.document(other, outputs)) == document


def test_the_shuffle_would_be_seen() -> None:
    """The order of plain mappings is observable, also in nested ones."""
    value = ({name: {"b": 1, "a": 2} for name in NAMES},)
    orders = {tuple(map(str, seen(shuffled(value, random.Random(seed))))) for seed in range(5)}
    assert len(orders) > 1
