"""Decides which stages run, and runs them.

doit calls `decide` to check whether a stage is up to date, and `build` if it is not, in the order
of the graph and in several threads. Whether a stage is up to date depends only on keys and records,
not on times or doit's own state. A stage's outputs appear atomically.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from buildlib.engine.explain import reasons
from buildlib.engine.failures import failures, scratch
from buildlib.engine.graph import Graph
from buildlib.engine.keys import InputNotBuilt, Keys
from buildlib.engine.stage import HostPackage, OutputRef, Stage, StageContext, named
from buildlib.host.atomic_files import remove
from buildlib.host.environment import monotonic
from buildlib.host.jobserver import Slots
from buildlib.model.digest import Blob, digest_of
from buildlib.model.errors import MissingBlob, StageError, StoreError
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
    """What must be done for a stage, and why.

    key, document  empty if the verdict is "unknown": an output that it uses is not made yet
    record         the record in the store for the key
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    key: str = ""
    document: Document = field(default_factory=dict)
    record: Record | None = None


class Engine:
    """One run over a graph. Methods may be called from several threads."""

    def __init__(
        self,
        graph: Graph,
        store: Store,
        keys: Keys,
        *,
        sink: Sink,
        jobs: int,
        services: Mapping[type[object], object] | None = None,
        scope: str = "",
    ) -> None:
        """In another `scope` (a release), stages of the same name have separate last runs.

        services  by class, objects through which stages access external data
                  (`StageContext.service`)
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
        """What must be done for stage `name`, as far as it is known now. Changes nothing.

        Raises GoldmasterError if an input cannot be read.
        """
        if name in self._done:
            return self._done[name]
        try:
            document = self.keys.document(self.graph.stages[name], self._outputs)
        except InputNotBuilt as unknown:
            return Decision("unknown", (f"uses an output of {unknown.stage}",))
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
        """Outputs of stage `name` that are used but missing in `outputs`."""
        return sorted(self._taken.get(name, {}).keys() - set(outputs))

    def _why(self, last: str | None, document: Document) -> tuple[str, ...]:
        before = self.store.records.get(last) if last else None
        return reasons(before.document if before else None, document)

    def resolve(self, name: str) -> Decision:
        """Load the outputs of a stage that need not run, so that later stages can be decided.

        Changes nothing in the store: a stage to be restored stays so until `build`.
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
            verdict, decision.reasons, decision.key, decision.document, record
        )

    def build(self, name: str) -> Decision:
        """Restore the outputs of stage `name` from the store, or make them.

        Raises GoldmasterError; then nothing has changed.
        """
        with self._locks[name], failures(name, self.store, self._sink):
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
                        continue  # another stage with the same key has run meanwhile
                    try:
                        with self.slots.one():
                            self._run(name, decision)
                    except MissingBlob as missing:
                        self._sink(Note(f"{missing.what}: {missing.why}; making it again", name))
                        self._discard_damaged_inputs(name)
                    else:
                        return decision
            raise _unstable(name)

    def use(self, names: Iterable[str], act: Callable[[], T]) -> T:
        """Build the stages `names` and return `act()`, which uses their outputs.

        If content proves to be damaged, the stages are built again and `act` is called again.
        """
        for _ in range(_TRIES):
            for name in names:
                self.build(name)
            try:
                return act()
            except MissingBlob as missing:
                self._sink(Note(f"{missing.what}: {missing.why}; making it again"))
        raise _unstable(", ".join(names))

    def outputs(self, name: str) -> Mapping[str, Output]:
        """The outputs of a stage that has been made or resolved."""
        record = self._done[name].record
        assert record is not None
        return record.outputs

    def recorded(self, name: str) -> Mapping[str, Output]:
        """The outputs recorded in the store for the current version of a stage, intact or not.

        Empty if there are none, or if the stage is not part of the run.
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
        """The record of the last run of a stage, whatever its inputs were."""
        key = self.store.records.last(self._scope + name)
        return self.store.records.get(key) if key else None

    def set_last(self, name: str, key: str) -> None:
        """Set the record that `last` finds."""
        if self.store.records.last(self._scope + name) != key:
            self.store.records.set_last(self._scope + name, key)

    def _restore(self, name: str, decision: Decision) -> None:
        """Record that a result from the store is now current."""
        self.store.records.set_last(self._scope + name, decision.key)
        assert decision.record is not None
        self._done[name] = Decision(
            "up to date", (), decision.key, decision.document, decision.record
        )
        self._sink(Finished(name, "restored", size=self._size(name)))

    # running a stage

    def _one_at_a_time(self, key: str) -> threading.Lock:
        """A lock held while a stage with this key runs, since equal keys give equal outputs."""
        with self._keys_lock:
            return self._running.setdefault(key, threading.Lock())

    def _is_whole(self, name: str) -> bool:
        """Whether the content of a resolved stage is still there."""
        record = self._done[name].record if name in self._done else None
        return record is None or all(map(self.store.has, record.outputs.values()))

    def _have_inputs(self, name: str) -> None:
        """Make every output that the stage uses and that is missing or damaged."""
        for ref in self.graph.stages[name].upstream():
            if ref not in self._outputs:
                self.build(ref.stage)
            elif not self.store.has(self._outputs[ref]):
                self._forget(ref.stage)
                self.build(ref.stage)

    def _discard_damaged_inputs(self, name: str) -> None:
        """Verify all inputs of the stage, and forget stages whose output is damaged."""
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
        with scratch(self.store, name) as folder:
            context = self._job(name, stage, folder)
            remove(context.log)
            results = stage.run(context)
            self._check_names(name, results)
            outputs = {key: self._stored(value) for key, value in results.items()}
        changed = self._changes(stage, decision, marks)
        if changed:
            raise StageError(
                "an input changed while the stage ran",
                where=f"stage {name}",
                why="\n".join(changed),
                hint="nothing was stored; run again",
                reason="input-changed",
            )
        record = Record(decision.document, outputs)
        self.store.records.put(decision.key, record)
        self.store.records.set_last(self._scope + name, decision.key)
        self._accept(name, decision, record)
        self._sink(Finished(name, "built", monotonic() - started, self._size(name)))

    def _check_names(self, name: str, results: Iterable[str]) -> None:
        """Raise StageError if the stage did not make an output that is used."""
        if lost := self._lacking(name, results):
            takers = dict.fromkeys(taker for one in lost for taker in self._taken[name][one])
            raise StageError(
                f"the stage has no output {', '.join(lost)}",
                where=f"stage {name}",
                why=f"its outputs: {', '.join(sorted(results)) or 'none'}",
                hint=f"correct the names of outputs in {', '.join(takers)}",
                reason="no-output",
            )

    def _changes(
        self, stage: Stage, decision: Decision, marks: Mapping[str, Signature]
    ) -> tuple[str, ...]:
        """The inputs that have changed since the stage began, even if they changed back."""
        again = self.keys.document(stage, self._outputs)
        if digest_of(again) != decision.key:
            return reasons(decision.document, again)
        now = self.keys.marks(stage)
        return tuple(
            f"file {name} was changed, and changed back"
            for name in sorted({*marks, *now})
            if marks.get(name) != now.get(name)
        )

    def _stored(self, value: Blob | StoredTree) -> Output:
        if isinstance(value, Blob):
            return Output(value)
        return Output(self.store.trees.put(value.tree), value.packs, value.files)

    def _job(self, name: str, stage: Stage, folder: Path) -> StageContext:
        packages = {
            package: self.keys.host_package(package) for package in named(stage, HostPackage)
        }
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

    def _size(self, name: str) -> int:
        return sum(map(self.store.size, self.outputs(name).values()))


def _unstable(where: str) -> StoreError:
    return StoreError(
        "content keeps disappearing from the store",
        where=where,
        hint="find the program that changes the store, and stop it",
        reason="store-unstable",
    )
