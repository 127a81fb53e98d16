"""The graph as doit tasks.

doit gives order, selection, parallelism, `list`, `info` and completion. Whether a task is up to
date is asked of the engine; doit's own state is not used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from buildlib.front import checks
from buildlib.front.reporter import Reporter, guarded
from buildlib.front.session import open_session
from buildlib.front.terminal import make_display, print_error
from buildlib.graph.plan import Product
from buildlib.words.errors import GoldmasterError

DoitTask: TypeAlias = dict[str, Any]


class Tasks:
    """The tasks and the configuration of one dodo file."""

    def __init__(self, root: Path, variables: Mapping[str, str]) -> None:
        """Load the project at `root`. Ends the program where it has problems."""
        self._display = make_display(variables.get("progress", "auto"), sys.stdout)
        try:
            self._session = open_session(root, variables, self._display.event)
        except GoldmasterError as error:
            print_error(error)
            sys.exit(3)
        self._failed: dict[str, Exception] = {}

    def config(self) -> dict[str, Any]:
        """DOIT_CONFIG."""
        return {
            "backend": "store",
            "dep_file": str(self._session.store.folder / "doit"),
            "default_tasks": ["iso"],
            "reporter": Reporter(self._session, self._display, self._failed),
            "num_process": self._session.settings.workers,
            "par_type": "thread",
            "verbosity": 2,
        }

    def tasks(self) -> Iterator[DoitTask]:
        """Every stage, product and check."""
        graph = self._session.plan.graph
        for name in graph.stages:
            yield self._task(name, graph.docs[name], graph.needs(name),
                             partial(self._make, name), partial(self._is_settled, name))
        for product in self._session.plan.products.values():
            publish = partial(self._session.publisher.publish, product)
            yield self._task(product.name, product.doc, _stages_of(product), publish,
                             partial(self._is_published, product))
        yield self._task(
            "verify", "check all that was fetched against lock, lists and signature", (),
            lambda: checks.verify(self._session), lambda: False)
        yield self._task(
            "boot-test", "boot the CD in QEMU and wait for its kernel's marker", ("iso",),
            lambda: checks.boot_test(self._session, self._display.event), lambda: False)

    def _task(
        self, name: str, doc: str, needs: tuple[str, ...], work: Callable[[], None],
        is_current: Callable[[], bool],
    ) -> DoitTask:
        base, _, sub = name.partition(":")
        return {
            "basename": base,
            **({"name": sub} if sub else {}),
            "doc": doc,
            "actions": [guarded(name, self._failed, work)],
            "uptodate": [is_current],
            "task_dep": list(needs),
        }

    def _make(self, name: str) -> None:
        self._session.engine.make(name)

    def _is_settled(self, name: str) -> bool:
        try:
            return self._session.engine.settle(name).verdict == "up to date"
        except GoldmasterError:
            return False  # the action meets the same error, and tells it

    def _is_published(self, product: Product) -> bool:
        try:
            return self._session.publisher.is_current(product)
        except GoldmasterError:
            return False


def _stages_of(product: Product) -> tuple[str, ...]:
    stages = [ref.stage for ref in product.files.values()]
    return tuple(dict.fromkeys([*stages, product.all_of] if product.all_of else stages))


