"""The graph as doit tasks.

doit gives order, selection, parallelism, `list`, `info` and completion. Whether a task is up to
date is asked of a glance, then of the engine; doit's own state is not used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from buildlib.cli import signals
from buildlib.cli.origin import check_origin
from buildlib.cli.reporter import Reporter, guarded
from buildlib.cli.run import Run
from buildlib.cli.variables import runs_tasks

if TYPE_CHECKING:
    from buildlib.cli.session import Session

DoitTask: TypeAlias = dict[str, Any]

# Groups of tasks, for `doit list`.
_GROUPS = {
    "checksums": "checksums of images and products",
    "domu-images": "press the read-only root images of all domUs",
    "fetch": "fetch pinned files from the mirror",
    "grub": "make GRUB's boot images",
    "image": "write the images",
    "kernel": "compile the kernels",
    "packages": "stage binary packages into trees",
    "root": "compose the root trees",
    "signed": "check who signed the packages",
    "tree": "compose the tree of the CD",
    "unpack": "unpack the binary sets",
}


class Tasks:
    """The tasks and the configuration of one dodo file."""

    def __init__(self, root: Path, variables: Mapping[str, str]) -> None:
        """Look at the project at `root`. Ends the program where it has problems."""
        self._run = Run(root, variables)
        signals.install_handlers(self._run.stop)
        if self._run.glance is None:
            self._open(variables)

    def _open(self, variables: Mapping[str, str]) -> None:
        from buildlib.cli.terminal import print_error

        try:
            check_origin(self._run.root)
            _ = self._run.session
        except Exception as error:  # noqa: BLE001  doit would show a traceback of its own
            told = self._run.told(error, where="the project")
            if runs_tasks():
                from buildlib.cli.lock_errors import with_problems

                told = with_problems(told, self._run.root, variables)
            print_error(told)
            sys.exit(3)

    def config(self) -> dict[str, Any]:
        """DOIT_CONFIG."""
        glance = self._run.glance
        return {
            "backend": "store",
            "dep_file": "doit",
            "default_tasks": ["iso"],
            "reporter": Reporter(self._run),
            "num_process": glance.workers if glance else self._run.session.settings.workers,
            "par_type": "thread",
            "verbosity": 2,
        }

    def tasks(self) -> Iterator[DoitTask]:
        """Every stage, product and check."""
        glance = self._run.glance
        described = glance.tasks if glance else self._run.session.tasks()
        bases = {name.partition(":")[0] for name, _, _ in described}
        for base, doc in _GROUPS.items():
            if base in bases:
                yield {"basename": base, "name": None, "doc": doc}
        for name, doc, needs in described:
            base, _, sub = name.partition(":")
            yield {
                "basename": base,
                **({"name": sub} if sub else {}),
                "doc": doc,
                "actions": [guarded(name, self._run, partial(self._work, name))],
                "uptodate": [
                    True if glance and name in glance.current else partial(self._is_current, name)
                ],
                "task_dep": needs,
            }

    def _work(self, name: str) -> None:
        session = self._run.begin()
        if name in session.plan.products:
            session.publisher.publish(session.plan.products[name])
            self._run.published.add(name)
        elif name in session.plan.graph.stages:
            session.engine.build(name)
        else:
            self._check(name, session)

    def _check(self, name: str, session: Session) -> None:
        from buildlib.cli import checks

        if name == "verify":
            checks.verify(session)
        elif name == "image-server":
            checks.image_server(session, self._run.display.event)
        elif name == "package-repo":
            checks.package_repo(session, self._run.display.event)
        else:
            checks.boot_test(session, self._run.display.event)

    def _is_current(self, name: str) -> bool:
        from buildlib.model.errors import GoldmasterError

        try:
            session = self._run.session
            if name in session.plan.products:
                for stage in session.stages_of(name):
                    session.engine.resolve(stage)
                current = session.publisher.is_current(session.plan.products[name])
                if current:
                    self._run.published.add(name)
                return current
            return (name in session.plan.graph.stages
                    and session.engine.resolve(name).verdict == "up to date")
        except (GoldmasterError, KeyError, OSError):
            return False  # the action meets the same error, and tells it
