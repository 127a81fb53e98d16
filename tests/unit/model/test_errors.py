"""What an error shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from support.readers.strategies import some, texts

from buildlib.model import errors
from buildlib.model.errors import ConfigError, GoldmasterError, MissingBlob, ToolError, printable


def test_shape() -> None:
    error = GoldmasterError(
        "it broke",
        where=Path("/a/b"),
        why="one\ntwo\n",
        hint="mend it",
        log=Path("/l"),
        reason="broken",
    )
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
        "a.toml has 2 problems",
        "  - x: missing",
        "  - y: no",
        "  where: a.toml",
    ]
    assert error.reason == "config"


def test_errors_together_have_their_places() -> None:
    schema = ConfigError(
        "2 problems", where="a.toml", problems=("line 8: x: unknown", "y: missing")
    )
    single = ConfigError("there is no kernel X", where="b.toml:3: kernel", why="known: Y")
    assert ConfigError.together([schema, single]).lines() == [
        "there are 3 problems",
        "  - a.toml:8: x: unknown",
        "  - a.toml: y: missing",
        "  - b.toml:3: kernel: there is no kernel X (known: Y)",
    ]
    assert ConfigError.together([single, single]) is single


def test_tool_errors_show_tail_log_and_command() -> None:
    error = ToolError(
        "cc failed",
        where="stage k",
        log=Path("/l"),
        tail=("a.c:1", "\tx"),
        command="cd /t && env -i cc",
    )
    assert error.lines() == [
        "cc failed",
        "  where: stage k",
        "  log:   /l",
        "  | a.c:1",
        "  | \tx",
        "  again: cd /t && env -i cc",
    ]


def test_missing_blob() -> None:
    error = MissingBlob("ab" * 32, why="it was deleted")
    assert error.lines() == ["content abababababab is not in the store", "  why:   it was deleted"]
    assert error.sha256 == "ab" * 32


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, GoldmasterError) and kind is not MissingBlob
    ],
)
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb", "a\tb"),
        ("a\nb", r"a\nb"),
        ("a\x1bb", r"a\x1bb"),
        ("a\udce4b", r"a\udce4b"),
        ("a\u202eb", r"a\u202eb"),
        ("ä b", "ä b"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_error_is_returned_as_it_is() -> None:
    error = ConfigError("no", where="a.toml")
    assert ConfigError.together([error]) is error
    same = ConfigError("no", where="a.toml", hint="another hint")
    assert ConfigError.together([error, same]) is same


def test_several_errors_are_one() -> None:
    found = ConfigError.together(
        [
            ConfigError("no", where="a.toml", why="it is", hint="do", reason="first"),
            ConfigError("many", where="b.toml", problems=("x", "y"), hint="do", reason="second"),
            ConfigError("alone", hint="do more"),
            ConfigError("no", where="a.toml", why="it is", reason="first"),
        ]
    )
    assert found.what == "there are 4 problems"
    assert found.problems == ("a.toml: no (it is)", "b.toml: x", "b.toml: y", "alone")
    assert (found.hint, found.reason) == ("do\ndo more", "first")
    assert ConfigError.together([ConfigError("a"), ConfigError("b")]).hint is None


def test_a_very_long_line_is_cut() -> None:
    line = errors._LINE
    assert GoldmasterError("x" * line).lines() == ["x" * line]
    (shown,) = GoldmasterError("x" * (line + 1)).lines()
    assert shown == "x" * line + "… (1 more characters)"


def test_passwords_are_not_kept() -> None:
    error = ToolError("http://me:secret@x/a", tail=("ftp://me:secret@x",), command="a")
    assert "secret" not in str(error)
    assert "secret" not in repr(error.tail)
    assert error.what.startswith("http://")
