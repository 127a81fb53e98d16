"""All that a command works with: a pipeline's graph and products over a store, and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from buildlib.cli.settings import Settings
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

# Name, line for `doit list`, tasks that must end before it, files that it makes for people.
Description: TypeAlias = tuple[str, str, list[str], list[str]]
_CODE = Path(__file__).resolve().parent.parent


class Check(NamedTuple):
    """A task that is neither stage nor product, and always runs.

    needs  tasks that must have ended before it
    run    does it, and tells of it
    ahead  raises GoldmasterError, before the first task begins, where `run` could not succeed
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
        """Every stage, product and check; first the groups of those named GROUP:NAME, as GROUP:."""
        graph = self.engine.graph
        tasks: list[Description] = [
            (name, graph.docs.get(name, ""), list(graph.needs(name)), []) for name in graph.stages]
        tasks += [(product.name, product.doc, self.stages_of(product.name),
                   [str(product.folder / name) for name in product.files])
                  for product in self.products.values()]
        tasks += [(one.name, one.doc, one.needs, []) for one in self.checks()]
        bases = dict.fromkeys(name.partition(":")[0] for name, *_ in tasks if ":" in name)
        docs = self.groups()
        groups: list[Description] = [
            (f"{base}:", docs.get(base, f"all tasks {base}:…"), [], []) for base in bases]
        return [*groups, *tasks]

    def default(self) -> list[str]:
        """The tasks of a run, or of a question, that names none."""
        return list(self.products)

    def groups(self) -> Mapping[str, str]:
        """What `doit list` says of groups of tasks."""
        return {}

    def checks(self) -> list[Check]:
        """Every task that is neither stage nor product."""
        return []

    def look_ahead(self, selected: Sequence[str]) -> None:
        """Raise GoldmasterError for what would make a run of these tasks fail; none has begun."""
        for check in self.checks():
            if check.name in selected and check.ahead is not None:
                check.ahead()

    def stages_of(self, product_name: str) -> list[str]:
        """The stages a product takes its files from."""
        return self.products[product_name].stages()

    def note_results(self) -> None:
        """Note, for the next run's glance, what this one made or found made."""
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
    """The store in the folder `build`. What a later run looks at first: our code, and `noted`."""
    store = Store(build)
    for name in touched(str(store.folder)):
        break_seal(name)
    for path in (*noted, *_CODE.rglob("*.py")):
        store.seen.note(path)
    return store


def engine_over(
    graph: Graph, store: Store, settings: Settings, sink: Sink, *,
    services: Mapping[type[object], object], scope: str,
) -> Engine:
    """The engine of a run with these settings; arguments as `Engine` has them."""
    return Engine(graph, store, Keys(store, CodeDigests(store.seen)), sink=sink,
                  jobs=settings.workers, services=services, scope=scope)
