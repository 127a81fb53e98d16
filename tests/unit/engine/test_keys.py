"""Key documents: golden files, and complete for every field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.stages.fake_stages import Everything

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.keys import InputNotBuilt, Keys
from buildlib.engine.stage import OutputRef, SourceFile, SourceTree, Stage
from buildlib.model.digest import Blob, digest_of
from buildlib.model.errors import StageError, ToolError
from buildlib.stages.inputs.fetch import Fetch
from buildlib.store.records import Output
from buildlib.store.store import Store

GOLDEN = Path(__file__).with_name("golden")
ONE, TWO = OutputRef("one", "out"), OutputRef("two", "out")
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
        SourceFile(tmp_path / "file", "file"),
        SourceTree(folder, "overlay"),
        ONE,
        (ONE, TWO),
        {"b": TWO, "a": ONE},
    )


def test_golden_document(keys: Keys, stage: Everything) -> None:
    document = keys.document(stage, OUTPUTS)
    expected = json.loads((GOLDEN / "everything.json").read_text())
    assert document == expected["document"], json.dumps(document, indent=1)
    assert digest_of(document) == expected["key"]


def test_golden_document_of_a_pinned_stage(keys: Keys) -> None:
    """If the output is pinned, neither code nor tools affect it."""
    document = keys.document(Fetch("a/b.tgz", "5" * 128, "2" * 64, 9), {})
    assert document == {
        "form": 2,
        "stage": "Fetch",
        "version": 1,
        "fields": {"path": "a/b.tgz", "sha512": "5" * 128, "sha256": "2" * 64, "size": 9},
    }


def test_every_field_changes_the_key(keys: Keys, stage: Everything) -> None:
    before = digest_of(keys.document(stage, OUTPUTS))
    changed = [
        replace(stage, one=TWO),
        replace(stage, many=(TWO, ONE)),
        replace(stage, named={"a": ONE}),
        replace(stage, words=("a",)),
        replace(stage, number=8),
        replace(stage, flag=False),
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


@dataclass(frozen=True)
class Small:
    """A parameter of a stage."""

    text: str = "a"


@dataclass(frozen=True)
class Little:
    """Another one, with the same fields."""

    text: str = "a"


@dataclass(frozen=True)
class Toy(Stage):
    """A stage that accepts any value."""

    value: object


@dataclass(frozen=True)
class Unheeding(Stage):
    """A stage that sets its fields itself."""

    table: Mapping[str, str]

    def __post_init__(self) -> None:
        """Leave the fields unchanged."""


PAIRS: dict[str, tuple[object, object]] = {
    "dataclasses of two types": (Small(), Little()),
    "a dataclass and a mapping": (Small(), {"class": "Small", "text": "a"}),
    "an output and a mapping": (ONE, {"from": "one.out", "sha256": "1" * 64}),
    "mappings whose keys end in quotes": ({"from": "a"}, {"from'": "a"}),
    "nothing and an empty text": (None, ""),
    "true and one": (True, 1),
    "a number and its text": (1, "1"),
    "a tuple and a mapping": (("a",), {"0": "a"}),
    "no pair and an empty one": ((), ((),)),
    "a tuple of two in another order": (("a", "b"), ("b", "a")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_that_differ_have_documents_that_differ(keys: Keys, name: str) -> None:
    one, other = (keys.document(Toy(value), OUTPUTS) for value in PAIRS[name])
    assert digest_of(one) != digest_of(other)


def test_folders_of_two_names_differ_though_both_are_empty(keys: Keys, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, other = (
        keys.document(Toy(SourceTree(tmp_path / name, name)), {}) for name in ("one", "two")
    )
    assert digest_of(one) != digest_of(other)


def test_a_mapping_that_kept_its_own_order_has_no_key(keys: Keys) -> None:
    keys.document(Unheeding({"a": "", "b": ""}), {})
    with pytest.raises(StageError) as caught:
        keys.document(Unheeding({"b": "", "a": ""}), {})
    assert caught.value.reason == "key-field"


def test_a_float_is_refused_when_the_stage_is_made() -> None:
    with pytest.raises(StageError, match="float cannot be part of a key") as caught:
        Toy({"a": (1.5,)})
    assert caught.value.where == "Toy.value['a'][0]"


def test_files_are_marked_wherever_they_stand(keys: Keys, tmp_path: Path) -> None:
    """Every file that the fields name is checked after the stage has run."""
    (tmp_path / "file").write_text("text")
    file = SourceFile(tmp_path / "file", "file")
    for value in (file, (file,), {"a": file}, {"a": ({"b": file},)}):
        assert list(keys.marks(Toy(value))) == ["file"]


def test_inputs_name_every_file_with_its_digest(keys: Keys, stage: Everything) -> None:
    text, motd, run = (
        hashlib.sha256(data).hexdigest() for data in (b"text", b"hello", b"#!/bin/sh\n")
    )
    spec = hashlib.sha256(b"./empty type=dir\n").hexdigest()
    assert keys.inputs(stage) == {
        "file": text,
        "overlay": "dir",
        "overlay.mtree": f"spec {spec}",
        "overlay/etc": "dir",
        "overlay/etc/motd": f"file {motd}",
        "overlay/link": "link etc/motd",
        "overlay/run": f"exec {run}",
    }


@pytest.mark.programs
def test_what_a_compiler_starts_is_part_of_the_key(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    keys = Keys(store, CodeDigests(store.seen))
    proper, folder = tmp_path / "cc1", tmp_path / "bin"
    folder.mkdir()
    proper.write_text("the compiler proper")
    driver = folder / "cc"
    driver.write_text(f"#!/bin/sh\n[ $1 != -print-prog-name=cc1 ] || echo {proper}\n")
    driver.chmod(0o755)
    keys._tools["cc"] = driver, "d" * 64

    @dataclass(frozen=True)
    class Compiles(Stage):
        """A stage with a compiler."""

        TOOLS = ("cc",)

        def compilers(self) -> tuple[str, ...]:
            """The compiler."""
            return ("cc",)

    before = keys.document(Compiles(), {})
    assert before["programs"] == {"cc cc1": hashlib.sha256(proper.read_bytes()).hexdigest()}
    proper.write_text("another compiler proper")
    keys._programs.clear()  # the next run looks again
    assert digest_of(keys.document(Compiles(), {})) != digest_of(before)


@pytest.mark.programs
def test_a_compiler_s_own_headers_are_part_of_the_key(tmp_path: Path) -> None:
    """They are a folder; all else that a compiler names is a program."""
    store = Store(tmp_path / "build")
    keys = Keys(store, CodeDigests(store.seen))
    linker, headers, driver = tmp_path / "lto1", tmp_path / "include", tmp_path / "cc"
    linker.write_text("the linker's")
    headers.mkdir()
    (headers / "stddef.h").write_text("one")
    driver.write_text(
        f"#!/bin/sh\ncase $1 in *=lto1) echo {linker} ;; *=include) echo {headers} ;; esac\n"
    )
    driver.chmod(0o755)
    keys._tools["cc"] = driver, "d" * 64
    before = dict(keys._programs_of("cc"))
    assert [*before] == ["lto1", "include"]
    assert before["lto1"] == hashlib.sha256(linker.read_bytes()).hexdigest()
    (headers / "stddef.h").write_text("another")
    keys._programs.clear()
    after = keys._programs_of("cc")
    assert after["lto1"] == before["lto1"]
    assert after["include"] != before["include"]


def test_a_file_of_the_host_counts_where_it_is_there(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "settings"

    @dataclass(frozen=True)
    class Reads(Stage):
        """A stage whose tool has settings."""

        def host_files(self) -> tuple[str, ...]:
            """The settings."""
            return (str(path),)

    documents = [keys.document(Reads(), {})]
    for text in ("one", "other"):
        path.write_text(text)
        documents.append(keys.document(Reads(), {}))
    assert len({*map(digest_of, documents)}) == 3


def test_times_and_the_place_of_the_checkout_do_not_count(
    keys: Keys, stage: Everything, tmp_path: Path
) -> None:
    before = digest_of(keys.document(stage, OUTPUTS))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("file", "overlay", "overlay.mtree"):
        (tmp_path / name).rename(moved / name)
    other = replace(
        stage,
        file=SourceFile(moved / "file", "file"),
        folder=SourceTree(moved / "overlay", "overlay"),
    )
    assert digest_of(keys.document(other, OUTPUTS)) == before


def test_an_output_that_is_not_made_yet_is_named(keys: Keys, stage: Everything) -> None:
    with pytest.raises(InputNotBuilt) as caught:
        keys.document(stage, {ONE: OUTPUTS[ONE]})
    assert caught.value.stage == "two"


def test_a_missing_tool_names_the_package_that_has_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    keys = Keys(store, CodeDigests(store.seen))
    with pytest.raises(ToolError) as caught:
        keys.tool("no-such-tool-anywhere")
    assert caught.value.reason == "tool-missing"
    assert caught.value.hint == "apt-get install no-such-tool-anywhere"
