"""doit's reporter, and actions that fail without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buildlib.cli.run import Run
    from buildlib.cli.session import Session


OURS = {"goldmaster": True}  # `meta` of the tasks that are stages, products and checks


class Reporter:
    """doit 0.37's reporter interface. Stages report themselves; this reports start and end."""

    desc = "one line per result, silent if there was nothing to do"

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun: dict[str, float] = {}

    @property
    def session(self) -> Session:
        """The session of the run. Raises GoldmasterError."""
        return self._run.session

    @property
    def refused(self) -> bool:
        """Whether checks showed that the run cannot succeed, so that nothing was started."""
        return self._run.refused

    def initialize(self, tasks: Mapping[str, Any], selected: Sequence[str]) -> None:
        """Called before the first task; passes the tasks, with dependencies, to the run."""
        wanted: dict[str, None] = {}
        names = list(selected)
        while names:
            name = names.pop()
            if name not in wanted:
                wanted[name] = None
                names += tasks[name].task_dep
        self._run.select(wanted)

    def execute_task(self, task: Any) -> None:
        """Report the start of an ordinary task; stages and products report themselves."""
        if task.meta != OURS and task.actions:
            from buildlib.host.environment import monotonic
            from buildlib.model.events import Started

            self._begun[task.name] = monotonic()
            self._run.display.event(Started(task.name))

    def add_success(self, task: Any) -> None:
        """Report the success of an ordinary task."""
        if task.name in self._begun:
            from buildlib.host.environment import monotonic
            from buildlib.model.events import Finished

            seconds = monotonic() - self._begun.pop(task.name)
            self._run.display.event(Finished(task.name, "built", seconds))

    def complete_run(self) -> None:
        """End the run, successful or not."""
        self._run.end()

    def add_failure(self, task: Any, fail: Any) -> None:
        """Show the error of a failed task, but not of tasks that depend on it."""
        from buildlib.model.errors import GoldmasterError, Interrupted

        self._run.fail()
        error = self._run.failed.pop(task.name, None)
        if error is None:
            if fail.get_name() == "UnmetDependency":
                return
            error = GoldmasterError(fail.get_msg())
        if not isinstance(error, Interrupted):
            shown = self._run.shown(error, where=f"task {task.name}")
            self._run.display.error(shown, task.name)

    def runtime_error(self, message: str) -> None:
        """Show a problem that doit found with the tasks themselves."""
        from buildlib.model.errors import GoldmasterError

        self._run.fail()
        self._run.display.error(GoldmasterError(message))

    def cleanup_error(self, error: Any) -> None:
        """Show an error of a task's teardown."""
        self.runtime_error(error.get_msg())

    def get_status(self, task: object) -> None:
        """Nothing to report."""

    skip_uptodate = skip_ignore = teardown_task = get_status


def guarded(name: str, run: Run, work: Callable[[], None]) -> Callable[[], bool]:
    """An action for doit: returns False if `work` raises, and keeps the error for the reporter."""

    def action() -> bool:
        try:
            work()
        except Exception as error:  # noqa: BLE001  otherwise doit shows a traceback
            run.failed[name] = error
            return False
        return True

    return action
