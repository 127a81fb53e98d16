"""Opening a project that presses boot media."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buildlib.cli.boot_media.checks import checks_of
from buildlib.cli.boot_media.session import BootMediaSession
from buildlib.cli.session import engine_over, open_store
from buildlib.cli.settings import FILE, read_epoch, read_settings
from buildlib.config.project import Project
from buildlib.engine.graph import Graph
from buildlib.engine.product import Product
from buildlib.engine.publish import Publisher
from buildlib.model.errors import ConfigError
from buildlib.model.events import Sink
from buildlib.plan.plan import make_plan
from buildlib.sources.mirrors import Mirrors

_NONE: Mapping[str, Product] = {}


def open_session(
    root: Path, variables: Mapping[str, str], sink: Sink, *, graph: Graph | None = None,
    products: Mapping[str, Product] = _NONE,
    services: Mapping[type[object], object] | None = None,
) -> BootMediaSession:
    """The session of the checkout at `root`. Raises GoldmasterError.

    graph, products, services  what the project adds to those of its release and recipes
    """
    settings = read_settings(root, variables)
    build, dist = root / settings.build, root / settings.dist
    store = open_store(build, noted=[root / "dodo.py", root / FILE])
    store.seen.note(root / FILE, follow=False)  # a link that leads nowhere
    project = Project(root, store.seen)
    epoch = read_epoch()
    plan = make_plan(
        project, settings.release, build=build, dist=dist, mirror=settings.mirror,
        offline=settings.offline, epoch=epoch)
    graph = graph or Graph({})
    clashes = sorted((plan.graph.stages.keys() | plan.products.keys())
                     & (graph.stages.keys() | products.keys()))
    if clashes:
        raise ConfigError("dodo.py adds tasks whose names are taken", where=root / "dodo.py",
                          problems=tuple(clashes), reason="two-tasks")
    engine = engine_over(plan.graph.with_more(graph), store, settings, sink,
                         scope=plan.release.name,
                         services={Mirrors: plan.mirrors, **(services or {})})
    facts: dict[str, str | int] = {
        "release": plan.release.name,
        "version": plan.release.version,
        "epoch": plan.lock.epoch if epoch is None else epoch,
    }
    return BootMediaSession(root, settings, {**plan.products, **products}, store, engine,
                            Publisher(engine, sink, facts=facts), project, plan, checks_of)
