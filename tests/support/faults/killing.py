"""A process that dies at a chosen step of its changes to files."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from buildlib.host import atomic_files

_TIDIED = "/store/tmp/"  # the next run clears it, whatever its content
STEPS = ("fsync", "link", "mkdir", "rename", "rmdir", "unlink")


class Killed(BaseException):
    """No code runs after it."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the process die at its `step`th call that changes a folder, without any clean-up."""
    count = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            nonlocal count
            count += _TIDIED not in str(words[0])
            if count >= step:
                raise Killed
            return real(*words, **named)

        return call

    for name in STEPS:
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    # the checks afterwards run in another process
    monkeypatch.setattr(atomic_files, "_LABEL", "00000000")
