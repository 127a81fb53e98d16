"""One run of doit: its tasks, its session, and how it starts and ends.

The session is opened when the first task needs it. If the snapshot of the last run shows that
nothing has changed, no task does, and the run costs little more than doit's own start.
"""

from __future__ import annotations

import re
import sys
import threading
import zlib
from collections.abc import Iterable, Mapping
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from buildlib.cli import signals
from buildlib.host.environment import all_settings
from buildlib.model.urls import without_passwords
from buildlib.store.null_build import NullBuildSnapshot, forget_glance, read_glance, write_glance

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from buildlib.cli.session import Session
    from buildlib.cli.terminal import Display
    from buildlib.model.errors import GoldmasterError
    from buildlib.model.events import Sink

# Settings that affect how a run works, but neither its products nor its tasks.
_PASSING = frozenset(
    {"offline", "progress", "seconds", "media", "images", "packages", "key", "vulnerabilities"}
)
_PLAINLY = {
    "offline": re.compile("yes|no"),
    "progress": re.compile("auto|live|plain|json|quiet"),
    "seconds": re.compile("[0-9]{1,5}"),
    "media": re.compile("(cd|disk|usb)(,(cd|disk|usb))*"),
}
Opener: TypeAlias = "Callable[[Path, Mapping[str, str], Sink], Session]"
_ANY = re.compile(".*")
_FOLDERS = frozenset({"images", "packages"})


class Run:
    """One run in the checkout at `root`; `variables` are those of the command line.

    opener  opens the session when the snapshot is not enough
    mark    identifies the state of the pipeline, if the content of dodo.py is not enough
    folders `build` and `dist`, unless settings override them
    """

    def __init__(
        self,
        root: Path,
        variables: Mapping[str, str],
        opener: Opener,
        *,
        mark: str = "",
        folders: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self._opener = opener
        self.failed: dict[str, Exception] = {}
        self.published: set[str] = set()
        self._variables = dict(variables)
        self._session: Session | None = None
        self._display: Display | None = None
        self._opening = threading.RLock()
        self._begun = False
        self._selected: tuple[str, ...] = ()
        self.refused = False
        self._good = True
        given = {**all_settings(), **self._variables}
        self._circumstances = {
            # a mirror's password changes no result, and must not be stored
            **{
                name: without_passwords(value)
                for name, value in given.items()
                if name not in _PASSING
            },
            "root": str(root),
            "pipeline": mark,
            "python": sys.version,
            "platform": sys.platform,
        }
        number = zlib.crc32(repr(sorted(self._circumstances.items())).encode())
        usual = folders["build"] if folders else ""
        self.build = root / (given.get("build") or usual or _filed_build(root))
        store = self.build / "store"
        self._glance_path = f"{store}/glance-{number:08x}.json"
        self.snapshot = (
            read_glance(self._glance_path, self._circumstances)
            if _look_right(given, root)
            else None
        )

    @property
    def display(self) -> Display:
        """The display for events and errors."""
        with self._opening:
            if self._display is None:
                from buildlib.cli.terminal import make_display
                from buildlib.config.settings import progress_setting

                progress = progress_setting(self.root, self._variables)
                self._display = make_display(progress, sys.stdout)
            return self._display

    @property
    def session(self) -> Session:
        """The session, opened on first use. Raises GoldmasterError."""
        with self._opening:
            if self._session is None:
                self._session = self._opener(self.root, self._variables, self.display.event)
            return self._session

    def begin(self) -> Session:
        """The session, for work that writes to the store; locks the store."""
        session = self.session
        with self._opening:
            if not self._begun:
                from buildlib.model.events import Note

                forget_glance(self._glance_path)
                session.store.begin(waiting=lambda text: self.display.event(Note(text)))
                session.store.blobs.clear_tmp()
                self._begun = True
                self.refused = True
                session.look_ahead(self._selected)
                self.refused = False
            if self.refused:
                from buildlib.model.errors import Interrupted

                raise Interrupted("not started", reason="refused")  # the first task reported why
        return session

    def select(self, names: Iterable[str]) -> None:
        """Set the tasks of this run, including dependencies."""
        self._selected = tuple(names)

    def fail(self) -> None:
        """Record a failure, so that no snapshot is written."""
        self._good = False

    def end(self) -> None:
        """End the run: save state and unlock the store."""
        session = self._session
        if session is not None:
            session.store.seen.save()
            if self._good and (self._begun or self.snapshot is None):
                self._remember(session)
        if self._display is not None:
            self._display.close()
        if session is not None:
            session.store.end()

    def _remember(self, session: Session) -> None:
        session.note_results()
        seen = session.store.seen
        current = [
            name
            for name, decision in session.engine.done.items()
            if decision.verdict == "up to date"
        ]
        current += self.published
        snapshot = NullBuildSnapshot(session.tasks(), current, session.settings.workers)
        young = [path for path, mark in seen.looked.items() if mark is None and Path(path).exists()]
        if not young:
            write_glance(
                self._glance_path,
                snapshot,
                self._circumstances,
                looked=seen.looked,
                links=seen.links,
            )

    def stop(self, number: int, frame: FrameType | None) -> NoReturn:
        """Handle a signal: stop all tools, then exit without waiting for doit's threads."""
        signals.ignore()
        if self._session is not None:
            self._session.store.runner.stop()
            self._session.store.lock.end_tools()
        signals.run_bounded(self._tidy)
        signals.exit_now(number, frame)

    def _tidy(self) -> None:
        """Restore the terminal and tidy the store."""
        if self._display is not None:
            self._display.close()
        if self._session is not None:
            self._session.store.seen.save()
            if self._begun:
                self._session.store.blobs.clear_tmp()

    def shown(self, error: Exception, *, where: str) -> GoldmasterError:
        """An error in a form that can be shown."""
        from buildlib.cli.shown_errors import shown_error

        logs = self._session.store.logs if self._session is not None else self.root
        return shown_error(error, where=where, root=self.root, logs=logs)


def _look_right(given: Mapping[str, str], root: Path) -> bool:
    """Whether the settings that the snapshot does not include are obviously valid.

    If not, the session is opened; it reads all settings and reports what is wrong.
    """
    return all(
        value.isascii()
        and value.isprintable()
        and _PLAINLY.get(name, _ANY).fullmatch(value)
        and (name not in _FOLDERS or _is_elsewhere(value, root))
        for name, value in given.items()
        if name in _PASSING
    )


def _is_elsewhere(folder: str, root: Path) -> bool:
    return folder.startswith("/") and ".." not in folder and not folder.startswith(str(root))


def _filed_build(root: Path) -> str:
    """The setting `build` from the file; problems of the file are reported elsewhere."""
    path = root / "recipes" / "settings.toml"
    if not lexists(path):
        return "build"
    from buildlib.config.reading.toml_file import read_toml
    from buildlib.model.errors import ConfigError

    try:
        return str(read_toml(path, name=path.name).tables.get("build", "build"))
    except ConfigError:
        return "build"
