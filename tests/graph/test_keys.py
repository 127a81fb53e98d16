"""Key documents: golden, and honest about every field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.toys import Everything

from buildlib.graph.code import CodeDigests
from buildlib.graph.keys import Keys, Unknown
from buildlib.stages.fetch import Fetch
from buildlib.stages.stage import From, SourceFile, SourceTree
from buildlib.store.records import Output
from buildlib.store.store import Store
from buildlib.words.digest import Blob, digest_of
from buildlib.words.errors import ToolError

GOLDEN = Path(__file__).with_name("golden")
ONE, TWO = From("one", "out"), From("two", "out")
OUTPUTS = {ONE: Output(Blob("1" * 64, 1)), TWO: Output(Blob("2" * 64, 2))}


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    made = Keys(Store(tmp_path / "build"), CodeDigests(Store(tmp_path / "build").seen))
    monkeypatch.setattr(made, "tool", lambda name: (Path("/bin") / name, "e" * 64))
    monkeypatch.setattr(made, "_library", lambda _name: "1.2")
    monkeypatch.setattr(made._code, "of", lambda _module: {"buildlib.stages.toy": "c" * 64})
    return made


@pytest.fixture
def stage(tmp_path: Path) -> Everything:
    (tmp_path / "file").write_text("text")
    folder = tmp_path / "overlay"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc" / "motd").write_text("hello")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("etc/motd")
    (tmp_path / "overlay.mtree").write_text("./empty type=dir\n")
    return Everything(
        SourceFile(tmp_path / "file", "file"), SourceTree(folder, "overlay"), ONE, (ONE, TWO),
        {"b": TWO, "a": ONE},
    )


def test_golden_document(keys: Keys, stage: Everything) -> None:
    document = keys.document(stage, OUTPUTS)
    expected = json.loads((GOLDEN / "everything.json").read_text())
    assert document == expected["document"], json.dumps(document, indent=1)
    assert digest_of(document) == expected["key"]


def test_golden_document_of_a_pinned_stage(keys: Keys) -> None:
    """Where the output is pinned, neither code nor tools can change it."""
    document = keys.document(Fetch("a/b.tgz", "5" * 128, "2" * 64, 9), {})
    assert document == {
        "form": 2, "stage": "Fetch", "version": 1,
        "fields": {"path": "a/b.tgz", "sha512": "5" * 128, "sha256": "2" * 64, "size": 9},
    }


def test_every_field_changes_the_key(keys: Keys, stage: Everything) -> None:
    before = digest_of(keys.document(stage, OUTPUTS))
    changed = [
        replace(stage, one=TWO), replace(stage, many=(TWO, ONE)), replace(stage, named={"a": ONE}),
        replace(stage, words=("a",)), replace(stage, number=8), replace(stage, flag=False),
        replace(stage, nothing=""),
    ]
    found = {digest_of(keys.document(other, OUTPUTS)) for other in changed}
    assert len(found) == len(changed)
    assert before not in found


@pytest.mark.parametrize("edit", ["content", "mode", "link", "new", "gone", "spec", "folder"])
def test_every_kind_of_edit_of_a_folder_changes_the_key(
    keys: Keys, stage: Everything, edit: str
) -> None:
    before = digest_of(keys.document(stage, OUTPUTS))
    folder = stage.folder.path
    match edit:
        case "content":
            (folder / "etc" / "motd").write_text("HELLO")
        case "mode":
            (folder / "etc" / "motd").chmod(0o755)
        case "link":
            (folder / "link").unlink()
            (folder / "link").symlink_to("etc")
        case "new":
            (folder / "etc" / "new").touch()
        case "gone":
            (folder / "run").unlink()
        case "spec":
            stage.folder.spec.write_text("./empty type=dir mode=0700\n")
        case _:
            (folder / "sub").mkdir()
    assert digest_of(keys.document(stage, OUTPUTS)) != before


def test_times_and_the_place_of_the_checkout_do_not_count(
    keys: Keys, stage: Everything, tmp_path: Path
) -> None:
    before = digest_of(keys.document(stage, OUTPUTS))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("file", "overlay", "overlay.mtree"):
        (tmp_path / name).rename(moved / name)
    other = replace(stage, file=SourceFile(moved / "file", "file"),
                    folder=SourceTree(moved / "overlay", "overlay"))
    assert digest_of(keys.document(other, OUTPUTS)) == before


def test_an_output_that_is_not_made_yet_is_named(keys: Keys, stage: Everything) -> None:
    with pytest.raises(Unknown) as caught:
        keys.document(stage, {ONE: OUTPUTS[ONE]})
    assert caught.value.stage == "two"


def test_a_missing_tool_names_the_package_that_has_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    keys = Keys(store, CodeDigests(store.seen))
    with pytest.raises(ToolError) as caught:
        keys.tool("no-such-tool-anywhere")
    assert caught.value.reason == "tool-missing"
    assert caught.value.hint == "apt-get install no-such-tool-anywhere"
