"""doit finds its tasks here: see README.md, or run `doit list` and `doit help`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from buildlib.cli.tasks import Tasks
from buildlib.cli.variables import command_line

_TASKS = Tasks(Path(__file__).resolve().parent, command_line())
DOIT_CONFIG = _TASKS.config()


def task_goldmaster() -> Iterator[dict[str, Any]]:
    """Every stage, product and check, from release, lock and recipes."""
    yield from _TASKS.tasks()
