"""Inputs that change under a run, and clocks that lie: nothing wrong is ever kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import MOTD, Attempt, Victim, wait_until
from support.faults.kill_stress import KERNEL, VARIANTS, Products, Variant, products, set_variant
from support.faults.slow_compiler import SlowCompiler

from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.stage import OutputRef, Outputs, SourceFile, SourceTree, Stage, StageContext
from buildlib.model.errors import StageError
from buildlib.model.events import silent
from buildlib.store.store import Store

pytestmark = pytest.mark.pipeline

KERNEL_STAGE = "kernel:XEN3_DOMU_RO"


def _compiling(victim: Victim, compiler: SlowCompiler) -> Attempt:
    """A run of variant (0, 1) that stands still while it compiles the domU kernel."""
    set_variant(victim, (0, 1))
    compiler.stop()
    attempt = victim.start("iso", "progress=json")
    compiler.reached()
    wait_until(lambda: f'"started", "stage": "{KERNEL_STAGE}"' in attempt.out, "it compiles")
    return attempt


@pytest.fixture
def compiler(victim: Victim) -> SlowCompiler:
    """The checkout's compiler; a toolchain has been made with it."""
    compiler = SlowCompiler(victim)
    victim.build()
    return compiler


def test_a_configuration_edited_while_it_is_compiled(
    victim: Victim, compiler: SlowCompiler, known: Mapping[Variant, Products]
) -> None:
    attempt = _compiling(victim, compiler)
    set_variant(victim, (0, 0))
    compiler.go()
    ended = attempt.wait()
    assert ended.status != 0
    assert ended.error["reason"] == "input-changed"
    assert KERNEL in ended.error["why"]
    assert KERNEL_STAGE not in ended.stages()
    for variant in ((0, 1), (0, 0)):
        set_variant(victim, variant)
        victim.build()
        assert _images(products(victim.dist)) == _images(known[variant])


def test_a_configuration_edited_and_changed_back(
    victim: Victim, compiler: SlowCompiler, known: Mapping[Variant, Products]
) -> None:
    attempt = _compiling(victim, compiler)
    set_variant(victim, (0, 0))
    set_variant(victim, (0, 1))
    compiler.go()
    assert attempt.wait().error["reason"] == "input-changed"
    assert KERNEL_STAGE in victim.build().stages()
    assert _images(products(victim.dist)) == _images(known[0, 1])


def test_an_overlay_edited_while_something_else_runs(
    victim: Victim, compiler: SlowCompiler, known: Mapping[Variant, Products]
) -> None:
    """Its stage has not begun: it takes the new text, or the next run does."""
    attempt = _compiling(victim, compiler)
    victim.append(MOTD, "again\n")
    compiler.go()
    attempt.wait().good()
    victim.build()
    assert _images(products(victim.dist)) == _images(known[1, 1])


def _images(found: Products) -> dict[str, str]:
    """Without build records: they tell of the compiler."""
    return {name: digest for name, digest in found.items() if not name.endswith(".json")}


# clocks

_CLOCK = {"NO_FAKE_STAT": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_clocks_that_lie(victim: Victim, known: Mapping[Variant, Products]) -> None:
    """A file that is edited is noticed whatever the clock and its time stamp say."""
    path = victim.folder / MOTD
    text, status = path.read_text(), path.stat()
    for number, clock in enumerate(("+400d", "-9000d", "-1d", "+9000d")):
        variant: Variant = (1 - number % 2, 0)
        path.write_text(text + "again\n" * variant[0])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        for _ in range(2):
            victim.run("iso", wrap=["faketime", "-f", clock], environment=_CLOCK).good()
        assert products(victim.dist) == known[variant]


def test_an_edit_that_only_the_inode_tells(
    victim: Victim, known: Mapping[Variant, Products]
) -> None:
    """The same size and time of modification, before the run and between two runs."""
    path = victim.folder / MOTD
    for variant in (VARIANTS[1], VARIANTS[0], VARIANTS[1]):
        before = path.stat()
        set_variant(victim, variant)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        victim.build()
        assert products(victim.dist) == known[variant]


# at the very moment of reading, which no run can be made to meet


@dataclass(frozen=True)
class Reads(Stage):
    """A stage that lets something happen around its reading."""

    source: SourceFile | SourceTree

    def run(self, job: StageContext) -> Outputs:
        path = self.source.path
        text = path if isinstance(self.source, SourceFile) else path / "file"
        original = text.read_bytes()
        EVENTS["before"](text)
        data = text.read_bytes()
        EVENTS["after"](text, original)
        return {"file": job.blobs.put(data)}


EVENTS: dict[str, Callable[..., object]] = {}


@pytest.mark.parametrize("kind", [SourceFile, SourceTree])
@pytest.mark.parametrize("back", [False, True])
def test_an_input_edited_as_it_is_read(
    tmp_path: Path, kind: type[SourceFile] | type[SourceTree], back: bool
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("right")
    path = tmp_path / ("folder/file" if kind is SourceFile else "folder")
    EVENTS["before"] = lambda file: file.write_text("wrong")
    EVENTS["after"] = lambda file, data: file.write_bytes(data) if back else None
    store = Store(tmp_path / "build")

    def made() -> bytes:
        engine = Engine(
            Graph({"reads": Reads(kind(path, path.name))}),
            store,
            Keys(store, CodeDigests(store.seen)),
            sink=silent,
            jobs=1,
        )
        engine.build("reads")
        return store.blobs.path(engine.output(OutputRef("reads", "file")).blob).read_bytes()

    with pytest.raises(StageError) as caught:
        made()
    assert caught.value.reason == "input-changed"
    assert caught.value.why
    assert "file" in caught.value.why
    EVENTS["before"] = EVENTS["after"] = lambda *_: None
    assert made() == (b"right" if back else b"wrong")
