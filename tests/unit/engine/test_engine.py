"""The engine: what runs, what is kept, what prevents a rebuild, and how damage is repaired."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.stages.fake_stages import RUNS, Fails, Field, Harvest, Join, Meddler, Plant, Read

from buildlib.engine.engine import Decision
from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.errors import ConfigError, MissingBlob, StageError, StoreError, ToolError
from buildlib.model.events import Note, Started


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


LEAF = {"leaf": (OutputRef("harvest", "leaf"),)}  # what a product takes


def chain(field: Field, text: str = "one two", glue: str = "+") -> dict[str, Stage]:
    words = OutputRef("read", "words")
    return {
        "read": Read(field.file("a.txt", text)),
        "join": Join((words, words), glue),
        "plant": Plant(OutputRef("join", "line"), {"other": "x"}),
        "harvest": Harvest(OutputRef("plant", "tree")),
    }


def leaf(engine: object) -> bytes:
    from buildlib.engine.engine import Engine

    assert isinstance(engine, Engine)
    return engine.store.blobs.read(engine.output(OutputRef("harvest", "leaf")).blob.sha256)


def test_first_run_builds_all_and_second_nothing(field: Field) -> None:
    engine, ends = field.build(chain(field))
    assert leaf(engine) == b"one two+one two"
    assert ends == dict.fromkeys(["read", "join", "plant", "harvest"], "built")
    _, ends = field.build(chain(field))
    assert ends == {}
    assert RUNS == []


def test_the_last_run_of_a_stage_is_remembered(field: Field) -> None:
    engine, _ = field.build(chain(field))
    record = engine.last("join")
    assert record is not None
    assert record.document == engine.document("join")
    assert engine.last("no such stage") is None


def test_touching_a_file_runs_nothing(field: Field) -> None:
    stages = chain(field)
    field.build(stages)
    os.utime(field.folder / "a.txt", (1, 1))
    assert field.build(stages)[1] == {}


@pytest.mark.thorough
def test_same_output_stops_the_rebuild(field: Field) -> None:
    field.build(chain(field, "one two"))
    _, ends = field.build(chain(field, "ONE    two"))
    assert ends == {"read": "built"}


def test_a_parameter_rebuilds_its_stage_and_what_differs_below(field: Field) -> None:
    field.build(chain(field))
    engine, ends = field.build(chain(field, glue="-"))
    assert leaf(engine) == b"one two-one two"
    assert ends == {"join": "built", "plant": "built", "harvest": "built"}


@pytest.mark.thorough
def test_going_back_is_restored_without_running(field: Field) -> None:
    field.build(chain(field, glue="+"))
    field.build(chain(field, glue="-"))
    engine, ends = field.build(chain(field, glue="+"))
    assert leaf(engine) == b"one two+one two"
    assert ends == dict.fromkeys(["join", "plant", "harvest"], "restored")
    assert RUNS == []


def test_started_tells_the_reason(field: Field) -> None:
    field.build(chain(field))
    field.build(chain(field, "three"))
    started = {event.stage: event.reasons for event in field.events if isinstance(event, Started)}
    assert started["read"][0].startswith("file a.txt changed: ")
    assert started["join"][0].startswith("output read.words changed: ")


@pytest.mark.parametrize("how", ["delete", "damage"])
def test_a_lost_output_is_made_again_when_it_is_needed(field: Field, how: str) -> None:
    engine, _ = field.build(chain(field))
    lost = Path(engine.store.blobs.where(engine.output(OutputRef("read", "words")).blob.sha256))
    if how == "delete":
        lost.unlink()
    else:
        lost.chmod(0o644)
        lost.write_bytes(b"ONE two")
    engine, ends = field.build(chain(field, glue="-"))
    assert leaf(engine) == b"one two-one two"
    assert ends == dict.fromkeys(["read", "join", "plant", "harvest"], "built")


def test_a_lost_pack_is_made_again_when_it_is_needed(field: Field) -> None:
    engine, _ = field.build(chain(field))
    (pack,) = engine.output(OutputRef("plant", "tree")).packs
    engine.store.packs.where(pack.sha256).unlink()
    assert field.build(chain(field))[1] == {"plant": "built"}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["read", "join", "plant", "harvest"])
def test_a_record_that_lacks_an_output_is_made_again(field: Field, name: str) -> None:
    """The record is valid, but was written by an older version of a pinned stage, for example."""
    stages = chain(field)
    engine, _ = field.build(stages, LEAF)
    key = engine.key(name)
    record = engine.store.records.get(key)
    assert record is not None
    ((lost, output),) = record.outputs.items()
    engine.store.records.put(key, replace(record, outputs={"other": output}))
    engine, ends = field.build(stages, LEAF)
    assert leaf(engine) == b"one two+one two"
    assert ends == {name: "built"}
    started = {event.stage: event.reasons for event in field.events if isinstance(event, Started)}
    assert started[name] == (f"its record lacks {lost}",)
    assert field.build(stages, LEAF)[1] == {}


def test_an_output_that_no_stage_makes_is_told(field: Field) -> None:
    """The error names the stage that should have made it, which does not run again and again."""
    stages = {"read": Read(field.file("a.txt", "one")), "join": Join((OutputRef("read", "word"),))}
    with pytest.raises(StageError, match="the stage has no output word") as caught:
        field.build(stages)
    assert caught.value.where == "stage read"
    assert caught.value.why == "its outputs: words"
    assert caught.value.hint == "correct the names of outputs in join"
    assert RUNS == ["read"]


def test_damage_that_only_reading_shows_is_mended_while_the_stage_runs(field: Field) -> None:
    """The seal is valid but the bytes are damaged, as on a failing disk."""
    stages = chain(field)
    engine, _ = field.build(stages)
    spec = Path(engine.store.blobs.where(engine.output(OutputRef("plant", "tree")).blob.sha256))
    status = spec.stat()
    data = bytearray(spec.read_bytes())
    data[-2] ^= 1
    spec.chmod(0o644)
    spec.write_bytes(data)
    os.utime(spec, ns=(status.st_mtime_ns, status.st_mtime_ns))
    engine.store.records.drop(engine.key("harvest"))
    engine, ends = field.build(stages)
    assert leaf(engine) == b"one two+one two"
    assert ends == {"plant": "built", "harvest": "built"}


def test_an_input_that_changes_meanwhile_is_an_error_and_nothing_is_stored(field: Field) -> None:
    stages: dict[str, Stage] = {"meddle": Meddler(field.file("a.txt", "before"))}
    with pytest.raises(StageError) as caught:
        field.build(stages)
    assert caught.value.reason == "input-changed"
    assert list(field.engine(stages).store.records.all()) == []


def test_a_missing_source_is_told_by_its_name(field: Field) -> None:
    stages = chain(field)
    (field.folder / "a.txt").unlink()
    with pytest.raises(ConfigError, match=r"a\.txt cannot be read"):
        field.build(stages)


def test_content_that_keeps_vanishing_ends_in_an_error(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    from buildlib.model.errors import MissingBlob

    def fail(_self: object, _job: object) -> None:
        raise MissingBlob("0" * 64, why="for a test")

    stages = chain(field)
    monkeypatch.setattr(Join, "run", fail)
    with pytest.raises(StoreError) as caught:
        field.build(stages)
    assert caught.value.reason == "store-unstable"


@pytest.mark.programs
def test_a_failed_tools_folder_is_kept_and_its_command_works_there(field: Field) -> None:
    stages: dict[str, Stage] = {"fail": Fails(field.file("a.txt", "text"))}
    with pytest.raises(ToolError) as caught:
        field.build(stages)
    command = caught.value.command
    assert command is not None
    again = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "needed\n")
    field.file("a.txt", "good")
    field.build(stages)
    assert not list((field.folder / "build" / "failed").iterdir())


@pytest.mark.thorough
def test_deciding_changes_nothing(field: Field) -> None:
    stages = chain(field)
    field.build(stages)
    before = {path: path.stat().st_mtime_ns for path in (field.folder / "build").rglob("*")}
    engine = field.engine(chain(field, glue="-"))
    assert [engine.resolve(name).verdict for name in stages] == [
        "up to date",
        "build",
        "unknown",
        "unknown",
    ]
    after = {path: path.stat().st_mtime_ns for path in (field.folder / "build").rglob("*")}
    assert after == before


@pytest.mark.thorough
def test_what_is_noted_of_a_stage_whole_or_not(field: Field) -> None:
    """For checks of the content itself: damage must be found, not repaired."""
    stages = chain(field)
    made, _ = field.build(stages)
    blob = made.output(OutputRef("read", "words")).blob
    made.store.blobs.discard(blob.sha256)
    engine = field.engine(stages)
    assert engine.recorded("read")["words"].blob == blob
    assert engine.recorded("join") == {}  # what it takes is not known yet
    assert engine.recorded("none") == {}
    assert field.engine(chain(field, "other words")).recorded("read") == {}


def test_needs_are_resolved_first_and_once(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that a stage waits for need not be a stage."""
    stages = chain(field)
    field.build(stages)
    engine = field.engine(stages)
    engine.graph = replace(engine.graph, after={"join": ("a check",)})
    decided: list[str] = []
    real = engine.decide

    def decide(name: str) -> Decision:
        decided.append(name)
        return real(name)

    monkeypatch.setattr(engine, "decide", decide)
    assert engine.resolve("plant").verdict == "up to date"
    assert decided == ["read", "join", "plant"]
    assert [*engine.done] == ["read", "join", "plant"]
    engine.resolve("harvest")
    assert decided == ["read", "join", "plant", "harvest"]


def test_a_stage_to_be_restored_stays_so_until_it_is_built(field: Field) -> None:
    field.build(chain(field))
    field.build(chain(field, glue="-"))
    engine = field.engine(chain(field))
    assert engine.resolve("join").verdict == "restore"
    verdicts = [engine.done["join"].verdict]
    assert engine.build("join").verdict == "restore"
    verdicts.append(engine.done["join"].verdict)
    assert verdicts == ["restore", "up to date"]


def test_what_uses_damaged_content_is_done_again(field: Field) -> None:
    engine, _ = field.build(chain(field))
    done: list[str] = []

    def act() -> int:
        done.append("act")
        if len(done) < 3:
            raise MissingBlob("a" * 64, why="it was damaged")
        return 7

    field.events.clear()
    assert engine.use(["read"], act) == 7
    text = "content aaaaaaaaaaaa is not in the store: it was damaged; making it again"
    assert [one.text for one in field.events if isinstance(one, Note)] == [text, text]

    def never() -> None:
        raise MissingBlob("a" * 64, why="it was damaged")

    with pytest.raises(StoreError, match="content keeps disappearing") as error:
        engine.use(["read", "join"], never)
    assert (error.value.where, error.value.reason) == ("read, join", "store-unstable")


def test_an_input_that_changes_and_changes_back(field: Field) -> None:
    class Meddles(Meddler):
        """Puts the text back."""

        def run(self, job: StageContext) -> Outputs:
            """Write twice."""
            text = self.file.path.read_text()
            outputs = super().run(job)
            self.file.path.write_text(text)
            return outputs

    with pytest.raises(StageError, match="an input changed while the stage ran") as error:
        field.build({"meddles": Meddles(field.file("a.txt", "text"))})
    assert error.value.why == "file a.txt was changed, and changed back"
    assert error.value.where == "stage meddles"
