"""A file from a package of the distribution: the right package, the right file of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from support.machines.debs import make_deb, prepare
from support.stages.stage_bench import Bench

from buildlib.engine.stage import HostPackage, Outputs, SourceFile, Stage, StageContext
from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError, ToolError
from buildlib.sources.mirrors import Mirrors
from buildlib.stages.inputs.external_file import PACKAGE_TOOLS, Wanted, from_file, from_package

WANTED = Wanted("boot loader", r"usr/lib/[a-z]+\.img", "usr/lib/NAME.img")


@dataclass(frozen=True)
class Taken(Stage):
    """Takes the file. Output: `file`."""

    TOOLS = PACKAGE_TOOLS

    package: HostPackage

    def run(self, context: StageContext) -> Outputs:
        """Take it."""
        return {"file": from_package(context, self.package, WANTED)}


STAGE = Taken(HostPackage("package-*"))


@pytest.mark.programs
def test_the_first_file_whose_whole_path_fits(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "usr/lib/a.img.gz": b"longer",
        "usr/lib/b.img/x": b"below",
        "usr/lib/c.img": b"it",
        "opt/usr/lib/d.img": b"elsewhere",
    }
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, files))
    assert bench.read(bench.run_stage(STAGE)["file"]) == b"it"


@pytest.mark.programs
def test_a_package_without_the_file(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(bench, monkeypatch, tmp_path, make_deb(tmp_path, {"usr/lib/c.image": b"no"}))
    with pytest.raises(SourceError) as caught:
        bench.run_stage(STAGE)
    assert caught.value.reason == "no-boot-loader"
    assert caught.value.why == "expected usr/lib/NAME.img"


@pytest.mark.programs
def test_a_package_that_is_not_the_index_s(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deb = make_deb(tmp_path, {"usr/lib/c.img": b"it"})
    prepare(bench, monkeypatch, tmp_path, deb, "f" * 64)
    with pytest.raises(SourceError) as caught:
        bench.run_stage(STAGE)
    assert (caught.value.reason, caught.value.where) == ("checksum", deb.name)
    assert "f" * 64 in (caught.value.why or "")


@pytest.mark.programs
@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("E: 404  Not Found", "apt-get update"),
        ("E: Version was not found", "apt-get update"),
        ("E: Unable to locate package", "apt-get update"),
        ("E: no route to host", "http_proxy"),
    ],
)
def test_what_to_do_if_apt_get_fails(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, hint: str
) -> None:
    prepare(bench, monkeypatch, tmp_path, tmp_path / "none", "f" * 64)
    (tmp_path / "apt-get").write_text(f"#!/bin/sh\necho '{said}'\nexit 100\n")
    with pytest.raises(ToolError) as caught:
        bench.run_stage(STAGE)
    assert hint in (caught.value.hint or "")
    assert bool(caught.value.why) is (hint == "apt-get update")


def test_offline_nothing_is_downloaded(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(bench, monkeypatch, tmp_path, tmp_path / "none", "f" * 64)
    context = bench.context(STAGE)
    object.__setattr__(context, "services", {Mirrors: Mirrors(offline=True)})
    with pytest.raises(SourceError, match=r"the package package-9\.9 9\.9-1") as caught:
        STAGE.run(context)
    assert (caught.value.reason, caught.value.where) == ("offline", "stage Taken")


@pytest.mark.parametrize("is_pinned", [True, False])
def test_a_file_of_the_checkout(bench: Bench, tmp_path: Path, is_pinned: bool) -> None:
    path = tmp_path / "loader"
    path.write_bytes(b"loader")
    context, file = bench.context(STAGE_OF_FILES), SourceFile(path, "boot/loader")
    digest = sha256(b"loader")
    if is_pinned:
        assert bench.store.blobs.read(from_file(context, file, digest, WANTED).sha256) == b"loader"
    else:
        with pytest.raises(SourceError) as caught:
            from_file(context, file, "0" * 64, WANTED)
        assert (caught.value.reason, caught.value.where) == ("checksum", "boot/loader")
        assert caught.value.why == f"pinned {'0' * 64}\nfound  {digest}"


STAGE_OF_FILES = Stage()
