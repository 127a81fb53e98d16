"""What an error shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from support.readers.strategies import some, texts

from buildlib.model import errors
from buildlib.model.errors import ConfigError, GoldmasterError, MissingBlob, ToolError


def test_shape() -> None:
    error = GoldmasterError("it broke", where=Path("/a/b"), why="one\ntwo\n", hint="mend it",
                            log=Path("/l"), reason="broken")
    assert error.lines() == [
        "it broke",
        "  where: /a/b",
        "  why:   one",
        "         two",
        "  do:    mend it",
        "  log:   /l",
    ]
    assert str(error) == "\n".join(error.lines())
    assert error.reason == "broken"


def test_what_is_not_known_is_left_out() -> None:
    assert GoldmasterError("it broke", why="").lines() == ["it broke"]


def test_config_errors_list_all_problems() -> None:
    error = ConfigError("a.toml has 2 problems", where="a.toml", problems=("x: missing", "y: no"))
    assert error.lines() == [
        "a.toml has 2 problems", "  - x: missing", "  - y: no", "  where: a.toml"]
    assert error.reason == "config"


def test_tool_errors_show_tail_log_and_command() -> None:
    error = ToolError("cc failed", where="stage k", log=Path("/l"), tail=("a.c:1", "\tx"),
                      command="cd /t && env -i cc")
    assert error.lines() == [
        "cc failed", "  where: stage k", "  log:   /l", "  | a.c:1", "  | \tx",
        "  again: cd /t && env -i cc"]


def test_missing_blob() -> None:
    error = MissingBlob("ab" * 32, why="it was deleted")
    assert error.lines() == [
        "content abababababab is not in the store", "  why:   it was deleted"]
    assert error.sha256 == "ab" * 32


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values()
             if isinstance(kind, type) and issubclass(kind, GoldmasterError)
             and kind is not MissingBlob])
def test_every_class_shows_what_where_why_and_what_to_do(kind: type[GoldmasterError]) -> None:
    lines = kind("what", where="where", why="why", hint="hint").lines()
    assert lines == ["what", "  where: where", "  why:   why", "  do:    hint"]
    assert kind("what", reason="word").reason == "word"
    assert kind.__name__ in (errors.__doc__ or ""), "not in the tree the module draws"


@some
@given(texts())
def test_a_name_cannot_steer_the_terminal(name: str) -> None:
    shown = [
        *GoldmasterError(name, where=name, hint=name).lines(),
        *ConfigError("c", problems=(name,)).lines(),
        *ToolError("t", tail=(name,)).lines(),
    ]
    for line in shown:
        line.encode()
        assert line.replace("\t", "").isprintable()
