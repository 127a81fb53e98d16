"""Checksum files beside products."""

from __future__ import annotations

import hashlib

from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.events import Event, Progress
from buildlib.stages.inputs.checksums import Checksums
from buildlib.store.blobs import CHUNK

SMALL, LARGE = OutputRef("small", "file"), OutputRef("large", "file")


def test_both_lists_have_every_file(bench: Bench) -> None:
    data = {"b.iso": b"x" * (CHUNK + 5), "a.ffs": b"small"}
    told: list[Progress] = []

    def sink(event: Event) -> None:
        assert isinstance(event, Progress)
        told.append(event)

    made = bench.run_stage(
        Checksums({"b.iso": LARGE, "a.ffs": SMALL}),
        {LARGE: data["b.iso"], SMALL: data["a.ffs"]},
        sink=sink,
    )
    for name in ("sha256", "sha512"):
        lines = "".join(
            f"{name.upper()} ({file}) = {hashlib.new(name, data[file]).hexdigest()}\n"
            for file in ("a.ffs", "b.iso")
        )
        assert bench.read(made[name]).decode() == lines
    assert {(one.done, one.total) for one in told if one.total > 5} == {
        (CHUNK, CHUNK + 5),
        (CHUNK + 5, CHUNK + 5),
    }
    assert {one.unit for one in told} == {"bytes"}
