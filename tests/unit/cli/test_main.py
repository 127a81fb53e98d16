"""The command `goldmaster` is doit with our commands, loader and database."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest
from doit import doit_cmd

from buildlib.cli import signals
from buildlib.cli.main import BACKENDS, COMMANDS, LOADER, main


@pytest.mark.parametrize("place", [*COMMANDS.values(), LOADER, *BACKENDS.values()])
def test_each_name_leads_to_a_class(place: str) -> None:
    name, _, kind = place.partition(":")
    assert isinstance(getattr(importlib.import_module(name), kind), type)


def test_what_doit_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []

    class Doit:
        def __init__(self, *, extra_config: dict[str, Any]) -> None:
            done.append(extra_config)

        def run(self, words: list[str]) -> str:
            done.append(words)
            return "3"

    monkeypatch.setattr(doit_cmd, "DoitMain", Doit)
    monkeypatch.setattr(signals, "install_handlers", done.append)
    monkeypatch.setattr(sys, "argv", ["goldmaster", "iso", "jobs=3"])
    assert main() == 3
    assert done == [
        signals.exit_now,
        {
            "GLOBAL": {"loader": "goldmaster"},
            "LOADER": {"goldmaster": LOADER},
            "COMMAND": COMMANDS,
            "BACKEND": BACKENDS,
        },
        ["iso", "jobs=3"],
    ]
