"""Finds the long parts of a run in advance, from the graph and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from buildlib.engine.engine import Engine
from buildlib.engine.stage import Stage
from buildlib.model import json_text
from buildlib.model.digest import Blob
from buildlib.model.errors import GoldmasterError
from buildlib.plan.kernels import TOOLCHAIN
from buildlib.stages.inputs.fetch import Fetch
from buildlib.stages.inputs.source_tree import sources_key
from buildlib.stages.netbsd.kernel import Kernel
from buildlib.stages.netbsd.toolchain import Toolchain


@dataclass(frozen=True, slots=True)
class PendingWork:
    """Work that takes long, much disk space, or a network.

    sources, toolchain   whether they must be unpacked and compiled; kernels: how many
    fetches              paths from a mirror's root; download: their total size in bytes, if known
    """

    sources: bool = False
    toolchain: bool = False
    kernels: int = 0
    fetches: tuple[str, ...] = ()
    download: int = 0

    @property
    def compiles(self) -> bool:
        """Whether it is a long build."""
        return self.toolchain or self.kernels > 0


def long_ones(engine: Engine, names: Sequence[str]) -> list[str]:
    """The stages needed by `names` that `PendingWork` covers."""
    return [
        name
        for name in engine.graph.closure(names)
        if isinstance(engine.graph.stages[name], Fetch | Toolchain | Kernel)
    ]


def pending(engine: Engine, names: Sequence[str]) -> dict[str, Stage]:
    """The stages needed by `names` that are not in the store, as far as is known."""
    found: dict[str, Stage] = {}
    for name in engine.graph.closure(names):
        try:
            verdict = engine.resolve(name).verdict
        except (GoldmasterError, OSError):
            verdict = "build"  # the error is reported when the stage runs
        if verdict in {"build", "unknown"}:
            found[name] = engine.graph.stages[name]
    return found


def work_of(engine: Engine, stages: Mapping[str, Stage]) -> PendingWork:
    """The work needed to make `stages`."""
    kernels = sum(isinstance(stage, Kernel) for stage in stages.values())
    fetches = [
        stage
        for stage in stages.values()
        if isinstance(stage, Fetch) and not _is_kept(engine, stage)
    ]
    toolchain = engine.graph.stages.get(TOOLCHAIN)
    sources = compiled = False
    if isinstance(toolchain, Toolchain) and (kernels or TOOLCHAIN in stages):
        sources = not _has_sources(engine, toolchain)
        compiled = not _has_tools(engine, is_made=TOOLCHAIN not in stages)
    return PendingWork(
        sources,
        compiled,
        kernels,
        tuple(stage.path for stage in fetches),
        sum(max(0, stage.size) for stage in fetches),
    )


def _is_kept(engine: Engine, stage: Fetch) -> bool:
    """Whether the file is in the store although no run has fetched it, from making the lock."""
    known = bool(stage.sha256) and stage.size >= 0
    return known and engine.store.blobs.has(Blob(stage.sha256, stage.size))


def _has_sources(engine: Engine, toolchain: Toolchain) -> bool:
    """Whether the work folder of the sources exists; it is named by the sets' digests."""
    digests = []
    for ref in toolchain.build.sets:
        stage, done = engine.graph.stages[ref.stage], engine.done.get(ref.stage)
        if done is not None and done.record is not None:
            digests.append(done.record.outputs[ref.output].blob.sha256)
        elif isinstance(stage, Fetch):
            digests.append(stage.sha256)
    return engine.store.workspaces.has("src", sources_key(digests))


def _has_tools(engine: Engine, *, is_made: bool) -> bool:
    """Whether the work folder of the toolchain exists, so that nothing is compiled for it.

    Its name is the stage's output, or the last run's if only code has changed since.
    """
    record = engine.last(TOOLCHAIN)
    if record is None or not (is_made or _only_code_changed(engine, record.document)):
        return False
    try:
        output = engine.store.blobs.read(record.outputs["identity"].blob.sha256)
        return engine.store.workspaces.has("tools", str(json_text.loads(output)["toolchain"]))
    except (GoldmasterError, OSError, ValueError, KeyError):
        return False


def _only_code_changed(engine: Engine, before: Mapping[str, object]) -> bool:
    try:
        now = engine.decide(TOOLCHAIN).document
    except (GoldmasterError, OSError):
        return False
    return all(
        before.get(part) == now.get(part)
        for part in ("stage", "fields", "tools", "programs", "host", "environment")
    )
