"""All that a command works with, made from the checkout and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from buildlib.cli.settings import Settings, read_epoch, read_settings
from buildlib.config.project import Project
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.keys import Keys
from buildlib.engine.publish import Publisher
from buildlib.model.events import Sink
from buildlib.plan.plan import Plan, make_plan
from buildlib.sources.mirrors import Mirrors
from buildlib.store.null_build import touched
from buildlib.store.seal import break_seal
from buildlib.store.store import Store

Description: TypeAlias = tuple[str, str, list[str]]  # name, doc, tasks that must end before

# Tasks that check instead of making.
CHECKS: tuple[Description, ...] = (
    ("verify", "check all that was fetched, the whole store and the products", []),
    ("boot-test", "boot the image in QEMU, as every medium on every firmware", ["iso"]),
)
IMAGE_SERVER = ("image-server", "put a signed version of the domU images where hosts fetch them")
PACKAGE_REPO = ("package-repo", "put the locked packages where servers install them from")
_CODE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command."""

    root: Path
    settings: Settings
    project: Project
    plan: Plan
    store: Store
    engine: Engine
    publisher: Publisher

    def tasks(self) -> list[Description]:
        """Every stage, product and check."""
        graph = self.plan.graph
        stages = [(name, graph.docs[name], list(graph.needs(name))) for name in graph.stages]
        products = [(product.name, product.doc, self.stages_of(product.name))
                    for product in self.plan.products.values()]
        return [*stages, *products, *self.checks()]

    def checks(self) -> list[Description]:
        """Every task that is neither stage nor product, and always runs."""
        served = dict.fromkeys(ref.stage for ref in self.plan.version.values())
        repository = dict.fromkeys(ref.stage for ref in self.plan.repository.values())
        return [*CHECKS, (*IMAGE_SERVER, list(served)), (*PACKAGE_REPO, list(repository))]

    def stages_of(self, product_name: str) -> list[str]:
        """The stages a product takes its files from."""
        return self.plan.products[product_name].stages()

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
        for product in self.plan.products.values():
            for name in self.publisher.names(product):
                seen.note(product.folder / name)


def open_session(root: Path, variables: Mapping[str, str], sink: Sink) -> Session:
    """The session of the checkout at `root`. Raises GoldmasterError."""
    settings = read_settings(root, variables)
    build, dist = root / settings.build, root / settings.dist
    store = Store(build)
    for name in touched(str(store.folder)):
        break_seal(name)
    for path in (root / "dodo.py", root / "recipes" / "settings.toml", *_CODE.rglob("*.py")):
        store.seen.note(path)
    store.seen.note(root / "recipes" / "settings.toml", follow=False)  # a link that leads nowhere
    project = Project(root, store.seen)
    epoch = read_epoch()
    plan = make_plan(
        project, settings.release, build=build, dist=dist, mirror=settings.mirror,
        offline=settings.offline, epoch=epoch)
    engine = Engine(
        plan.graph, store, Keys(store, CodeDigests(store.seen)), sink=sink,
        jobs=settings.workers, services={Mirrors: plan.mirrors}, scope=plan.release.name,
    )
    facts: dict[str, str | int] = {
        "release": plan.release.name,
        "version": plan.release.version,
        "epoch": plan.lock.epoch if epoch is None else epoch,
    }
    return Session(root, settings, project, plan, store, engine,
                   Publisher(engine, sink, facts=facts))
