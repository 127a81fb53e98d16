"""`doit lock`, and the mirror it needs when the release is one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import Own, refuse
from buildlib.cli.settings import Settings, read_settings
from buildlib.cli.variables import command_line
from buildlib.config.project import Project
from buildlib.config.recipe import Lock, Release
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.publish import Publisher
from buildlib.host.atomic_files import write_file
from buildlib.model.errors import ConfigError, printable
from buildlib.model.events import silent
from buildlib.operations.lock.release import LockMaker, changes, format_lock
from buildlib.plan.inputs import PRESS, press_stage
from buildlib.sources.mirrors import Mirrors, mirrors_of
from buildlib.store.store import Store


class LockRelease(Own):
    """`doit lock`: pins what a release is made of."""

    name = "lock"

    makes = True
    doc_purpose = "make the lock of a release: digests from its signed list, and its packages"
    doc_usage = ""
    doc_description = "Choose with release=NAME; mirror=URL takes the place of its mirrors."

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Fetch, check, write the lock, and print what it changes."""
        del options
        refuse(self.name, names)
        settings = read_settings(Path.cwd(), command_line())
        lock_release(Path.cwd(), settings, lambda line: print(printable(line)))
        return 0


@dataclass(frozen=True, slots=True)
class Desk:
    """What it takes to ask a release's mirrors. `folder` is that of its definition."""

    project: Project
    release: Release
    folder: Path
    store: Store
    mirrors: Mirrors


@contextmanager
def open_desk(root: Path, settings: Settings, say: Callable[[str], None]) -> Iterator[Desk]:
    """The desk for the release in `settings`; a mirror of one's own is pressed first.

    Nobody else writes to the store meanwhile. Raises GoldmasterError.
    """
    store = Store(root / settings.build)
    project = Project(root, store.seen)
    definition = project.release_file(settings.release)
    release = project.release(settings.release)
    store.begin(waiting=say)
    try:
        mirrors = mirrors_of(release, mirror=settings.mirror, offline=settings.offline)
        if release.mirror_source and not settings.mirror:
            mirrors = Mirrors((str(press(project, release, definition, store)),))
        yield Desk(project, release, definition.parent, store, mirrors)
    finally:
        store.seen.save()
        store.end()


def lock_release(root: Path, settings: Settings, say: Callable[[str], None]) -> Lock:
    """Make the lock of the release in `settings`, write it, and tell what changed."""
    with open_desk(root, settings, say) as desk:
        maker = LockMaker(desk.project, desk.release, desk.store, mirrors=desk.mirrors,
                          folder=desk.folder, say=say)
        old = _old_lock(desk.project, settings.release)
        # A release of one's own may change; what was published by others may not.
        lock = maker.make(None if desk.release.mirror_source else old)
        project = desk.project
    path = project.lock_file(settings.release)
    write_file(path, format_lock(lock).encode(), durable=True)
    for line in changes(old, lock):
        say(line)
    say(f"wrote        {project.name_of(path)}")
    return lock


def press(project: Project, release: Release, definition: Path, store: Store) -> Path:
    """Press the mirror of a release of one's own; its folder."""
    stage, product = press_stage(project, release, definition, store.build)
    engine = Engine(Graph({PRESS: stage}), store, Keys(store, CodeDigests(store.seen)),
                    sink=silent, jobs=1)
    engine.build(PRESS)
    Publisher(engine, silent, facts={}).publish(replace(product, record=""))
    return product.folder


def _old_lock(project: Project, release: str) -> Lock | None:
    try:
        return project.lock(release)
    except ConfigError:
        return None
