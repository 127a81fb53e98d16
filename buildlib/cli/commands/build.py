"""The commands `plan`, `why` and `gc`, and the base class of goldmaster's own commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.cmd_base import Command
from doit.exceptions import InvalidDodoFile

from buildlib.cli.origin import check_origin
from buildlib.cli.outlets import keep_running_unread
from buildlib.cli.plugins.reporter import Reporter
from buildlib.cli.session import Session
from buildlib.cli.shown_errors import shown_error
from buildlib.cli.terminal import print_error, print_table, size_text
from buildlib.model.errors import ConfigError, printable
from buildlib.model.schema import nearest

if TYPE_CHECKING:
    from buildlib.cli.boot_media.session import BootMediaSession

JSON = {
    "name": "json",
    "long": "json",
    "type": bool,
    "default": False,
    "help": "print JSON, for other programs",
}


class Own(Command):  # type: ignore[misc]  # doit has no types
    """A command that works on the checkout it is called in, and shows errors as all others do."""

    cmd_options: tuple[dict[str, Any], ...] = ()
    makes = False  # whether to continue when nobody reads the output any more

    def __init__(self, task_loader: Any = None, **rest: Any) -> None:
        """Called by doit."""
        super().__init__(**rest)
        self._loader = task_loader

    def execute(self, opt_values: dict[str, Any], pos_args: list[str]) -> int:
        """Called by doit."""
        if self.makes:
            keep_running_unread()
        root = Path.cwd()
        try:
            check_origin(root)
            return self.work(opt_values, pos_args)
        except Exception as error:  # noqa: BLE001  otherwise doit shows a traceback
            print_error(shown_error(error, where=f"doit {self.name}", root=root, logs=root))
            return 3

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Run the command; returns the exit status."""
        raise NotImplementedError

    def session(self) -> Session:
        """The session of the pipeline in dodo.py. Raises ConfigError if there is none."""
        try:
            self._loader.setup({"dodoFile": "dodo.py", "cwdPath": None, "seek_file": False})
        except InvalidDodoFile as error:
            raise ConfigError(
                "there is no dodo.py here",
                where=Path.cwd(),
                hint="change to a project's folder, or create one: goldmaster init DIR",
                reason="no-dodo",
            ) from error
        reporter = self._loader.load_doit_config().get("reporter")
        if not isinstance(reporter, Reporter):
            raise ConfigError(
                "dodo.py defines no goldmaster pipeline",
                where=Path("dodo.py"),
                hint="add DOIT_CONFIG = pipeline.doit_config()",
                reason="no-pipeline",
            )
        return reporter.session

    def boot_media(self) -> BootMediaSession:
        """The session, if the project builds boot media. Raises ConfigError otherwise."""
        from buildlib.cli.boot_media.session import BootMediaSession

        session = self.session()
        if not isinstance(session, BootMediaSession):
            raise ConfigError(
                f"doit {self.name} is for boot media, but this pipeline builds none",
                where=Path("dodo.py"),
                reason="no-boot-media",
            )
        return session


def refuse(command: str, words: Sequence[str]) -> None:
    """Refuse arguments that a command does not take. Raises ConfigError."""
    if words:
        raise ConfigError(
            f"doit {command} takes no arguments, only settings: name=value",
            why=f"it was given {' '.join(map(repr, words))}",
            reason="usage",
        )


class Plan(Own):
    """`doit plan`: a dry run."""

    doc_purpose = "list what would run, without running it"
    doc_usage = "[TASK ...]"
    doc_description = (
        "For each stage that is not up to date: whether it would be built or restored from the "
        "store, or whether that depends on an earlier stage."
    )
    cmd_options = (JSON,)

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Print a table of the stages."""
        rows = pending(self.session(), names)
        if options["json"]:
            print(
                json.dumps(
                    [
                        {"task": name, "verdict": verdict, "reasons": list(reasons)}
                        for name, verdict, reasons in rows
                    ]
                )
            )
        else:
            print_table(
                [(name, verdict, reasons[0] if reasons else "") for name, verdict, reasons in rows]
            )
        return 0


class Why(Own):
    """`doit why`: reasons."""

    doc_purpose = "show why stages would run: which input changed, from what to what"
    doc_usage = "[TASK ...]"
    doc_description = "Root causes come first. A later stage runs only if its inputs really differ."
    cmd_options = (JSON,)

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Print every reason of every stage."""
        rows = pending(self.session(), names)
        if options["json"]:
            print(json.dumps({name: list(reasons) for name, _, reasons in rows}))
            return 0
        for name, verdict, reasons in rows:
            print(f"{name}: {verdict}")
            for reason in reasons:
                print(f"    {printable(reason)}")
        if not rows:
            print("nothing would run")
        return 0


def pending(session: Session, names: Sequence[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """(task, verdict, reasons) of every required task that is not up to date.

    `names` are tasks or groups of tasks; empty: the tasks of a run that names none. Dependencies
    come first.
    """
    wanted = [task for name in names or session.default() for task in _tasks_of(session, name)]
    rows: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name in _needed(session, wanted):
        if name in session.products:
            missing = [
                stage
                for stage in session.stages_of(name)
                if rows.get(stage, ("restore",))[0] != "restore"
            ]
            if missing:
                rows[name] = "depends", (f"uses an output of {missing[0]}",)
            elif not session.publisher.is_current(session.products[name]):
                rows[name] = "build", ("its files are missing or damaged",)
        else:
            decision = session.engine.resolve(name)
            if decision.verdict != "up to date":
                unknown = decision.verdict == "unknown"
                rows[name] = "depends" if unknown else decision.verdict, decision.reasons
    return [(name, *row) for name, row in rows.items()]


def _needed(session: Session, names: Sequence[str]) -> list[str]:
    """`names` and all their dependencies, dependencies first."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in order:
            product = name in session.products
            for need in session.stages_of(name) if product else session.engine.graph.needs(name):
                visit(need)
            order[name] = None

    for name in names:
        visit(name)
    return list(order)


def _tasks_of(session: Session, name: str) -> list[str]:
    checks = {check.name: check.needs for check in session.checks()}
    if name in checks:
        return checks[name]  # checks always run, so list what they need
    known = [*session.engine.graph.stages, *session.products]
    found = [task for task in known if task == name or task.startswith(f"{name}:")]
    if not found:
        raise ConfigError(
            f"there is no task {name}{nearest(name, known)}",
            hint="doit list --all shows all tasks",
            reason="unknown-task",
        )
    return found


class Gc(Own):
    """`doit gc`: frees disk space."""

    makes = True
    doc_purpose = "remove from the store what the last builds do not need"
    doc_usage = ""
    doc_description = (
        "Keeps the last result of every task of this checkout, and the sources it was made from. "
        "Everything removed can be made again."
    )

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Remove the files, and print how many."""
        del options
        refuse(self.name, names)
        from buildlib.engine.gc import collect

        session = self.session()
        session.store.begin(waiting=lambda text: print(text, file=sys.stderr))
        try:
            removed = collect(session.store)
        finally:
            session.store.end()
        print(f"removed {removed.files} files, {size_text(removed.size)}")
        return 0
