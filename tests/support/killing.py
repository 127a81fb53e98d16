"""A process that dies at a chosen step of what it does to files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Killed(BaseException):
    """Nothing runs after it."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process die at its `step`th call that changes a folder."""
    count = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                raise Killed
            return real(*words, **named)
        return call

    for place, name in ((os, "fsync"), (Path, "unlink"), (Path, "rename"), (Path, "replace"),
                        (Path, "mkdir"), (shutil, "copyfile")):
        monkeypatch.setattr(place, name, dying(getattr(place, name)))
