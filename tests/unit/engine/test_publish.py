"""Products: published content matches its digest, whatever was in the store or in its place."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.stages.fake_stages import RUNS, Field, Join, Read

from buildlib.engine.engine import Engine
from buildlib.engine.product import Product
from buildlib.engine.publish import Publisher
from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.host import atomic_files
from buildlib.model.events import Event, Finished, silent
from buildlib.operations.integrity import check_products, check_store, is_damaged

WORDS = "some words"
TEXT = b"some words+some words"


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


@dataclass(frozen=True)
class Labels(Stage):
    """Labels of an image."""

    def run(self, context: StageContext) -> Outputs:
        """As JSON."""
        return {"text": context.blobs.put(b'{"volume": "V"}')}


def stages(field: Field) -> dict[str, Stage]:
    return {
        "read": Read(field.file("words", WORDS)),
        "join": Join((OutputRef("read", "words"), OutputRef("read", "words"))),
    }


def product(field: Field) -> Product:
    return Product("product", field.folder / "dist", {"line": OutputRef("join", "line")})


def opened(field: Field) -> tuple[Engine, Publisher]:
    engine = field.engine(stages(field))
    return engine, Publisher(engine, silent, facts={})


def flip(path: Path) -> None:
    """As on a device with silent corruption: no time of the file changes."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def line(field: Field) -> Path:
    return field.folder / "dist" / "line"


def test_a_product_is_on_the_disk_before_it_has_its_name(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noting(name: str, path: Callable[..., Any]) -> None:
        real = getattr(os, name)

        def call(*words: Any) -> Any:
            done.append(f"{name} {os.path.basename(path(*words))}")
            return real(*words)

        monkeypatch.setattr(os, name, call)

    _, publisher = opened(field)
    noting(
        "fsync",
        lambda descriptor: (
            os.path.dirname(os.readlink(f"/proc/self/fd/{descriptor}"))
            if os.path.isfile(f"/proc/self/fd/{descriptor}")
            else os.readlink(f"/proc/self/fd/{descriptor}")
        ),
    )
    noting("rename", lambda _source, target: target)
    publisher.publish(product(field))
    assert done[-3:] == ["fsync tmp", "rename line", "fsync dist"]


def test_damage_in_the_store_is_not_published(field: Field) -> None:
    """The stage runs once more, and its output is published."""
    engine, publisher = opened(field)
    publisher.publish(product(field))
    line(field).unlink()
    flip(Path(engine.store.blobs.where(engine.output(OutputRef("join", "line")).blob.sha256)))
    RUNS.clear()
    _, publisher = opened(field)
    publisher.publish(product(field))
    assert RUNS == ["join"]
    assert line(field).read_bytes() == TEXT


def test_a_record_of_a_product_that_lacks_its_text_is_made_again(field: Field) -> None:
    recorded = replace(product(field), record="line.json")
    engine, publisher = opened(field)
    publisher.publish(recorded)
    text = (line(field).parent / "line.json").read_bytes()
    key = engine.store.records.all_last()["record:product"]
    kept = engine.store.records.get(key)
    assert kept is not None
    engine.store.records.put(key, replace(kept, outputs={}))
    (line(field).parent / "line.json").unlink()
    assert not is_damaged(recorded, engine)  # nothing says what it must be
    _, publisher = opened(field)
    publisher.publish(recorded)
    assert (line(field).parent / "line.json").read_bytes() == text
    assert engine.store.records.get(key) == kept


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "fifo", "other"])
def test_something_else_in_its_place(field: Field, kind: str) -> None:
    line(field).parent.mkdir()
    if kind == "folder":
        line(field).mkdir()
    elif kind == "fifo":
        os.mkfifo(line(field))
    elif kind == "other":
        line(field).write_bytes(TEXT[::-1])
    else:
        line(field).symlink_to("nothing" if kind == "dangling" else field.folder / "words")
    engine, publisher = opened(field)
    for name in engine.graph.stages:
        engine.build(name)
    assert not publisher.is_current(product(field))
    publisher.publish(product(field))
    assert publisher.is_current(product(field))
    assert line(field).read_bytes() == TEXT
    assert not line(field).is_symlink()
    assert (field.folder / "words").read_text() == WORDS


def test_a_folder_with_something_in_it_is_not_ours(field: Field) -> None:
    line(field).mkdir(parents=True)
    (line(field) / "mine").touch()
    _, publisher = opened(field)
    with pytest.raises(OSError, match="not empty"):
        publisher.publish(product(field))
    assert (line(field) / "mine").exists()


def test_others_read_it_whatever_the_umask(field: Field) -> None:
    before = os.umask(0o077)
    try:
        _, publisher = opened(field)
        publisher.publish(product(field))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (line(field).parent, line(field))] == [
        0o755,
        0o444,
    ]


def test_a_copy_on_another_file_system(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Any, target: Any) -> None:
        if os.path.dirname(source) != os.path.dirname(target):
            raise OSError(errno.EXDEV, "another file system")
        rename(source, target)

    _, publisher = opened(field)
    rename = os.rename
    publisher.publish(product(field))
    line(field).unlink()
    (line(field).parent / f".line.1-{'0' * 8}-0.new").touch()  # process 1 is at work
    rest = line(field).parent / f".line.{os.getpid()}-00000000-0.new"
    rest.touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        publisher.publish(product(field))
    assert line(field).read_bytes() == TEXT
    assert not rest.exists()
    assert len(list(line(field).parent.iterdir())) == 2
    assert atomic_files.leftovers(line(field).parent) == []


@pytest.mark.parametrize("place", ["store", "dist"])
def test_all_that_is_kept_is_read(field: Field, place: str) -> None:
    engine, publisher = opened(field)
    publisher.publish(product(field))
    summed = Product(
        "product",
        field.folder / "dist",
        {"line": OutputRef("join", "line"), "line.sha256": OutputRef("join", "line")},
    )
    digest = engine.output(OutputRef("join", "line")).blob.sha256
    (field.folder / "dist" / "line.sha256").write_text(f"SHA256 (line) = {digest}\n")
    items = [*check_store(engine.store), *check_products([summed], engine)]
    assert {item.kind for item in items} == {"blob", "record", "product"}
    assert all(item.is_whole for item in items)
    if place == "dist":
        copy = line(field).read_bytes()
        line(field).unlink()
        line(field).write_bytes(copy)
        flip(line(field))
        assert is_damaged(summed, engine)
    else:
        flip(Path(engine.store.blobs.where(digest)))
        wrong = [item for item in check_store(engine.store) if not item.is_whole]
        assert [item.name for item in wrong] == [f"{digest[:12]} of join"]
        assert all(item.is_whole for item in check_store(engine.store)), "it is removed"


def test_what_is_current_is_left_alone(field: Field) -> None:
    engine, publisher = opened(field)
    engine.build("join")
    assert not publisher.is_current(product(field)), "it is not published yet"
    publisher.publish(product(field))
    assert publisher.is_current(product(field))
    before = line(field).stat()
    publisher.publish(product(field))
    assert line(field).stat().st_ino == before.st_ino
    (line(field).parent / f".line.{os.getpid()}-00000000-0.new").touch()
    assert not publisher.is_current(product(field)), "a killed run left something"
    assert engine.outputs("join")


@pytest.mark.parametrize("how", ["a copy", "another content", "another size", "a link", "gone"])
def test_what_stands_for_the_store_s_file(field: Field, how: str) -> None:
    _, publisher = opened(field)
    publisher.publish(product(field))
    line(field).unlink()
    if how == "a copy":
        line(field).write_bytes(TEXT)
    elif how == "another content":
        line(field).write_bytes(TEXT[::-1])
    elif how == "another size":
        line(field).write_bytes(TEXT + b"x")
    elif how == "a link":
        (field.folder / "text").write_bytes(TEXT)
        line(field).symlink_to(field.folder / "text")
    assert publisher.is_current(product(field)) == (how == "a copy")


def test_another_content_of_the_store_in_its_place(field: Field) -> None:
    """It is a link to the wrong blob, which need not be read."""
    engine, publisher = opened(field)
    publisher.publish(product(field))
    other = engine.store.blobs.put(TEXT[::-1])
    line(field).unlink()
    os.link(engine.store.blobs.where(other.sha256), line(field))
    assert not publisher.is_current(product(field))


def test_names_of_a_product_s_files(field: Field) -> None:
    engine, publisher = opened(field)
    whole = Product(
        "product",
        field.folder / "dist",
        {"text": OutputRef("join", "line")},
        all_of="read",
        record="product.json",
    )
    assert publisher.names(whole) == ["text", "product.json"], "the stage is not made yet"
    engine.build("read")
    assert publisher.names(whole) == ["text", "product.json", "words"]
    assert publisher.names(product(field)) == ["line"]
    publisher.publish(whole)
    names = {path.name for path in (field.folder / "dist").iterdir()}
    assert names == {"text", "product.json", "words"}


def test_a_build_record_says_what_was_used(field: Field) -> None:
    facts: dict[str, str | int] = {"release": "mini", "epoch": 7}
    events: list[Event] = []
    recorded = replace(product(field), record="line.json", labels=OutputRef("labels", "text"))
    engine = field.engine({**stages(field), "labels": Labels()})
    publisher = Publisher(engine, events.append, facts=facts)
    for name in ("labels", "join"):
        engine.build(name)
    assert not publisher.is_current(recorded)
    assert engine.last("record:product") is None, "a look writes nothing"
    assert publisher.records == set()
    publisher.publish(recorded)
    assert publisher.is_current(recorded)
    path = field.folder / "dist/line.json"
    record = json.loads(path.read_text())
    output = engine.output(OutputRef("join", "line")).blob
    assert record == {
        "goldmaster": 1,
        "release": "mini",
        "epoch": 7,
        "product": "product",
        "labels": {"volume": "V"},
        "files": {"line": output.sha256},
        "inputs": {"words": sha256(WORDS.encode()).hexdigest()},
        "tools": {},
        "libraries": {},
        "host": {},
        "stages": {
            name: {
                "key": engine.key(name),
                "outputs": {key: value.blob.sha256 for key, value in engine.outputs(name).items()},
            }
            for name in ("read", "join")
        },
    }
    assert publisher.records == {sha256(path.read_bytes()).hexdigest()}
    (finished,) = [one for one in events if isinstance(one, Finished)]
    assert (finished.stage, finished.outcome) == ("product", "built")
    assert finished.size == output.size + path.stat().st_size
    assert finished.detail == str(field.folder / "dist")
    assert 0 <= finished.seconds < 300


def test_the_version_of_a_tool_is_its_package_s(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, publisher = opened(field)
    asked: list[list[str]] = []
    known: dict[str, str] = {}

    def answer(argv: list[str]) -> str | None:
        asked.append(argv)
        return known.get(argv[-1])

    monkeypatch.setattr(engine.store.runner, "answer", answer)
    tool = field.folder / "tool"
    tool.touch()
    os.utime(tool, (1, 1))
    monkeypatch.setattr(engine.keys, "tool", lambda _name: (tool, ""))
    ask = publisher._ask_version
    assert publisher.tool_version("tool") == "unknown"
    assert asked == [["dpkg-query", "-S", str(tool)]] * 2
    known.update({"/bin/sh": "dash, diversion: /bin/sh\n", "dash": "dash 0.5"})
    assert ask("/usr/bin/sh") == "dash 0.5", "dpkg may list it without /usr"
    known["dash"] = ""
    assert ask("/bin/sh") == "unknown"
    known["/usr/bin/sh"] = "first: /usr/bin/sh"
    known.update({"first": "first 1", "dash": "dash 0.5"})
    assert ask("/usr/bin/sh") == "first 1"
    assert asked[-1] == ["dpkg-query", "-W", "-f", "${Package} ${Version}", "first"]
