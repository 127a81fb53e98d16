"""doit's own command `run`, with the nearest name where a task is not known."""

from __future__ import annotations

from typing import Any

from doit.cmd_run import Run as DoitRun
from doit.exceptions import InvalidCommand

from buildlib.front.backend import StoreBackend
from buildlib.front.outlets import go_on_unheard
from buildlib.front.reporter import Reporter


class Run(DoitRun):  # type: ignore[misc]  # doit has no types
    """`doit TASK …`."""

    def execute(self, params: Any, args: list[str]) -> int:
        """Called by doit."""
        go_on_unheard()
        try:
            status: int = super().execute(params, args)
        except InvalidCommand as error:
            if error.not_found is None:
                raise
            from buildlib.front.terminal import print_error
            from buildlib.words.errors import ConfigError
            from buildlib.words.schema import nearest

            own = self.config["COMMAND"]  # pyproject.toml has them
            known = [*self.control.tasks, *own, "help", "info", "list"]
            print_error(ConfigError(
                f"there is no task or command {error.not_found}{nearest(error.not_found, known)}",
                hint="`doit list --all` shows all tasks, `doit help` all commands",
                reason="unknown-task",
            ))
            return 3
        reporter = params["reporter"]
        return 3 if isinstance(reporter, Reporter) and reporter.refused else status

    def get_backends(self) -> dict[str, Any]:
        """The one there is. doit would look for others in every package that is installed."""
        self.cmdparser["backend"].choices = {"store": StoreBackend.desc}
        return {"store": StoreBackend}
