"""Variables on doit's command line."""

from __future__ import annotations

import sys


def command_line() -> dict[str, str]:
    """All `name=value` arguments; doit's get_var returns only those asked for by name."""
    from doit import doit_cmd

    return dict(doit_cmd._CMDLINE_VARS or {})  # noqa: SLF001  the only place that has all


def runs_tasks() -> bool:
    """Whether doit was called to run tasks, not for another command."""
    from doit.doit_cmd import DoitMain

    from buildlib.cli.main import COMMANDS

    others = {*COMMANDS, *(command.get_name() for command in DoitMain.DOIT_CMDS)} - {"run"}
    return others.isdisjoint(sys.argv[1:])
