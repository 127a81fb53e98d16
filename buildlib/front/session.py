"""All that a command works with, made from the checkout and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.front.settings import Settings, read_epoch, read_settings
from buildlib.graph.code import CodeDigests
from buildlib.graph.engine import Engine
from buildlib.graph.keys import Keys
from buildlib.graph.plan import Plan, make_plan
from buildlib.graph.publish import Publisher
from buildlib.sources.project import Project
from buildlib.store.events import Sink
from buildlib.store.store import Store


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


def open_session(root: Path, variables: Mapping[str, str], sink: Sink) -> Session:
    """The session of the checkout at `root`. Raises GoldmasterError."""
    settings = read_settings(root, variables)
    project = Project(root)
    build, dist = root / settings.build, root / settings.dist
    epoch = read_epoch()
    plan = make_plan(
        project, settings.release, build=build, dist=dist, mirror=settings.mirror, epoch=epoch)
    store = Store(build)
    engine = Engine(
        plan.graph, store, Keys(store, CodeDigests(store.seen)), sink=sink,
        jobs=settings.workers, mirrors=plan.mirrors,
    )
    facts: dict[str, str | int] = {
        "release": plan.release.name,
        "version": plan.release.version,
        "epoch": plan.lock.epoch if epoch is None else epoch,
    }
    return Session(root, settings, project, plan, store, engine,
                   Publisher(engine, sink, facts=facts))
