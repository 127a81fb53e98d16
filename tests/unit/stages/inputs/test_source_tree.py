"""Sources are unpacked once for all that compile them."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef, StageContext
from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.model.events import Event, Progress
from buildlib.stages.inputs.source_tree import emptied, source_folder, sources_key
from buildlib.stages.inputs.unpack import Unpack

SRC, SYSSRC = OutputRef("fetch:src.tgz", "file"), OutputRef("fetch:syssrc.tgz", "file")


def archive(path: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        info = tarfile.TarInfo(path)
        info.size = len(data)
        made.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


SETS = {SRC: archive("usr/src/build.sh", b"#!"), SYSSRC: archive("usr/src/sys/a.c", b"int a;")}


def context(bench: Bench, sets: dict[OutputRef, bytes], told: list[Event]) -> StageContext:
    return bench.context(Unpack(SRC, "src"), sets, sink=told.append)


def test_all_source_sets_are_in_one_folder(bench: Bench) -> None:
    told: list[Event] = []
    source = source_folder(context(bench, SETS, told), [SRC, SYSSRC])
    assert (source / "build.sh").read_bytes() == b"#!"
    assert (source / "sys/a.c").read_bytes() == b"int a;"
    key = sources_key([sha256(data) for data in SETS.values()])
    assert source.parents[1].name == f"src-{key[:16]}"
    total = sum(map(len, SETS.values()))
    assert told[-1] == Progress("Unpack", total, total, "bytes", "unpacking sources")
    told.clear()
    assert source_folder(context(bench, SETS, told), [SRC, SYSSRC]) == source
    assert told == [], "it is not unpacked again"


def test_sources_without_a_build_sh(bench: Bench) -> None:
    with pytest.raises(SourceError) as caught:
        source_folder(context(bench, SETS, []), [SYSSRC])
    assert caught.value.reason == "no-build-sh"
    assert caught.value.where == "fetch:syssrc.tgz"


def test_a_folder_in_place_of_build_sh(bench: Bench) -> None:
    sets = {SRC: archive("usr/src/build.sh/a", b"")}
    with pytest.raises(SourceError):
        source_folder(context(bench, sets, []), [SRC])


def test_the_name_depends_on_every_set_and_their_order() -> None:
    keys = {sources_key(digests) for digests in (["a", "b"], ["b", "a"], ["a"], ["a", "c"])}
    assert len(keys) == 4


def test_what_an_interrupted_attempt_left_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "usr/src").mkdir(parents=True)
    (folder / "usr/src/half").write_text("h")
    emptied(folder)
    assert folder.is_dir()
    assert list(folder.iterdir()) == []
