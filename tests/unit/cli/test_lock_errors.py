"""A missing lock is reported together with the host's problems."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli import lock_errors as module
from buildlib.cli.lock_errors import with_problems
from buildlib.model.errors import ConfigError, GoldmasterError, ToolError
from buildlib.operations.preflight.preflight import NO_LOCK
from buildlib.store.store import Store


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was looked at; the host lacks a compiler."""
    found: list[Any] = []

    def settings(root: Path, variables: dict[str, str]) -> Any:
        found.append((root, variables))
        return SimpleNamespace(build="b")

    def problems(configuration: str, store: Store) -> tuple[str, ...]:
        found.append((configuration, store.build))
        return ("no compiler",)

    monkeypatch.setattr(module, "read_settings", settings)
    monkeypatch.setattr(module, "places_of", lambda _root, _store, _tell: "places")
    monkeypatch.setattr(module, "read_configuration", lambda _settings, places: f"of {places}")
    monkeypatch.setattr(module, "unlocked_problems", problems)
    return found


@pytest.mark.parametrize("reason", sorted(NO_LOCK))
def test_problems_of_the_host_are_added(looked: list[Any], tmp_path: Path, reason: str) -> None:
    error = ConfigError("no lock", problems=("it is missing",), reason=reason)
    assert with_problems(error, tmp_path, {"build": "b"}) is error
    assert error.problems == ("it is missing", "no compiler")
    assert looked == [(tmp_path, {"build": "b"}), ("of places", tmp_path / "b")]


@pytest.mark.parametrize(
    "error", [ConfigError("a typo"), ToolError("no tool", reason=min(NO_LOCK))]
)
def test_another_error_stays_alone(
    looked: list[Any], tmp_path: Path, error: GoldmasterError
) -> None:
    assert with_problems(error, tmp_path, {}) is error
    assert looked == []


def test_a_configuration_that_cannot_be_read_hides_nothing(
    looked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_any: object) -> None:
        raise ConfigError("a typo")

    monkeypatch.setattr(module, "read_configuration", refuse)
    error = ConfigError("no lock", reason=min(NO_LOCK))
    assert with_problems(error, tmp_path, {}) is error
    assert error.problems == ()
    assert len(looked) == 1
