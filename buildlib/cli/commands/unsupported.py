"""doit's commands that act on doit's own records. goldmaster uses its store instead, so they would
do nothing; each names the command to use.
"""

from __future__ import annotations

from typing import Any

from buildlib.cli.commands.build import Own
from buildlib.model.errors import ConfigError


class _Retired(Own):
    """A command that only refers to another. `instead`: what to do."""

    doc_usage = ""
    doc_description = "The store decides what is up to date, so there is nothing for it to act on."
    instead = ""

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Raise an error that names the other command."""
        del options, names
        raise ConfigError(
            f"doit {self.name} does nothing here",
            why=self.doc_description,
            hint=self.instead,
            reason="retired",
        )


class Clean(_Retired):
    """`doit clean`."""

    doc_purpose = "(not used here: see gc, or `make clean`)"
    instead = "`doit gc` frees disk space; `make clean` removes everything that was built"


class Forget(_Retired):
    """`doit forget`."""

    doc_purpose = "(not used here: see why)"
    instead = "`doit why TASK` shows why a task would run, and what it was made from"


class ResetDep(Forget):
    """`doit reset-dep`."""

    name = "reset-dep"


class DumpDB(Forget):
    """`doit dumpdb`."""


class Ignore(_Retired):
    """`doit ignore`."""

    doc_purpose = "(not used here: name the tasks to run)"
    instead = "name the tasks to run; `doit list --all` shows them"
