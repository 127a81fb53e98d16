"""A set becomes a tree whose entries say where they are from."""

from __future__ import annotations

import gzip

from support.readers.trees import TIME, char, file, folder, link
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.events import Event, Progress
from buildlib.model.tree import tree_of
from buildlib.sources.archive.pack import tar
from buildlib.stages.inputs.unpack import Unpack

ARCHIVE = OutputRef("fetch:base.tgz", "file")
CONTENTS = {
    **folder("."),
    **folder("bin"),
    **file("bin/a", b"one", 0o555),
    **link("bin/b", "a"),
    **char("null", 2, 2),
}


def test_a_set(bench: Bench) -> None:
    told: list[Event] = []
    pieces = tar(tree_of(CONTENTS), lambda entry: CONTENTS[entry], dot=True)
    archive = gzip.compress(b"".join(pieces), mtime=0)
    made = bench.run_stage(Unpack(ARCHIVE, "base"), {ARCHIVE: archive}, sink=told.append)
    tree = bench.tree(made["tree"])
    assert {entry.origin for entry in tree} == {"base"}
    assert [(entry.path, entry.kind, entry.time) for entry in tree] == [
        (".", "dir", TIME),
        ("bin", "dir", TIME),
        ("bin/a", "file", TIME),
        ("bin/b", "link", TIME),
        ("null", "char", TIME),
    ]
    assert bench.contents(made["tree"]) == {tree.by_path["bin/a"].sha256: b"one"}
    assert told[-1] == Progress("Unpack", len(archive), len(archive), "bytes", "")
