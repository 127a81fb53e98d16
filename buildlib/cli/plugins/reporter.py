"""doit's reporter, and actions that fail without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buildlib.cli.run import Run
    from buildlib.cli.session import Session


OURS = {"goldmaster": True}  # `meta` of the tasks that are stages, products and checks


class Reporter:
    """The reporter interface of doit 0.37. Stages tell of themselves; here are begin and end."""

    desc = "one line a result, silent when nothing was to do"

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun: dict[str, float] = {}

    @property
    def session(self) -> Session:
        """The session of the run. Raises GoldmasterError."""
        return self._run.session

    @property
    def refused(self) -> bool:
        """Whether the run was found to be unable to succeed, and nothing was begun."""
        return self._run.refused

    def initialize(self, tasks: Mapping[str, Any], selected: Sequence[str]) -> None:
        """Called before the first task; tell the run what is to be made."""
        wanted: dict[str, None] = {}
        names = list(selected)
        while names:
            name = names.pop()
            if name not in wanted:
                wanted[name] = None
                names += tasks[name].task_dep
        self._run.select(wanted)

    def execute_task(self, task: Any) -> None:
        """An ordinary task begins; stages and products tell of themselves."""
        if task.meta != OURS and task.actions:
            from buildlib.host.environment import monotonic
            from buildlib.model.events import Started

            self._begun[task.name] = monotonic()
            self._run.display.event(Started(task.name))

    def add_success(self, task: Any) -> None:
        """An ordinary task has ended well."""
        if task.name in self._begun:
            from buildlib.host.environment import monotonic
            from buildlib.model.events import Finished

            seconds = monotonic() - self._begun.pop(task.name)
            self._run.display.event(Finished(task.name, "built", seconds))

    def complete_run(self) -> None:
        """The run has ended, one way or another."""
        self._run.end()

    def add_failure(self, task: Any, fail: Any) -> None:
        """Show the error behind a failed task; a task that only needed it is not shown."""
        from buildlib.model.errors import GoldmasterError, Interrupted

        self._run.fail()
        error = self._run.failed.pop(task.name, None)
        if error is None:
            if fail.get_name() == "UnmetDependency":
                return
            error = GoldmasterError(fail.get_msg())
        if not isinstance(error, Interrupted):
            told = self._run.told(error, where=f"task {task.name}")
            self._run.display.error(told, task.name)

    def runtime_error(self, message: str) -> None:
        """Show what doit found wrong with the tasks themselves."""
        from buildlib.model.errors import GoldmasterError

        self._run.fail()
        self._run.display.error(GoldmasterError(message))

    def cleanup_error(self, error: Any) -> None:
        """Show that doit could not tear a task down."""
        self.runtime_error(error.get_msg())

    def get_status(self, task: object) -> None:
        """Nothing to tell."""

    skip_uptodate = skip_ignore = teardown_task = get_status


def guarded(name: str, run: Run, work: Callable[[], None]) -> Callable[[], bool]:
    """An action for doit: False where `work` raises; the error waits for the reporter."""

    def action() -> bool:
        try:
            work()
        except Exception as error:  # noqa: BLE001  doit would show a traceback of its own
            run.failed[name] = error
            return False
        return True

    return action
