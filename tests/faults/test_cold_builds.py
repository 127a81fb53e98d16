"""Builds from nothing, in several threads, of stages with equal keys, on a disk that is slow.

GOLDMASTER_TEST_COLD_BUILDS=200 pytest -s tests/faults/test_cold_builds.py
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.stages.fake_stages import RUNS, Field, Harvest, Join, Plant, Read

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.stage import OutputRef, Stage
from buildlib.store.store import Store

BUILDS = int(os.environ.get("GOLDMASTER_TEST_COLD_BUILDS", "4"))
SEED = int(os.environ.get("GOLDMASTER_TEST_SEED", "0")) or time.time_ns() % 10**9
DELAY = 0.02  # seconds that a rename takes
RECIPES = ("one", "two", "three")


def graph(field: Field) -> dict[str, Stage]:
    """Three recipes that want the same; what each of them makes of it is equal, too."""
    stages: dict[str, Stage] = {"read": Read(field.file("words", "Some  Words"))}
    for name in RECIPES:
        stages[f"join:{name}"] = Join((OutputRef("read", "words"),))
        stages[f"plant:{name}"] = Plant(OutputRef("join:one", "line"), {"more": "of it"})
        stages[f"harvest:{name}"] = Harvest(OutputRef("plant:one", "tree"))
    return stages


def in_threads(acts: list[Callable[[], object]]) -> list[BaseException]:
    failures: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  told by the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_cold_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"GOLDMASTER_TEST_SEED={SEED}")
    chance, field = random.Random(SEED), Field(tmp_path)
    stages, rename = graph(field), os.rename

    def slow(*words: Any) -> None:
        time.sleep(DELAY * chance.choice([0, 1, 1]))
        rename(*words)

    monkeypatch.setattr(os, "rename", slow)
    for number in range(BUILDS):
        RUNS.clear()
        store = Store(tmp_path / f"build-{number}")
        engine = Engine(
            Graph(stages),
            store,
            Keys(store, CodeDigests(store.seen)),
            sink=lambda _event: None,
            jobs=4,
        )
        order = [name for name in stages if name.startswith("harvest")] + [*stages]
        chance.shuffle(order)
        failures = in_threads([partial(engine.build, name) for name in order])
        assert failures == [], f"build {number}: {failures}"
        kinds = [name.partition(":")[0] for name in RUNS]
        assert sorted(kinds) == ["harvest", "join", "plant", "read"], "equal keys run once"
        assert {
            store.blobs.read(engine.output(OutputRef(f"harvest:{name}", "leaf")).blob.sha256)
            for name in RECIPES
        } == {b"some words"}
        assert not list(store.blobs.tmp.iterdir())
        assert set(store.records.all_last()) == set(stages)
    print(f"{BUILDS} cold builds, 0 failures")
