"""doit's commands that act on what doit remembers of tasks. Here the store remembers, so they would
do nothing; each says what does what it is called for.
"""

from __future__ import annotations

from typing import Any

from buildlib.cli.commands.build import Own
from buildlib.model.errors import ConfigError


class _Retired(Own):
    """A command that only names another. `instead`: what to do."""

    doc_usage = ""
    doc_description = "The store decides what is up to date, so there is nothing for it to act on."
    instead = ""

    def work(self, options: dict[str, Any], names: list[str]) -> int:
        """Refuse."""
        del options, names
        raise ConfigError(f"doit {self.name} does nothing here", why=self.doc_description,
                          hint=self.instead, reason="retired")


class Clean(_Retired):
    """`doit clean`."""

    doc_purpose = "(not used here: see gc, or `make clean`)"
    instead = "`doit gc` gives disk space back; `make clean` removes all that was built"


class Forget(_Retired):
    """`doit forget`."""

    doc_purpose = "(not used here: see why)"
    instead = "`doit why TASK` tells why a task would run, and what it was made from"


class ResetDep(Forget):
    """`doit reset-dep`."""

    name = "reset-dep"


class DumpDB(Forget):
    """`doit dumpdb`."""


class Ignore(_Retired):
    """`doit ignore`."""

    doc_purpose = "(not used here: name the tasks that shall run)"
    instead = "name the tasks that shall run: `doit list --all` shows them"
