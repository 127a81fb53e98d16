"""Fetching: files stored while making the lock are not fetched again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.stages.stage_bench import Bench

from buildlib.model.errors import SourceError
from buildlib.stages.inputs.fetch import Fetch

DATA = b"a package"
SHA512, SHA256 = hashlib.sha512(DATA).hexdigest(), hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """There is no mirror."""
    made = Bench(tmp_path / "build")
    made.store.blobs.put(DATA)
    return made


def test_what_is_in_the_store_needs_no_mirror(bench: Bench) -> None:
    made = bench.run_stage(Fetch("All/a.tgz", SHA512, SHA256, len(DATA)))
    assert bench.read(made["file"]) == DATA


@pytest.mark.parametrize(
    "stage",
    [
        Fetch("All/a.tgz", "0" * 128, SHA256, len(DATA)),  # a lock that contradicts itself
        Fetch("All/a.tgz", SHA512, "0" * 64, len(DATA)),
        Fetch("All/a.tgz", SHA512, SHA256, -1),
        Fetch("All/a.tgz", SHA512, "", -1),
    ],
)
def test_what_is_not_surely_it_is_fetched(bench: Bench, stage: Fetch) -> None:
    with pytest.raises(SourceError) as caught:
        bench.run_stage(stage)
    assert caught.value.reason == "no-mirror"
    assert bench.store.blobs.read(SHA256) == DATA
