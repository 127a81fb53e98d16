"""What takes long is found in advance, from the graph and the store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.stages.fake_stages import Field, Join, Read

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.errors import ToolError
from buildlib.operations.preflight import pending_work
from buildlib.operations.preflight.pending_work import PendingWork, long_ones, pending, work_of
from buildlib.plan.kernels import TOOLCHAIN
from buildlib.stages.inputs.fetch import Fetch
from buildlib.stages.inputs.source_tree import sources_key
from buildlib.store.store import Store

A, B = "a" * 64, "b" * 64


class Toolchain(SimpleNamespace):
    """Stands for the stage."""


class Kernel(SimpleNamespace):
    """Stands for the stage."""


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_work, "Toolchain", Toolchain)
    monkeypatch.setattr(pending_work, "Kernel", Kernel)


def fetch(path: str, *, sha256: str = "", size: int = -1) -> Fetch:
    return Fetch(path, "0" * 128, sha256, size)


class Workspaces:
    """Work folders by kind and key."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str]] = set()

    def has(self, kind: str, key: str) -> bool:
        """Whether there is one."""
        return (kind, key) in self.found


class Bench:
    """An engine's answers about a graph with a toolchain of two sets, and kernels."""

    def __init__(self, folder: Path) -> None:
        self.blobs = Store(folder / "build").blobs
        self.workspaces = Workspaces()
        sets = (OutputRef("fetch:a", "file"), OutputRef("fetch:b", "file"))
        self.stages: dict[str, Any] = {
            "fetch:a": fetch("a", sha256=A, size=7),
            "fetch:b": fetch("b", sha256=B, size=5),
            TOOLCHAIN: Toolchain(build=SimpleNamespace(sets=sets)),
            "kernel:x": Kernel(),
            "kernel:y": Kernel(),
        }
        self.done: dict[str, Any] = {}
        self.last: Any = None
        self.document: Any = {}

    def work(self, *names: str) -> PendingWork:
        """The work of these stages."""
        engine: Any = SimpleNamespace(
            graph=SimpleNamespace(stages=self.stages),
            store=SimpleNamespace(blobs=self.blobs, workspaces=self.workspaces),
            done=self.done,
            last=lambda name: self.last if name == TOOLCHAIN else None,
            decide=self.decide,
        )
        return work_of(engine, {name: self.stages[name] for name in names})

    def decide(self, _name: str) -> Any:
        """The toolchain's document now."""
        if isinstance(self.document, Exception):
            raise self.document
        return SimpleNamespace(document=self.document)

    def ran(self, identity: bytes, document: Any = None) -> None:
        """The toolchain's last run."""
        output = SimpleNamespace(blob=self.blobs.put(identity))
        self.last = SimpleNamespace(document=document or {}, outputs={"identity": output})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_counts_as_a_long_build() -> None:
    assert PendingWork(toolchain=True).compiles
    assert PendingWork(kernels=1).compiles
    assert not PendingWork(sources=True, fetches=("a",), download=5).compiles


def test_a_first_build(bench: Bench) -> None:
    assert bench.work(*bench.stages) == PendingWork(
        sources=True, toolchain=True, kernels=2, fetches=("a", "b"), download=12
    )


def test_a_toolchain_alone(bench: Bench) -> None:
    assert bench.work(TOOLCHAIN) == PendingWork(sources=True, toolchain=True)


def test_only_files_to_fetch(bench: Bench) -> None:
    """Without kernels and toolchain nothing is compiled, whatever the work folders lack."""
    bench.stages["fetch:c"] = fetch("c")  # its size is not known
    assert bench.work("fetch:a", "fetch:c") == PendingWork(fetches=("a", "c"), download=7)


def test_a_release_without_a_toolchain(bench: Bench) -> None:
    del bench.stages[TOOLCHAIN]
    assert bench.work("kernel:x") == PendingWork(kernels=1)


def test_a_file_that_the_lock_has_stored_is_not_fetched(bench: Bench) -> None:
    blob = bench.blobs.put(b"content")
    bench.stages["fetch:a"] = fetch("a", sha256=blob.sha256, size=blob.size)
    assert bench.work("fetch:a", "fetch:b").fetches == ("b",)
    bench.stages["fetch:a"] = fetch("a", sha256=blob.sha256)
    assert bench.work("fetch:a").fetches == ("a",)
    empty = bench.blobs.put(b"")
    bench.stages["fetch:a"] = fetch("a", sha256=empty.sha256, size=0)
    assert bench.work("fetch:a").fetches == ()


def test_sources_are_known_by_their_digests(bench: Bench) -> None:
    bench.workspaces.found = {("src", sources_key([A, B]))}
    assert not bench.work("kernel:x").sources
    other = SimpleNamespace(blob=SimpleNamespace(sha256="c" * 64))
    bench.done["fetch:a"] = SimpleNamespace(record=SimpleNamespace(outputs={"file": other}))
    assert bench.work("kernel:x").sources
    bench.workspaces.found = {("src", sources_key(["c" * 64, B]))}
    assert not bench.work("kernel:x").sources
    bench.done["fetch:a"] = SimpleNamespace(record=None)
    assert bench.work("kernel:x").sources


IDENTITY = json.dumps({"toolchain": "key"}).encode()


def test_a_toolchain_that_is_up_to_date_and_there(bench: Bench) -> None:
    bench.ran(IDENTITY)
    assert bench.work("kernel:x").toolchain
    bench.workspaces.found = {("tools", "key")}
    assert not bench.work("kernel:x").toolchain


def test_a_toolchain_without_a_last_run(bench: Bench) -> None:
    bench.workspaces.found = {("tools", "key")}
    assert bench.work("kernel:x").toolchain


@pytest.mark.parametrize("identity", [b"", b"{}", b"no JSON"])
def test_a_toolchain_whose_output_is_not_valid(bench: Bench, identity: bytes) -> None:
    bench.workspaces.found = {("tools", "key")}
    bench.ran(identity)
    assert bench.work("kernel:x").toolchain


def test_a_toolchain_whose_output_is_gone(bench: Bench) -> None:
    bench.workspaces.found = {("tools", "key")}
    bench.ran(IDENTITY)
    Path(bench.blobs.where(bench.last.outputs["identity"].blob.sha256)).unlink()
    assert bench.work("kernel:x").toolchain
    bench.last.outputs = {}
    assert bench.work("kernel:x").toolchain


def test_a_toolchain_of_which_only_code_changed(bench: Bench) -> None:
    """Its work folder stays valid."""
    bench.workspaces.found = {("tools", "key")}
    parts = ("stage", "fields", "tools", "programs", "host", "environment")
    before = dict.fromkeys(parts, 1)
    bench.ran(IDENTITY, before | {"code": 1})
    bench.document = before | {"code": 2}
    assert not bench.work("kernel:x", TOOLCHAIN).toolchain
    for part in parts:
        bench.document = before | {part: 2}
        assert bench.work("kernel:x", TOOLCHAIN).toolchain, part
        assert not bench.work("kernel:x").toolchain


@pytest.mark.parametrize("error", [ToolError("no compiler", reason="tool-missing"), OSError("no")])
def test_a_toolchain_that_cannot_be_decided(bench: Bench, error: Exception) -> None:
    bench.workspaces.found = {("tools", "key")}
    bench.ran(IDENTITY)
    bench.document = error
    assert bench.work(TOOLCHAIN).toolchain


class _Fetched(Fetch):
    """A file that needs no mirror."""

    def run(self, context: StageContext) -> Outputs:
        return {"file": context.blobs.put(b"some words")}


def test_what_is_not_in_the_store(tmp_path: Path) -> None:
    field = Field(tmp_path)
    words = (OutputRef("read", "words"),)
    join = Join((*words, OutputRef("fetch", "file")))
    stages: dict[str, Stage] = {
        "fetch": _Fetched("a", "0" * 128, "", -1),
        "read": Read(field.file("words", "some words")),
        "join": join,
        "alone": Join(words, "-"),
    }
    engine = field.engine(stages)
    assert [*pending(engine, ["join"])] == ["fetch", "read", "join"]
    assert pending(engine, ["join"])["read"] is stages["read"]
    assert long_ones(engine, ["join"]) == ["fetch"]
    assert long_ones(engine, ["alone"]) == []
    field.build(stages)
    assert pending(field.engine(stages), ["join", "alone"]) == {}
    changed = {**stages, "join": replace(join, glue="/")}
    assert [*pending(field.engine(changed), ["join"])] == ["join"]


def test_a_stage_that_cannot_be_decided_is_pending(tmp_path: Path) -> None:
    """The error is reported when the stage runs."""
    field = Field(tmp_path)
    file = field.file("words", "some words")
    (tmp_path / "words").unlink()
    engine = field.engine({"read": Read(file), "tree": Read(file)})
    assert [*pending(engine, ["read"])] == ["read"]
