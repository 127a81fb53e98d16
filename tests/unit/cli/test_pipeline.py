"""Pipelines of other projects: handles, problems, folders, and a build without doit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.stages.fake_stages import Join, Read

from buildlib.cli import pipeline as module
from buildlib.cli.pipeline import Pipeline, ProductHandle, Project, StageHandle
from buildlib.engine.stage import OutputRef as Ref
from buildlib.engine.stage import Outputs, SourceFile, Stage, StageContext
from buildlib.model.errors import ConfigError
from buildlib.model.events import Event, Finished

WORDS = Ref("words", "words")


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables on doit's command line; a test may add some."""
    given: dict[str, str] = {}
    monkeypatch.setattr(module, "command_line", lambda: given)
    for name in [name for name in os.environ if name.startswith("GOLDMASTER_")]:
        monkeypatch.delenv(name)
    return given


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    (tmp_path / "words.txt").write_text("Some  WORDS")
    return Pipeline(tmp_path / "dodo.py")


def read() -> Read:
    return Read(SourceFile("words.txt"))


def problems(pipeline: Pipeline) -> tuple[str, ...]:
    with pytest.raises(ConfigError, match="this pipeline has problems") as error:
        pipeline.build()
    assert error.value.where == str(pipeline.root)
    assert error.value.reason == "pipeline"
    return tuple(str(one) for one in error.value.problems)


def test_outputs_are_attributes_and_items() -> None:
    handle = StageHandle("words")
    assert handle.text == Ref("words", "text")
    assert handle["an output"] == Ref("words", "an output")
    assert handle.create == Ref("words", "create")


@pytest.mark.parametrize("name", ["_private", "__wrapped__", "create_doit_tasks"])
def test_what_doit_and_python_look_up_is_no_output(name: str) -> None:
    assert not hasattr(StageHandle("words"), name)


def test_a_product_knows_its_files() -> None:
    paths = {"b": Path("dist/b"), "a": Path("dist/a")}
    assert ProductHandle("p", paths).path == Path("dist/b")


def test_a_build_without_doit(pipeline: Pipeline, tmp_path: Path) -> None:
    words = pipeline.stage("words", read())
    line = pipeline.stage("line", Join((words.words, words.words)))
    first = pipeline.product("first", {"a.txt": words.words, "b.txt": line.line})
    second = pipeline.product("second", {"c.txt": line.line}, folder="out", record=False)
    events: list[Event] = []
    built = pipeline.build(tell=events.append)
    assert built == {**first.paths, **second.paths}
    assert first.paths == {name: tmp_path / "dist" / name for name in ("a.txt", "b.txt")}
    assert second.path == tmp_path / "out/c.txt"
    assert (tmp_path / "dist/a.txt").read_text() == "some words"
    assert second.path.read_text() == "some words+some words"
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {
        "a.txt",
        "b.txt",
        "first.json",
    }
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c.txt"]
    ended = [event.stage for event in events if isinstance(event, Finished)]
    assert ended == ["words", "line", "first", "second"]
    assert pipeline.build("second") == second.paths


def test_a_build_of_one_product_makes_no_other(pipeline: Pipeline, tmp_path: Path) -> None:
    words = pipeline.stage("words", read())
    pipeline.product("first", {"a.txt": words.words})
    pipeline.product("second", {"b.txt": words.words})
    pipeline.build("second")
    assert not (tmp_path / "dist/a.txt").exists()
    with pytest.raises(
        ConfigError, match="there is no product second2; did you mean second"
    ) as error:
        pipeline.build("second2")
    assert error.value.reason == "unknown-product"
    pipeline.build("first")  # the store is not locked any more
    assert (tmp_path / "dist/a.txt").exists()


@dataclass(frozen=True)
class Greets(Stage):
    """Uses a service."""

    def run(self, context: StageContext) -> Outputs:
        """Store what the service says."""
        return {"text": context.blobs.put(context.service(Greeting).text.encode())}


class Greeting:
    """A service."""

    text = "hello"


def test_a_stage_gets_a_service_by_its_class(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.service(Greeting())
    pipeline.product("p", {"a": pipeline.stage("greets", Greets()).text})
    pipeline.build()
    assert (tmp_path / "dist/a").read_text() == "hello"


def test_all_problems_are_reported_together(pipeline: Pipeline) -> None:
    words = pipeline.stage("words", read())
    pipeline.product("p", {"a": words.words})
    pipeline.stage("words", read())
    pipeline.stage("p", read())
    pipeline.stage("line", Join((Ref("wrods", "words"), WORDS)))
    pipeline.product("p", {"a": Ref("nothing", "x")})
    found = problems(pipeline)
    assert [text.partition(": ")[2] for text in found] == [
        "there are two tasks named words",
        "there are two tasks named p",
        (
            "line uses the output words of wrods, which is not a stage of this pipeline; "
            "did you mean words?"
        ),
        "there are two tasks named p",
        "p uses the output x of nothing, which is not a stage of this pipeline",
    ]
    lines = [int(text.partition(": ")[0].removeprefix("test_pipeline.py:")) for text in found]
    assert lines == sorted(lines)
    assert lines[1] == lines[0] + 1, "each has the line that added it"


def test_a_stage_cannot_be_added_after_the_tasks(pipeline: Pipeline) -> None:
    pipeline.stage("words", read())
    assert pipeline.doit_config()
    pipeline.stage("late", read())
    (problem,) = problems(pipeline)
    assert problem.endswith(": late is added too late: add it before doit_config()")


def test_only_a_project_has_outputs_from_the_start(tmp_path: Path) -> None:
    project = Project(tmp_path / "dodo.py")
    project.product("p", dict(zip("abc", project.given, strict=True)))
    assert project._problems == []
    other = Pipeline(tmp_path / "dodo.py")
    other.product("p", {"a": Project.iso})
    assert len(other._problems) == 1
    assert Project.default == ("iso",)
    assert Pipeline.default is None


def graph_of(pipeline: Pipeline) -> Any:
    return pipeline._graph()


def test_what_a_task_is_described_by(pipeline: Pipeline) -> None:
    pipeline.stage("words", read())
    pipeline.stage("own", read(), doc="read it", after=["words"])
    graph = graph_of(pipeline)
    first = "The words of a file in lower case, so white space and case do not affect the output."
    assert graph.docs == {"words": first, "own": "read it"}
    assert graph.after == {"own": ("words",)}
    assert pipeline.product("p", {"a": WORDS}).name == "p"
    assert pipeline._products["p"].doc == "make p"


def test_sources_are_below_the_project(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.stage("words", read())
    stage = graph_of(pipeline).stages["words"]
    assert (stage.file.path, stage.file.name) == (tmp_path / "words.txt", "words.txt")


def folder_of(tmp_path: Path) -> Path:
    pipeline = Pipeline(tmp_path / "dodo.py", dist="products")
    return pipeline.product("p", {"a": WORDS}).path.parent.relative_to(tmp_path)


def test_the_folder_of_products(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder_of(tmp_path) == Path("products")
    monkeypatch.setenv("GOLDMASTER_DIST", "elsewhere")
    assert folder_of(tmp_path) == Path("elsewhere")
    variables["dist"] = "there"
    assert folder_of(tmp_path) == Path("there")


def test_the_folder_of_a_project_s_products(tmp_path: Path, variables: dict[str, str]) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/settings.toml").write_text('dist = "there"\n')
    project = Project(tmp_path / "dodo.py")
    assert project.product("p", {"a": Project.iso}).path == tmp_path / "there/a"
    variables["jobs"] = "many"  # the session reports it
    assert project.product("q", {"a": Project.iso}).path == tmp_path / "dist/a"


def mark(*stages: Stage, after: tuple[str, ...] = (), file: str = "a") -> str:
    made = Pipeline("/srv/project/dodo.py")
    for number, stage in enumerate(stages):
        made.stage(str(number), stage, after=after)
    made.product("p", {file: Ref("0", "words")})
    return repr(made._parts())


@dataclass(frozen=True, repr=False)
class Silent(Stage):
    """A stage whose `repr` is always the same."""

    words: tuple[SourceFile, ...]
    more: Mapping[str, SourceFile]

    def __repr__(self) -> str:
        return "Silent"

    def run(self, _context: StageContext) -> Outputs:
        """Do nothing."""
        return {}


def silent_stage(one: str = "a", other: str = "b") -> Silent:
    return Silent((SourceFile(one),), {"key": SourceFile(other)})


def test_what_dodo_py_adds_is_told_apart_field_by_field() -> None:
    marks = [
        mark(silent_stage()),
        mark(silent_stage(one="c")),
        mark(silent_stage(other="c")),
        mark(silent_stage(), silent_stage()),
        mark(silent_stage(), after=("x",)),
        mark(silent_stage(), file="b"),
        mark(read()),
    ]
    assert len(set(marks)) == len(marks)
    assert mark(silent_stage()) == marks[0]
    assert "0x" not in "".join(marks), "no address, which differs in each run"
