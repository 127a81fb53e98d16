"""Stages of the miniature with their mappings in other orders make the same contents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import copy
from dataclasses import fields

import pytest
from support.checkouts.scratch import Scratch
from support.stages.orders import shuffled

from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.failures import scratch as scratch_folder
from buildlib.engine.keys import Keys
from buildlib.engine.stage import Stage
from buildlib.model.events import silent
from buildlib.plan.plan import make_plan
from buildlib.sources.mirrors import Mirrors
from buildlib.stages.boot.hypervisor import DistributionXen
from buildlib.stages.inputs.fetch import Fetch
from buildlib.stages.netbsd.kernel import Kernel
from buildlib.stages.netbsd.toolchain import Toolchain
from buildlib.store.store import Store

SLOW = (Fetch, DistributionXen, Kernel, Toolchain)  # they ask servers, or compile


@pytest.fixture
def engine(scratch: Scratch) -> Engine:
    """A run over the finished build in which every stage is settled."""
    store = Store(scratch.path("build"))
    places = Places(scratch.root, store.seen, lambda: scratch.root)
    plan = make_plan(read_configuration(Settings(offline=True), places))
    engine = Engine(
        plan.graph,
        store,
        Keys(store, CodeDigests(store.seen)),
        sink=silent,
        jobs=1,
        services={Mirrors: plan.mirrors},
        scope="mini",
    )
    for name in plan.graph.stages:
        engine.resolve(name)
    return engine


def quick(engine: Engine) -> Iterator[tuple[str, Stage]]:
    for name, stage in engine.graph.stages.items():
        if name in engine.done and not isinstance(stage, SLOW):
            yield name, stage


def made(engine: Engine, name: str, stage: Stage) -> dict[str, str]:
    """Output name to SHA-256 of what the stage makes now."""
    with scratch_folder(engine.store, name) as folder:
        results = stage.run(engine._job(name, stage, folder))
        return {key: engine._stored(value).blob.sha256 for key, value in results.items()}


def test_stages_make_the_same_even_without_the_form(engine: Engine) -> None:
    """The one order protects what the key says; no stage of the library leans on it, either."""
    ran: set[str] = set()
    for name, stage in quick(engine):
        expected = {key: output.blob.sha256 for key, output in engine.outputs(name).items()}
        names = [field.name for field in fields(stage)]  # type: ignore[arg-type]  # it has some
        for seed in range(2):
            chance = random.Random(seed)
            other = copy(stage)
            for field in names:
                object.__setattr__(other, field, shuffled(getattr(stage, field), chance))
            assert made(engine, name, other) == expected, f"{name}, seed {seed}"
        ran.add(type(stage).__name__)
    assert ran >= {
        "Press",
        "Signature",
        "Packages",
        "Root",
        "FfsImage",
        "ImageFolder",
        "Checksums",
        "Iso",
        "GrubImage",
        "Unpack",
    }
