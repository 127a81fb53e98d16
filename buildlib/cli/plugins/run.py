"""doit's own commands `run`, `list` and `info`, with our error messages."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from doit.cmd_info import Info as DoitInfo
from doit.cmd_list import List as DoitList
from doit.cmd_run import Run as DoitRun
from doit.dependency import DbmDB, JsonDB, SqliteDB
from doit.exceptions import InvalidCommand

from buildlib.cli.outlets import keep_running_unread
from buildlib.cli.plugins.backend import Backend
from buildlib.cli.plugins.reporter import Reporter


class Run(DoitRun):  # type: ignore[misc]  # doit has no types
    """`doit TASK …`."""

    def execute(self, params: Any, args: list[str]) -> int:
        """Called by doit."""
        keep_running_unread()
        try:
            status: int = super().execute(params, args)
        except InvalidCommand as error:
            if error.not_found is None:
                raise
            own = self.config["COMMAND"]  # from pyproject.toml
            return _unknown(
                error.not_found,
                [*_names(self), *own, "help"],
                kind="task or command",
                hint="`doit list --all` shows all tasks, `doit help` all commands",
            )
        except OSError as error:
            from buildlib.cli.shown_errors import shown_error
            from buildlib.cli.terminal import print_error

            root = Path.cwd()
            print_error(shown_error(error, where="doit run", root=root, logs=root))
            return 3
        reporter = params["reporter"]
        return 3 if isinstance(reporter, Reporter) and reporter.refused else status

    @functools.wraps(DoitRun._execute)  # noqa: SLF001  doit inspects its argument names
    def _execute(self, **params: Any) -> Any:
        for word in self.sel_tasks or ():
            if "*" in word and not any(fnmatchcase(name, word) for name in _names(self)):
                raise InvalidCommand(not_found=word)
        return super()._execute(**params)

    def get_backends(self) -> dict[str, Any]:
        """Our backend and doit's own. doit would search every installed package for more."""
        found = {"goldmaster": Backend, "dbm": DbmDB, "json": JsonDB, "sqlite3": SqliteDB}
        self.cmdparser["backend"].choices = {
            name: getattr(kind, "desc", "") for name, kind in found.items()
        }
        return found


class Info(DoitInfo):  # type: ignore[misc]  # doit has no types
    """`doit info TASK`."""

    def execute(self, params: Any, args: list[str]) -> int:
        """Called by doit."""
        try:
            status: int = super().execute(params, args)
        except KeyError:
            if args[0] in _names(self):
                raise
            return _unknown(args[0], _names(self))
        return status


class List(DoitList):  # type: ignore[misc]  # doit has no types
    """`doit list [TASK …]`."""

    def execute(self, params: Any, args: list[str]) -> int:
        """Called by doit."""
        from buildlib.cli.terminal import print_error
        from buildlib.model.errors import ConfigError

        fields = {"name": "", "doc": "", **({"status": ""} if params["status"] else {})}
        try:
            (params["template"] or "").format(**fields)
        except (ValueError, LookupError, AttributeError):
            print_error(
                ConfigError(
                    "the template is not valid",
                    where="--template",
                    hint="it may contain {name}, {doc} and, with --status, {status}",
                    reason="usage",
                )
            )
            return 3
        try:
            status: int = super().execute(params, args)
        except InvalidCommand:
            unknown = next((name for name in args if name not in _names(self)), None)
            if unknown is None:
                raise
            return _unknown(unknown, _names(self))
        return status


def _names(command: Any) -> list[str]:
    return [task.name for task in command.task_list]


def _unknown(
    name: str,
    known: Iterable[str],
    *,
    kind: str = "task",
    hint: str = "`doit list --all` shows all tasks",
) -> int:
    """Print that there is no such task; returns the exit status."""
    from buildlib.cli.terminal import print_error
    from buildlib.model.errors import ConfigError
    from buildlib.model.schema import nearest

    print_error(
        ConfigError(
            f"there is no {kind} {name}{nearest(name, known)}", hint=hint, reason="unknown-task"
        )
    )
    return 3
