"""Stages: the sources and outputs that they name, and what they run in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.readers.trees import file
from support.stages.stage_bench import Bench, Input

from buildlib.engine.stage import (
    HostPackage,
    OutputRef,
    SourceFile,
    SourceTree,
    Stage,
    StageContext,
    named,
    placed,
)
from buildlib.model.errors import StageError, ToolError
from buildlib.model.events import Event, Note, Progress

ONE, TWO = OutputRef("one", "out"), OutputRef("two", "out")


@dataclass(frozen=True)
class Part:
    """A parameter that names a source."""

    source: SourceFile | SourceTree
    text: str = "a"


@dataclass(frozen=True)
class Toy(Stage):
    """A stage with values of every kind."""

    value: object = None
    more: object = None


def test_a_source_is_named_as_it_is_written() -> None:
    for kind in (SourceFile, SourceTree):
        assert (kind("a/b").path, kind("a/b").name) == (Path("a/b"), "a/b")
        assert (kind(Path("/a/b"), "b").path, kind("/a/b", "b").name) == (Path("/a/b"), "b")
    assert SourceTree("a/overlay").spec == Path("a/overlay.mtree")
    assert SourceTree("a/over.lay").spec == Path("a/over.lay.mtree")


def test_the_hint_of_a_package_is_no_part_of_it() -> None:
    assert HostPackage("xen", "install it") == HostPackage("xen")
    assert HostPackage("xen") != HostPackage("xen-")


def test_what_a_stage_has_by_default() -> None:
    assert (Toy().tools(), Toy().host_folders(), Toy().host_files()) == ((), (), ())
    assert (Toy().compilers(), Toy().materials(), Toy().upstream()) == ((), {}, ())
    assert (Stage.VERSION, Stage.LIBRARIES, Stage.PINNED) == (1, (), False)

    @dataclass(frozen=True)
    class Tooled(Stage):
        TOOLS = ("sh",)

    assert Tooled().tools() == ("sh",)
    with pytest.raises(NotImplementedError):
        Toy().run(None)  # type: ignore[arg-type]  # it has no `run` of its own


def test_outputs_are_found_at_any_depth_once_in_the_order_of_fields() -> None:
    stage = Toy(({"a": (TWO, ONE)}, Part(SourceFile("f"))), (ONE, "text", 7))
    assert stage.upstream() == (TWO, ONE)
    assert named(stage, SourceFile) == (SourceFile("f"),)
    assert named(stage, SourceTree) == ()


SOURCES = (SourceFile("f"), SourceTree("t"))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("root", ["/srv/project", "/srv/project/"])
def test_sources_are_placed_below_the_project(source: SourceFile | SourceTree, root: str) -> None:
    place = replace(source, path=Path("/srv/project") / source.path)
    value = (source, {"a": (source,)}, Part(source), ONE, "f", HostPackage("p"), None)
    there = (place, {"a": (place,)}, Part(place), ONE, "f", HostPackage("p"), None)
    assert placed(value, Path(root)) == there
    assert placed(Toy(value), Path(root)) == Toy(there)
    assert place.name == source.name


def test_an_absolute_path_stays() -> None:
    source = SourceFile("/etc/motd")
    assert placed(source, Path("/srv")) == source


def test_a_class_as_a_value_is_left_alone() -> None:
    assert placed(Part, Path("/srv")) is Part


class Service:
    """Something that a run provides."""


class Other(Service):
    """Another kind of it."""


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def context(bench: Bench, events: list[Event]) -> StageContext:
    inputs: dict[OutputRef, Input] = {
        ONE: b"content",
        TWO: bench.stored(file("etc/motd", b"hello")),
    }
    return bench.context(Toy((ONE, TWO)), inputs, sink=events.append)


def test_services_are_found_by_their_class(context: StageContext) -> None:
    service = Service()
    with_it = replace(context, services={Service: service})
    assert with_it.service(Service) is service
    none: list[dict[type[object], object]] = [{}, {Service: "another"}]
    for services in none:
        with pytest.raises(StageError, match="this run has no Service") as error:
            replace(context, services=services).service(Service)
        assert (error.value.where, error.value.reason) == ("stage Toy", "service")
    assert replace(context, services={Service: Other()}).service(Service)


def test_outputs_and_sources_are_read_alike(context: StageContext, tmp_path: Path) -> None:
    source = SourceFile(tmp_path / "file")
    source.path.write_bytes(b"source")
    assert context.path(ONE).read_bytes() == b"content"
    assert context.read(ONE) == b"content"
    assert context.path(source) == source.path
    assert context.read(source) == b"source"
    assert context.path(SourceTree(tmp_path)) == tmp_path


def test_a_tree_has_its_contents(context: StageContext) -> None:
    stored = context.tree(TWO)
    assert "etc/motd" in stored.tree.by_path
    assert stored.packs == context.inputs[TWO].packs
    assert len(stored.packs) == 1
    assert stored.files == ()


def test_outputs_are_kept(context: StageContext) -> None:
    path = context.folder / "made"
    path.write_bytes(b"a file")
    for content, data in ((b"bytes", b"bytes"), (path, b"a file")):
        blob = context.keep(content)
        assert context.blobs.read(blob.sha256) == data
    assert not path.exists()


def test_progress_and_notes_have_the_stage_s_name(
    context: StageContext, events: list[Event]
) -> None:
    context.tell(1, 2, "files")
    context.tell(2, 2, "lines", "the last")
    context.note("a note")
    assert events == [
        Progress("Toy", 1, 2, "files"),
        Progress("Toy", 2, 2, "lines", "the last"),
        Note("a note", "Toy"),
    ]


class Runner:
    """Notes what is run; fails if it has an error."""

    def __init__(self) -> None:
        self.argv: list[Any] = []
        self.rest: dict[str, Any] = {}
        self.error: ToolError | None = None

    def run(self, argv: list[Any], **rest: Any) -> None:
        """Note it."""
        self.argv, self.rest = argv, rest
        if self.error:
            raise self.error


def tooled(context: StageContext) -> tuple[StageContext, Runner]:
    runner: Any = Runner()
    tools: Mapping[str, Path] = {"sh": Path("/bin/sh")}
    return replace(context, runner=runner, tools=tools), runner


def test_a_tool_runs_in_the_stage_s_folder(context: StageContext) -> None:
    made, runner = tooled(context)
    made.run("sh", "-c", Path("x"))
    assert runner.argv == [Path("/bin/sh"), "-c", Path("x")]
    assert runner.rest == {
        "cwd": made.folder,
        "log": made.log,
        "environment": None,
        "on_line": None,
        "pipe": (),
        "watch": None,
        "fetches": False,
    }
    given: dict[str, Any] = {
        "cwd": Path("/"),
        "environment": {"A": "b"},
        "on_line": print,
        "pipe": (7,),
        "watch": print,
        "fetches": True,
    }
    made.run("sh", **given)
    assert runner.rest == {**given, "log": made.log}


def test_the_error_of_a_tool_has_a_place(context: StageContext) -> None:
    made, runner = tooled(context)
    for where, shown in ((None, "stage Toy"), ("elsewhere", "elsewhere")):
        runner.error = ToolError("failed", where=where)
        with pytest.raises(ToolError) as error:
            made.run("sh")
        assert error.value.where == shown
