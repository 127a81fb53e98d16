"""The graph as doit tasks.

doit provides order, selection, parallelism, `list`, `info` and completion. Whether our tasks are
up to date is decided by the last run's snapshot, then by the engine; doit's own records are not
used. Other tasks of the same dodo.py follow doit's own rules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from buildlib.cli import signals
from buildlib.cli.origin import check_origin
from buildlib.cli.plugins.backend import ContentChecker
from buildlib.cli.plugins.reporter import OURS, Reporter, guarded
from buildlib.cli.run import Opener, Run
from buildlib.cli.variables import runs_tasks

if TYPE_CHECKING:
    from buildlib.cli.session import Session
    from buildlib.model.events import Sink

DoitTask: TypeAlias = dict[str, Any]


def _open_boot_media(root: Path, variables: Mapping[str, str], sink: Sink) -> Session:
    from buildlib.cli.boot_media.open import open_session

    return open_session(root, variables, sink)


class Tasks:
    """The tasks and the configuration of one dodo file.

    opener   opens the session; the default is for a project that builds boot media
    default  tasks that run if none is named; None: all
    mark     identifies the state of the pipeline, if the content of dodo.py is not enough
    folders  `build` and `dist`, unless settings override them
    """

    def __init__(
        self,
        root: Path,
        variables: Mapping[str, str],
        *,
        opener: Opener = _open_boot_media,
        default: Sequence[str] | None = ("iso",),
        mark: str = "",
        folders: Mapping[str, str] | None = None,
    ) -> None:
        """Read the project at `root`. Ends the program if it has problems."""
        self._run = Run(root, variables, opener, mark=mark, folders=folders)
        self._default = default
        signals.install_handlers(self._run.stop)
        if self._run.snapshot is None:
            self._open(variables)

    def _open(self, variables: Mapping[str, str]) -> None:
        from buildlib.cli.terminal import print_error

        try:
            check_origin(self._run.root)
            _ = self._run.session
        except Exception as error:  # noqa: BLE001  otherwise doit shows a traceback
            shown = self._run.shown(error, where="the project")
            if runs_tasks():
                from buildlib.cli.lock_errors import with_problems

                shown = with_problems(shown, self._run.root, variables)
            print_error(shown)
            sys.exit(3)

    def config(self) -> dict[str, Any]:
        """DOIT_CONFIG."""
        snapshot = self._run.snapshot
        return {
            "backend": "goldmaster",
            "dep_file": str(self._run.build / "doit.json"),
            **({"default_tasks": list(self._default)} if self._default is not None else {}),
            "check_file_uptodate": ContentChecker,
            "reporter": Reporter(self._run),
            "num_process": snapshot.workers if snapshot else self._run.session.settings.workers,
            "par_type": "thread",
            "verbosity": 2,
        }

    def tasks(self) -> Iterator[DoitTask]:
        """Every stage, product and check as a doit task."""
        snapshot = self._run.snapshot
        described = snapshot.tasks if snapshot else self._run.session.tasks()
        for name, doc, needs, files in described:
            base, colon, sub = name.partition(":")
            if colon and not sub:
                yield {"basename": base, "name": None, "doc": doc}
                continue
            yield {
                "basename": base,
                **({"name": sub} if sub else {}),
                "doc": doc,
                "meta": OURS,
                "actions": [guarded(name, self._run, partial(self._work, name))],
                "uptodate": [
                    True
                    if snapshot and name in snapshot.current
                    else partial(self._is_current, name)
                ],
                "task_dep": needs,
                **({"targets": files} if files else {}),
            }

    def _work(self, name: str) -> None:
        session = self._run.begin()
        if name in session.products:
            session.publisher.publish(session.products[name])
            self._run.published.add(name)
        elif name in session.engine.graph.stages:
            session.engine.build(name)
        else:
            next(check for check in session.checks() if check.name == name).run(
                self._run.display.event
            )

    def _is_current(self, name: str) -> bool:
        from buildlib.model.errors import GoldmasterError

        try:
            session = self._run.session
            if name in session.products:
                for stage in session.stages_of(name):
                    session.engine.resolve(stage)
                current = session.publisher.is_current(session.products[name])
                if current:
                    self._run.published.add(name)
                return current
            return (
                name in session.engine.graph.stages
                and session.engine.resolve(name).verdict == "up to date"
            )
        except (GoldmasterError, KeyError, OSError):
            return False  # the action meets the same error and reports it
