"""What `doit gc` keeps and removes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stages.fake_stages import Field, Join, Read

from buildlib.engine.engine import Engine
from buildlib.engine.gc import collect
from buildlib.engine.stage import OutputRef


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


def build(field: Field, text: str) -> Engine:
    words = OutputRef("read", "words")
    return field.build({"read": Read(field.file("a.txt", text)), "join": Join((words,), "+")})[0]


def test_only_the_last_results_stay(field: Field) -> None:
    build(field, "an older text")
    engine = build(field, "text")
    store = engine.store
    before = set(store.blobs.all())
    assert len(list(store.records.all())) == 4
    removed = collect(store)
    gone = before - set(store.blobs.all())
    assert len(list(store.records.all())) == 2
    assert removed.files == len(gone) > 0
    assert removed.size > 0
    assert collect(store).files == 0
    assert (
        field.build(
            {
                "read": Read(field.file("a.txt", "text")),
                "join": Join((OutputRef("read", "words"),), "+"),
            }
        )[1]
        == {}
    )


def test_work_and_snapshots_go(field: Field) -> None:
    store = build(field, "text").store
    for name in ("work", "failed", "partial"):
        (store.build / name / "x").mkdir(parents=True)
    (store.folder / "glance-1.json").write_text("x")
    (store.build / "logs").mkdir(exist_ok=True)
    assert collect(store).files == 0
    left = {path.name for path in store.build.iterdir()}
    assert left.isdisjoint({"work", "failed", "partial"})
    assert "logs" in left
    assert list(store.folder.glob("glance-*")) == []
