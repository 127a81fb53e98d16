"""The copied checkout, its mirror, the second build's surroundings, and the comparison."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.stages.fake_stages import Field, Read

from buildlib.engine.stage import Outputs, StageContext
from buildlib.model.mtree import format_tree
from buildlib.model.tree import Entry, tree_of
from buildlib.operations.reproduce import (
    SURROUNDINGS,
    Verdict,
    copy_checkout,
    lay_out_mirror,
    rebuild,
    verdicts,
)
from buildlib.stages.inputs.fetch import Fetch


def made(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def copied(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_checkout_is_copied_without_what_was_built(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "new/copy"
    made(root, "dodo.py", "recipes/dom0.toml", "recipes/.keep", "build/x", "dist/x")
    made(root, "__pycache__/x", "recipes/__pycache__/x", "recipes/build/x", ".git/x", ".hidden")
    made(root, "store/x", "images/x", "recipes/store/x")
    (root / "link").symlink_to("recipes")
    (root / "recipes/script").write_text("#!/bin/sh\n")
    (root / "recipes/script").chmod(0o755)
    (tmp_path / "to-images").symlink_to(root / "images")
    copy_checkout(root, target, apart=[root / "store", tmp_path / "to-images"])
    assert copied(target) == {
        "dodo.py",
        "link",
        "recipes",
        "recipes/.keep",
        "recipes/dom0.toml",
        "recipes/script",
        "recipes/store",
        "recipes/store/x",
    }
    assert (target / "recipes/dom0.toml").read_text() == "recipes/dom0.toml"
    assert (target / "recipes/script").stat().st_mode & 0o777 == 0o755
    assert os.readlink(target / "link") == "recipes"


def test_files_are_created_in_another_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "root", "a", "b/c", "b/d", "e")
    order: list[str] = []
    real = shutil.copy

    def copy(path: Path, target: Path, **how: Any) -> object:
        order.append(path.name)
        return real(path, target, **how)

    monkeypatch.setattr(shutil, "copy", copy)
    copy_checkout(tmp_path / "root", tmp_path / "copy", apart=[])
    assert order == ["e", "d", "c", "a"]


class _Fetched(Fetch):
    """A file that needs no mirror."""

    def run(self, context: StageContext) -> Outputs:
        return {"file": context.blobs.put(self.path.encode())}


def test_fetched_files_are_laid_out_like_a_mirror(tmp_path: Path) -> None:
    field = Field(tmp_path)
    digest = "a" * 128
    engine, _ = field.build(
        {
            "fetch:a": _Fetched("sets/a.tgz", digest, "", -1),
            "read": Read(field.file("words", "some words")),
            "fetch:b": _Fetched("sets/b.tgz", digest, "", -1),
        }
    )
    lay_out_mirror(engine, tmp_path / "mirror")
    assert copied(tmp_path / "mirror") == {"sets", "sets/a.tgz", "sets/b.tgz"}
    link = tmp_path / "mirror/sets/b.tgz"
    assert link.read_text() == "sets/b.tgz"
    assert os.path.isabs(os.readlink(link))


class Runner:
    """Notes how a program would be started."""

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.rest: dict[str, Any] = {}

    def run(self, argv: list[str], **rest: Any) -> None:
        """Note it."""
        self.argv, self.rest = argv, rest


@pytest.mark.parametrize("epoch", [None, "1700000000"])
def test_the_second_build_has_other_surroundings(tmp_path: Path, epoch: str | None) -> None:
    runner: Any = Runner()
    told: list[str] = []
    log = tmp_path / "log"
    rebuild(tmp_path, ["iso", "jobs=3"], epoch=epoch, runner=runner, log=log, tell=told.append)
    assert runner.argv[:2] == ["sh", "-c"]
    assert runner.argv[2] == 'umask 077; exec "$@"'
    assert runner.argv[4:7] == [sys.executable, "-m", "doit"]
    assert runner.argv[7:] == ["iso", "jobs=3", "build=build", "dist=dist", "progress=json"]
    given = runner.rest["environment"]
    assert {name: given[name] for name in SURROUNDINGS} == SURROUNDINGS
    assert given.get("SOURCE_DATE_EPOCH") == epoch
    assert (runner.rest["cwd"], runner.rest["log"]) == (tmp_path, log)
    assert runner.rest["fetches"] is True
    runner.rest["on_line"]("a line")
    assert told == ["a line"]


def record(**outputs: str) -> str:
    stages = {name: {"outputs": {"out": digest}} for name, digest in outputs.items()}
    return json.dumps({"stages": stages})


KERNEL = Entry("netbsd", "file", 0o644, size=1, sha256="1" * 64)
OTHER = Entry("etc", "dir", 0o755)


def image(
    folder: Path, content: bytes, entries: tuple[Entry, ...] = (KERNEL, OTHER), **outputs: str
) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "cd.iso").write_bytes(content)
    (folder / "cd.iso.json").write_text(record(**outputs))
    (folder / "cd.iso.mtree").write_bytes(format_tree(tree_of(entries)))


def verdict(tmp_path: Path, *stages: str) -> Verdict:
    (found,) = verdicts(tmp_path / "1", tmp_path / "2", {"cd.iso": stages})
    return found


def test_the_same_image(tmp_path: Path) -> None:
    image(tmp_path / "1", b"image", a="1")
    image(tmp_path / "2", b"image", a="2")
    assert verdict(tmp_path, "a") == Verdict("cd.iso", sha256(b"image").hexdigest(), same=True)


def test_stages_that_differ_come_in_their_order(tmp_path: Path) -> None:
    image(tmp_path / "1", b"image", a="1", b="1", c="1")
    image(tmp_path / "2", b"IMAGE", a="2", b="1", c="2", d="2")
    found = verdict(tmp_path, "c", "b", "a", "d")
    assert not found.same
    assert found.digest == sha256(b"image").hexdigest()
    assert found.stages == ("c", "a", "d")


def test_files_that_differ_are_named(tmp_path: Path) -> None:
    changed = replace(KERNEL, sha256="2" * 64, mode=0o600)
    first, second = Entry("b", "dir", 0o755), Entry("a", "dir", 0o755)
    image(tmp_path / "1", b"image", (KERNEL, OTHER, first))
    image(tmp_path / "2", b"IMAGE", (changed, OTHER, second))
    assert verdict(tmp_path).parts == (
        "a: only in one of them",
        "b: only in one of them",
        "netbsd: mode, content",
    )


def test_a_byte_of_no_file_that_differs(tmp_path: Path) -> None:
    image(tmp_path / "1", b"image")
    image(tmp_path / "2", b"imAGe")
    assert verdict(tmp_path).parts == ("the image: differs, at byte 2",)


def test_an_image_that_only_is_longer(tmp_path: Path) -> None:
    image(tmp_path / "1", b"image")
    image(tmp_path / "2", b"image and more")
    found = verdict(tmp_path)
    assert not found.same
    assert found.parts == ()


def test_every_image_has_a_verdict(tmp_path: Path) -> None:
    for folder in (tmp_path / "1", tmp_path / "2"):
        image(folder, b"image")
        (folder / "a.ffs").write_bytes(b"another")
    found = verdicts(tmp_path / "1", tmp_path / "2", {"a.ffs": (), "cd.iso": ()})
    assert [(one.name, one.same) for one in found] == [("a.ffs", True), ("cd.iso", True)]
