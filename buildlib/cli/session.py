"""What a command works with: a pipeline's graph and products, the store, and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from buildlib.config.settings import Settings
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.product import Product
from buildlib.engine.publish import Publisher
from buildlib.model.events import Sink
from buildlib.store.null_build import touched
from buildlib.store.seal import break_seal
from buildlib.store.store import Store

# Name, description for `doit list`, tasks that must finish first, files that it publishes.
Description: TypeAlias = tuple[str, str, list[str], list[str]]
_CODE = Path(__file__).resolve().parent.parent


class Check(NamedTuple):
    """A task that is neither stage nor product, and always runs.

    needs  tasks that must finish first
    run    does the work and reports it
    ahead  raises GoldmasterError before the first task starts if `run` cannot succeed
    """

    name: str
    doc: str
    needs: list[str]
    run: Callable[[Sink], None]
    ahead: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command, over any pipeline."""

    root: Path
    settings: Settings
    products: Mapping[str, Product]
    store: Store
    engine: Engine
    publisher: Publisher

    def tasks(self) -> list[Description]:
        """Every stage, product and check, after the groups of tasks GROUP:NAME, as GROUP:."""
        graph = self.engine.graph
        tasks: list[Description] = [
            (name, graph.docs.get(name, ""), list(graph.needs(name)), []) for name in graph.stages
        ]
        tasks += [
            (
                product.name,
                product.doc,
                self.stages_of(product.name),
                [str(product.folder / name) for name in product.files],
            )
            for product in self.products.values()
        ]
        tasks += [(one.name, one.doc, one.needs, []) for one in self.checks()]
        bases = dict.fromkeys(name.partition(":")[0] for name, *_ in tasks if ":" in name)
        docs = self.groups()
        groups: list[Description] = [
            (f"{base}:", docs.get(base, f"all tasks {base}:…"), [], []) for base in bases
        ]
        return [*groups, *tasks]

    def default(self) -> list[str]:
        """The tasks of a run, or of a query, that names none."""
        return list(self.products)

    def groups(self) -> Mapping[str, str]:
        """Descriptions of groups of tasks for `doit list`."""
        return {}

    def checks(self) -> list[Check]:
        """The tasks that are neither stages nor products."""
        return []

    def look_ahead(self, selected: Sequence[str]) -> None:
        """Raise GoldmasterError, before any task starts, if a run of these tasks cannot succeed."""
        for check in self.checks():
            if check.name in selected and check.ahead is not None:
                check.ahead()

    def stages_of(self, product_name: str) -> list[str]:
        """The stages that a product's files come from."""
        return self.products[product_name].stages()

    def note_results(self) -> None:
        """Record for the next run's snapshot what this run made or found up to date."""
        seen = self.store.seen
        for decision in self.engine.done.values():
            assert decision.record is not None
            for output in decision.record.outputs.values():
                for blob in (output.blob, *output.files):
                    seen.note(self.store.blobs.where(blob.sha256))
                for pack in output.packs:
                    seen.note(self.store.packs.where(pack.sha256))
        for sha256 in self.publisher.records:
            seen.note(self.store.blobs.where(sha256))
        for product in self.products.values():
            for name in self.publisher.names(product):
                seen.note(product.folder / name)


def open_store(build: Path, *, noted: Sequence[Path]) -> Store:
    """Open the store in the folder `build`; later runs first compare our code and `noted`."""
    store = Store(build)
    for name in touched(str(store.folder)):
        break_seal(name)
    for path in (*noted, *_CODE.rglob("*.py")):
        store.seen.note(path)
    return store


def engine_over(
    graph: Graph,
    store: Store,
    settings: Settings,
    sink: Sink,
    *,
    services: Mapping[type[object], object],
    scope: str,
) -> Engine:
    """The engine of a run with these settings; arguments are those of `Engine`."""
    return Engine(
        graph,
        store,
        Keys(store, CodeDigests(store.seen)),
        sink=sink,
        jobs=settings.workers,
        services=services,
        scope=scope,
    )
