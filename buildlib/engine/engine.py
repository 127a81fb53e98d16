"""Decides which stages run, and runs them.

doit asks `decide` whether a stage is up to date and calls `build` where it is not, in the order of
the graph and in several threads. All freshness comes from keys and records; times and doit's own
state have no say. What a stage makes appears at once or not at all, and is durable when it does.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from buildlib.engine.explain import reasons
from buildlib.engine.graph import Graph
from buildlib.engine.keys import InputNotBuilt, Keys
from buildlib.engine.stage import HostPackage, OutputRef, Stage, StageContext, named
from buildlib.host.atomic_files import move, remove
from buildlib.host.environment import monotonic
from buildlib.host.jobserver import Slots
from buildlib.host.os_errors import SPACE_HINT, host_error, is_nearly_full, space_left
from buildlib.model.digest import Blob, digest_of
from buildlib.model.errors import (
    GoldmasterError,
    Interrupted,
    MissingBlob,
    StageError,
    StoreError,
    ToolError,
)
from buildlib.model.events import Finished, Note, Sink, Started
from buildlib.store.null_build import Signature
from buildlib.store.packs import StoredTree
from buildlib.store.records import Document, Output, Record
from buildlib.store.store import Store

T = TypeVar("T")
Verdict: TypeAlias = Literal["up to date", "restore", "build", "unknown"]
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done for a stage, and why.

    key, document  empty where the verdict is "unknown": an output it takes is not made yet
    record         what is in the store for the key
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    key: str = ""
    document: Document = field(default_factory=dict)
    record: Record | None = None


class Engine:
    """One run over a graph. Methods may be called from several threads."""

    def __init__(
        self, graph: Graph, store: Store, keys: Keys, *, sink: Sink, jobs: int,
        services: Mapping[type[object], object] | None = None, scope: str = "",
    ) -> None:
        """Stages of the same name in another `scope` (a release) have other last runs.

        services  by their class, what stages ask of the world outside (`StageContext.service`)
        """
        self.graph = graph
        self.store = store
        self.keys = keys
        self.slots = Slots(jobs)
        self._scope = f"{scope}/" if scope else ""
        self._sink = sink
        self._taken = graph.taken()
        self._services = dict(services or {})
        self._outputs: dict[OutputRef, Output] = {}
        self._done: dict[str, Decision] = {}
        self._keys_lock = threading.Lock()
        self._running: dict[str, threading.Lock] = {}
        self._locks = {name: threading.RLock() for name in graph.stages}

    def decide(self, name: str) -> Decision:
        """What is to be done for stage `name`, from what is known now. Changes nothing.

        Raises GoldmasterError where an input cannot be read.
        """
        if name in self._done:
            return self._done[name]
        try:
            document = self.keys.document(self.graph.stages[name], self._outputs)
        except InputNotBuilt as unknown:
            return Decision("unknown", (f"takes something from {unknown.stage}",))
        key = digest_of(document)
        last = self.store.records.last(self._scope + name)
        record = self.store.records.get(key)
        if record is None:
            why = self._why(last, document)
        elif lost := self._lacking(name, record.outputs):
            why = (f"its record lacks {', '.join(lost)}",)
        elif not all(map(self.store.has, record.outputs.values())):
            why = ("its result was deleted or damaged",)
        elif last == key:
            return Decision("up to date", (), key, document, record)
        else:
            return Decision("restore", self._why(last, document), key, document, record)
        return Decision("build", why, key, document)

    def _lacking(self, name: str, outputs: Iterable[str]) -> list[str]:
        """What is taken from stage `name` and is none of `outputs`."""
        return sorted(self._taken.get(name, {}).keys() - set(outputs))

    def _why(self, last: str | None, document: Document) -> tuple[str, ...]:
        before = self.store.records.get(last) if last else None
        return reasons(before.document if before else None, document)

    def resolve(self, name: str) -> Decision:
        """Take the outputs of a stage that needs no run, so that what follows can be decided.

        Changes nothing in the store: one that is to be restored stays so until it is made.
        """
        for need in self.graph.needs(name):
            if need not in self._done and need in self.graph.stages:
                self.resolve(need)
        decision = self.decide(name)
        if decision.record is not None:
            self._accept(name, decision, decision.record)
        return decision

    @property
    def done(self) -> Mapping[str, Decision]:
        """The stages that have been made or resolved."""
        return self._done

    def _accept(self, name: str, decision: Decision, record: Record) -> None:
        for output_name, output in record.outputs.items():
            self._outputs[OutputRef(name, output_name)] = output
        verdict: Verdict = "restore" if decision.verdict == "restore" else "up to date"
        self._done[name] = Decision(
            verdict, decision.reasons, decision.key, decision.document, record)

    def build(self, name: str) -> Decision:
        """Have the outputs of stage `name`: restored from the store, or made.

        Raises GoldmasterError; then nothing has changed.
        """
        with self._locks[name], self._failures(name):
            for _ in range(_TRIES):
                decision = self.resolve(name)
                if not self._is_whole(name):
                    self._forget(name)
                elif name in self._done:
                    if decision.verdict == "restore":
                        self._restore(name, decision)
                    return decision
                self._have_inputs(name)
                decision = self.decide(name)
                if decision.verdict != "build":
                    continue
                with self._one_at_a_time(decision.key):
                    if self.decide(name).verdict != "build":
                        continue  # another stage of the same key has run meanwhile
                    try:
                        with self.slots.one():
                            self._run(name, decision)
                    except MissingBlob as missing:
                        self._sink(Note(f"{missing.what}: {missing.why}; it is made again", name))
                        self._discard_damaged_inputs(name)
                    else:
                        return decision
            raise _unstable(name)

    def use(self, names: Iterable[str], act: Callable[[], T]) -> T:
        """`act()` with the outputs of stages, which are made.

        They are made again, and so is what it did, where a content turns out to be damaged.
        """
        for _ in range(_TRIES):
            for name in names:
                self.build(name)
            try:
                return act()
            except MissingBlob as missing:
                self._sink(Note(f"{missing.what}: {missing.why}; it is made again"))
        raise _unstable(", ".join(names))

    def outputs(self, name: str) -> Mapping[str, Output]:
        """The outputs of a stage that has been made or resolved."""
        record = self._done[name].record
        assert record is not None
        return record.outputs

    def recorded(self, name: str) -> Mapping[str, Output]:
        """The outputs the store has noted for a stage as it is now, whole or not.

        Empty where there are none, or where no such stage is part of the run.
        """
        if name not in self.graph.stages:
            return {}
        try:
            document = self.keys.document(self.graph.stages[name], self._outputs)
        except InputNotBuilt:
            return {}
        record = self.store.records.get(digest_of(document))
        return record.outputs if record is not None else {}

    def key(self, name: str) -> str:
        """The key of a stage that has been made or resolved."""
        return self._done[name].key

    def document(self, name: str) -> Document:
        """The key document of a stage that has been made or resolved."""
        return self._done[name].document

    def output(self, ref: OutputRef) -> Output:
        """One output of a stage that has been made or resolved."""
        return self._outputs[ref]

    def last(self, name: str) -> Record | None:
        """What the last run of a stage left, whatever it was made from."""
        key = self.store.records.last(self._scope + name)
        return self.store.records.get(key) if key else None

    def set_last(self, name: str, key: str) -> None:
        """Remember what `last` is to find."""
        if self.store.records.last(self._scope + name) != key:
            self.store.records.set_last(self._scope + name, key)

    def _restore(self, name: str, decision: Decision) -> None:
        """Note that a result from the store is the one in use now."""
        self.store.records.set_last(self._scope + name, decision.key)
        assert decision.record is not None
        self._done[name] = Decision(
            "up to date", (), decision.key, decision.document, decision.record)
        self._sink(Finished(name, "restored", size=self._size(name)))

    # running a stage

    def _one_at_a_time(self, key: str) -> threading.Lock:
        """Held while a stage of that key runs: what two of one key make is the same."""
        with self._keys_lock:
            return self._running.setdefault(key, threading.Lock())

    def _is_whole(self, name: str) -> bool:
        """Whether the content of a stage that was found made is still there."""
        record = self._done[name].record if name in self._done else None
        return record is None or all(map(self.store.has, record.outputs.values()))

    def _have_inputs(self, name: str) -> None:
        """Make every output that the stage takes and that is not whole; see that it still is."""
        for ref in self.graph.stages[name].upstream():
            if ref not in self._outputs:
                self.build(ref.stage)
            elif not self.store.has(self._outputs[ref]):
                self._forget(ref.stage)
                self.build(ref.stage)

    def _discard_damaged_inputs(self, name: str) -> None:
        """Read all the stage takes, and forget what is damaged."""
        for ref in self.graph.stages[name].upstream():
            if not self.store.is_sound(self._outputs[ref]):
                self._forget(ref.stage)

    def _forget(self, name: str) -> None:
        with self._locks[name]:
            done = self._done.pop(name, None)
            if done is not None:
                for ref in [ref for ref in self._outputs if ref.stage == name]:
                    del self._outputs[ref]

    def _run(self, name: str, decision: Decision) -> None:
        stage = self.graph.stages[name]
        self._sink(Started(name, decision.reasons))
        started = monotonic()
        marks = self.keys.marks(stage)
        with self._scratch(name) as folder:
            context = self._job(name, stage, folder)
            remove(context.log)
            results = stage.run(context)
            self._check_names(name, results)
            outputs = {key: self._stored(value) for key, value in results.items()}
        changed = self._changes(stage, decision, marks)
        if changed:
            raise StageError(
                "an input changed while the stage ran", where=f"stage {name}",
                why="\n".join(changed), hint="nothing was stored; run again",
                reason="input-changed",
            )
        record = Record(decision.document, outputs)
        self.store.records.put(decision.key, record)
        self.store.records.set_last(self._scope + name, decision.key)
        self._accept(name, decision, record)
        self._sink(Finished(name, "built", monotonic() - started, self._size(name)))

    def _check_names(self, name: str, results: Iterable[str]) -> None:
        """Raise StageError where the stage has not made what is taken from it."""
        if lost := self._lacking(name, results):
            takers = dict.fromkeys(taker for one in lost for taker in self._taken[name][one])
            raise StageError(
                f"the stage makes no {', '.join(lost)}", where=f"stage {name}",
                why=f"it makes {', '.join(sorted(results)) or 'nothing'}",
                hint=f"correct what is taken by {', '.join(takers)}", reason="no-output")

    def _changes(
        self, stage: Stage, decision: Decision, marks: Mapping[str, Signature]
    ) -> tuple[str, ...]:
        """What of its inputs is not as it was when the stage began, or was not in between."""
        again = self.keys.document(stage, self._outputs)
        if digest_of(again) != decision.key:
            return reasons(decision.document, again)
        now = self.keys.marks(stage)
        return tuple(f"file {name} was changed, and changed back"
                     for name in sorted({*marks, *now}) if marks.get(name) != now.get(name))

    def _stored(self, value: Blob | StoredTree) -> Output:
        if isinstance(value, Blob):
            return Output(value)
        return Output(self.store.trees.put(value.tree), value.packs, value.files)

    def _job(self, name: str, stage: Stage, folder: Path) -> StageContext:
        packages = {package: self.keys.host_package(package)
                    for package in named(stage, HostPackage)}
        return StageContext(
            name=name,
            folder=folder,
            log=self.store.log(name),
            inputs={ref: self._outputs[ref] for ref in stage.upstream()},
            blobs=self.store.blobs,
            packs=self.store.packs,
            trees=self.store.trees,
            runner=self.store.runner,
            workspaces=self.store.workspaces,
            tools={tool: self.keys.tool(tool)[0] for tool in stage.tools()},
            tool_digests={tool: self.keys.tool(tool)[1] for tool in stage.tools()}
            | self.keys.programs(stage),
            host_packages=packages,
            sink=self._sink,
            slots=self.slots,
            services=self._services,
            partial=self.store.build / "partial",
        )

    @contextmanager
    def _scratch(self, name: str) -> Iterator[Path]:
        """A fresh folder for a stage. After a tool has failed it is kept, to try the tool there."""
        folder, kept = Path(self.store.blobs.fresh()), self.store.failed(name)
        folder.mkdir()
        try:
            yield folder
            shutil.rmtree(kept, ignore_errors=True)
        except ToolError as error:
            with suppress(OSError):  # what the tool said counts more than the folder
                remove(kept)
                move(folder, kept)
                if error.command:
                    error.command = error.command.replace(str(folder), str(kept))
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _failures(self, name: str) -> Iterator[None]:
        """Tell that the stage failed, with errors of the host in words a user can act on."""
        started = monotonic()
        try:
            yield
        except OSError as error:
            self._sink(Finished(name, "failed", monotonic() - started))
            raise host_error(error, where=f"stage {name}", folder=self.store.build) from error
        except GoldmasterError as error:
            error.where = error.where or f"stage {name}"
            if isinstance(error, ToolError) and is_nearly_full(self.store.build):
                space = f"only {space_left(self.store.build)}"
                error.why = f"{error.why}\n{space}" if error.why else space
                error.hint = error.hint or SPACE_HINT
            if not isinstance(error, Interrupted):
                self._sink(Finished(name, "failed", monotonic() - started))
            raise

    def _size(self, name: str) -> int:
        return sum(map(self.store.size, self.outputs(name).values()))


def _unstable(where: str) -> StoreError:
    return StoreError("content keeps vanishing from the store", where=where,
                      hint="another program changes it", reason="store-unstable")
