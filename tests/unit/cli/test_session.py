"""What a command works with: tasks, groups and checks of a pipeline."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli.session import Check, Session, open_store
from buildlib.model.errors import ConfigError

ANY: Any = None


class Own(Session):
    """A session with a check that cannot succeed."""

    def checks(self) -> list[Check]:
        def refuse() -> None:
            raise ConfigError("no key")

        return [
            Check("verify", "check all", ["iso"], lambda _sink: None),
            Check("serve", "serve it", [], lambda _sink: None, refuse),
        ]


def session_of(tmp_path: Path, kind: type[Session] = Session, **more: Any) -> Session:
    needs = {"fetch:a": (), "fetch:b": (), "root": ("fetch:a", "fetch:b")}
    graph = SimpleNamespace(
        stages=dict.fromkeys(needs), needs=needs.__getitem__, docs={"root": "compose it"}
    )
    product: Any = SimpleNamespace(
        name="iso",
        doc="the CD",
        folder=tmp_path / "dist",
        files={"cd.iso": 1, "cd.iso.sha256": 2},
        stages=lambda: ["root"],
    )
    engine: Any = SimpleNamespace(graph=graph, **more)
    return kind(tmp_path, ANY, {"iso": product}, ANY, engine, ANY)


def test_every_task_after_the_groups(tmp_path: Path) -> None:
    assert session_of(tmp_path).tasks() == [
        ("fetch:", "all tasks fetch:…", [], []),
        ("fetch:a", "", [], []),
        ("fetch:b", "", [], []),
        ("root", "compose it", ["fetch:a", "fetch:b"], []),
        (
            "iso",
            "the CD",
            ["root"],
            [str(tmp_path / "dist/cd.iso"), str(tmp_path / "dist/cd.iso.sha256")],
        ),
    ]


def test_checks_are_tasks(tmp_path: Path) -> None:
    assert session_of(tmp_path, Own).tasks()[-2:] == [
        ("verify", "check all", ["iso"], []),
        ("serve", "serve it", [], []),
    ]


def test_products_are_the_default(tmp_path: Path) -> None:
    assert session_of(tmp_path).default() == ["iso"]


def test_only_selected_checks_look_ahead(tmp_path: Path) -> None:
    session = session_of(tmp_path, Own)
    session.look_ahead(["verify", "iso"])
    with pytest.raises(ConfigError, match="no key"):
        session.look_ahead(["verify", "serve"])


def test_what_a_run_made_is_noted(tmp_path: Path) -> None:
    blob, file, pack = (SimpleNamespace(sha256=name) for name in ("blob", "file", "pack"))
    output = SimpleNamespace(blob=blob, files=[file], packs=[pack])
    decision = SimpleNamespace(record=SimpleNamespace(outputs={"x": output}))
    session = session_of(tmp_path, done={"root": decision})
    noted: list[Any] = []
    store: Any = SimpleNamespace(
        seen=SimpleNamespace(note=noted.append),
        blobs=SimpleNamespace(where=lambda name: f"blobs/{name}"),
        packs=SimpleNamespace(where=lambda name: f"packs/{name}"),
    )
    publisher: Any = SimpleNamespace(records=["record"], names=lambda _product: ["cd.iso"])
    full = Session(tmp_path, ANY, session.products, store, session.engine, publisher)
    full.note_results()
    assert noted == [
        "blobs/blob",
        "blobs/file",
        "packs/pack",
        "blobs/record",
        tmp_path / "dist/cd.iso",
    ]


def test_the_library_s_own_code_is_noted(tmp_path: Path) -> None:
    other = tmp_path / "dodo.py"
    other.write_text("")
    store = open_store(tmp_path / "build", noted=[other])
    looked = set(store.seen.looked)
    assert str(other) in looked
    assert any(name.endswith("buildlib/engine/stage.py") for name in looked)
