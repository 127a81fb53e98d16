"""The variables on doit's command line."""

from __future__ import annotations


def command_line() -> dict[str, str]:
    """`name=value` words, known or not; doit's get_var asks for known names only."""
    from doit import doit_cmd

    return dict(doit_cmd._CMDLINE_VARS or {})  # noqa: SLF001
