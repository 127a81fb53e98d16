"""Opens a project that builds boot media."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from buildlib.cli.boot_media.checks import checks_of
from buildlib.cli.boot_media.session import BootMediaSession
from buildlib.cli.session import engine_over, open_store
from buildlib.config.reading.places import places_of
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import FILE, read_epoch, read_settings
from buildlib.engine.graph import Graph
from buildlib.engine.product import Product
from buildlib.engine.publish import Publisher
from buildlib.model.errors import ConfigError
from buildlib.model.events import Note, Sink
from buildlib.plan.plan import Plan, make_plan
from buildlib.sources.mirrors import Mirrors

_NONE: Mapping[str, Product] = {}


def open_session(
    root: Path,
    variables: Mapping[str, str],
    sink: Sink,
    *,
    graph: Graph | None = None,
    products: Mapping[str, Product] = _NONE,
    services: Mapping[type[object], object] | None = None,
) -> BootMediaSession:
    """Open a session for the checkout at `root`. Raises GoldmasterError.

    graph, products, services  the project's additions to those of its release and recipes
    """
    settings = read_settings(root, variables)
    store = open_store(root / settings.build, noted=[root / "dodo.py", root / FILE])
    store.seen.note(root / FILE, follow=False)  # it may be a broken link
    places = places_of(root, store, lambda line: sink(Note(line)))
    plan = make_plan(read_configuration(settings, places, epoch=read_epoch()))
    own = graph or Graph({})
    _refuse_clashes(root, plan, (*own.stages, *products))
    engine = engine_over(
        plan.graph.with_more(own),
        store,
        settings,
        sink,
        scope=plan.release.name,
        services={Mirrors: plan.mirrors, **(services or {})},
    )
    return BootMediaSession(
        root,
        settings,
        {**plan.products, **products},
        store,
        engine,
        Publisher(engine, sink, facts=_facts(plan)),
        plan,
        checks_of,
    )


def _refuse_clashes(root: Path, plan: Plan, names: Iterable[str]) -> None:
    """Raises ConfigError if the project adds a task whose name is already used."""
    clashes = sorted({*plan.graph.stages, *plan.products} & {*names})
    if clashes:
        raise ConfigError(
            "dodo.py adds tasks whose names are already used",
            where=root / "dodo.py",
            problems=tuple(clashes),
            reason="two-tasks",
        )


def _facts(plan: Plan) -> dict[str, str | int]:
    """The facts in every build record."""
    package = plan.configuration.package
    return {
        "release": plan.release.name,
        "version": plan.release.version,
        "epoch": plan.epoch,
        **({"package": package} if package else {}),
    }
