"""`doit lock`, and building the mirror it needs for your own release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildlib.cli.commands.build import Own, refuse
from buildlib.cli.variables import command_line
from buildlib.config.configuration import Configuration
from buildlib.config.lock import Lock
from buildlib.config.reading.places import places_of
from buildlib.config.reading.reader import read_configuration
from buildlib.config.settings import Settings, read_settings
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
    doc_description = "Choose with release=NAME; mirror=URL replaces the release's mirrors."

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Fetch, verify, write the lock, and print the changes."""
        del options
        refuse(self.name, names)
        settings = read_settings(Path.cwd(), command_line())
        written = False
        try:
            lock_release(Path.cwd(), settings, lambda line: print(printable(line)))
            written = True
        finally:
            if not written:  # earlier lines may say that a set is pinned
                name = settings.release
                print(printable(f"stopped      nothing was pinned: no lock of {name} was written"))
        return 0


@dataclass(frozen=True, slots=True)
class OpenRelease:
    """An open release: its configuration, the locked store, and its mirrors."""

    configuration: Configuration
    store: Store
    mirrors: Mirrors

    def lock(self) -> Lock:
        """The lock of the release. Raises ConfigError if there is none."""
        if isinstance(self.configuration.lock, ConfigError):
            raise self.configuration.lock
        return self.configuration.lock


@contextmanager
def open_release(
    root: Path, settings: Settings, say: Callable[[str], None]
) -> Iterator[OpenRelease]:
    """Open the release in `settings`, with the store locked.

    The mirror of a release of your own is built first. Raises GoldmasterError.
    """
    store = Store(root / settings.build)
    configuration = read_configuration(settings, places_of(root, store, say))
    release = configuration.release
    store.begin(waiting=say)
    try:
        mirrors = mirrors_of(release, mirror=settings.mirror, offline=settings.offline)
        if release.mirror_source and not settings.mirror:
            mirrors = Mirrors((str(press(configuration, store)),))
        yield OpenRelease(configuration, store, mirrors)
    finally:
        store.seen.save()
        store.end()


def lock_release(root: Path, settings: Settings, say: Callable[[str], None]) -> Lock:
    """Make the lock of the release in `settings`, write it, and report what changed."""
    with open_release(root, settings, say) as opened:
        configuration = opened.configuration
        maker = LockMaker(configuration, opened.store, mirrors=opened.mirrors, say=say)
        old = None if isinstance(configuration.lock, ConfigError) else configuration.lock
        # A release of your own may change; a published one may not.
        lock = maker.make(None if configuration.release.mirror_source else old)
    place = configuration.new_lock_file
    place.path.parent.mkdir(parents=True, exist_ok=True)
    write_file(place.path, format_lock(lock).encode(), durable=True)
    for line in changes(old, lock):
        say(line)
    say(f"wrote        {place.name}")
    return lock


def press(configuration: Configuration, store: Store) -> Path:
    """Build the mirror of a release of your own, and return its folder."""
    stage, product = press_stage(configuration)
    engine = Engine(
        Graph({PRESS: stage}), store, Keys(store, CodeDigests(store.seen)), sink=silent, jobs=1
    )
    engine.build(PRESS)
    Publisher(engine, silent, facts={}).publish(replace(product, record=""))
    return product.folder
