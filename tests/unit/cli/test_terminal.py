"""What a run shows: to people, to programs, and on a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from buildlib.cli import terminal
from buildlib.cli.terminal import (
    JsonLines,
    Live,
    Plain,
    make_display,
    print_error,
    print_table,
    result_line,
    size_text,
)
from buildlib.model.errors import ConfigError, ToolError
from buildlib.model.events import Finished, Note, Progress, Started

WIDE = 200


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1550, "1.6 kB"),
        (999_900, "999.9 kB"),
        (1_000_000, "1.0 MB"),
        (2_500_000, "2.5 MB"),
        (1_000_000_000, "1.00 GB"),
        (1_234_000_000_000, "1234.00 GB"),
    ],
)
def test_sizes_have_a_unit(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("event", "reason", "line"),
    [
        (Finished("a", "built"), "", "built    a"),
        (
            Finished("a", "built", 1.25, 1500),
            "new",
            f"built    {'a':<34} {'1.2 s':>8} {'1.5 kB':>9}  new",
        ),
        (Finished("a", "restored", 0.04), "", "restored a"),
        (Finished("a", "restored", 0.05), "", f"restored {'a':<34} {'0.1 s':>8}"),
        (Finished("a", "failed", detail="it broke"), "new", f"FAILED   {'a':<53}  it broke"),
        (Finished("a", "up to date"), "", "current  a"),
        (Finished("a", "passed"), "", "passed   a"),
        (Finished("a\x1b", "passed"), "", r"passed   a\x1b"),
    ],
)
def test_a_result_is_a_line(event: Finished, reason: str, line: str) -> None:
    assert result_line(event, reason, WIDE) == line


def test_a_result_is_cut_at_the_edge() -> None:
    event = Finished("abc", "built")
    assert result_line(event, "", 12) == "built    abc"
    assert result_line(event, "", 11) == "built    a…"


def test_plain_lines() -> None:
    out = io.StringIO()
    display = Plain(out)
    for event in (
        Started("a", ("source changed", "more")),
        Progress("a", 1, 2, "files"),
        Finished("a", "built"),
        Started("b"),
        Finished("b", "built"),
        Started("c", ("source changed",)),
        Finished("c", "restored"),
        Started("d", ("source changed",)),
        Finished("d", "up to date"),
        Note("wait", "e"),
        Note("wait\x07"),
    ):
        display.event(event)
    assert out.getvalue().splitlines() == [
        f"built    {'a':<53}  source changed",
        "built    b",
        "restored c",
        "e: wait",
        r"wait\x07",
    ]


def test_a_quiet_run_shows_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    display = make_display("quiet", out)
    display.event(Started("a"))
    display.event(Finished("a", "failed"))
    display.event(Note("wait"))
    display.error(ConfigError("no"), "a")
    display.close()
    assert out.getvalue() == ""
    assert capsys.readouterr().err == "ERROR: no\n  where: stage a\n"


@pytest.mark.parametrize(
    ("progress", "is_terminal", "moves", "kind"),
    [
        ("json", True, True, JsonLines),
        ("quiet", True, True, Plain),
        ("plain", True, True, Plain),
        ("live", False, False, Live),
        ("auto", True, True, Live),
        ("auto", False, True, Plain),
        ("auto", True, False, Plain),
    ],
)
def test_the_setting_chooses_the_display(
    progress: str,
    is_terminal: bool,
    moves: bool,
    kind: type[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal, "can_move_lines", lambda: moves)
    assert type(make_display(progress, Terminal() if is_terminal else io.StringIO())) is kind


def test_every_event_is_a_line_of_json() -> None:
    out = io.StringIO()
    display = JsonLines(out)
    display.event(Started("a", ("new",)))
    display.event(Progress("a", 1, 2, "files", "x"))
    display.event(Note("see http://me:secret@host/"))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines[:2] == [
        {"event": "started", "stage": "a", "reasons": ["new"]},
        {"event": "progress", "stage": "a", "done": 1, "total": 2, "unit": "files", "what": "x"},
    ]
    assert "secret" not in out.getvalue()


def test_an_error_in_json_has_all_its_parts() -> None:
    out = io.StringIO()
    error = ConfigError("no", where="f: k", why="so", hint="do", reason="r")
    JsonLines(out).error(error, "a")
    JsonLines(out).error(ToolError("bad", tail=("last",), log=Path("a.log")))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first == {
        "event": "error",
        "stage": "a",
        "reason": "r",
        "what": "no",
        "where": "f: k",
        "why": "so",
        "hint": "do",
        "log": None,
        "problems": [],
        "tail": [],
        "command": None,
    }
    assert (second["log"], second["tail"], second["stage"]) == ("a.log", ["last"], "")


def test_the_stage_is_named_if_the_error_has_no_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_error(ConfigError("no", where="f"), "a")
    print_error(ConfigError("no"), "a")
    print_error(ConfigError("no", hint="do"))
    assert capsys.readouterr().err.splitlines() == [
        "ERROR: no",
        "  where: f",
        "ERROR: no",
        "  where: stage a",
        "ERROR: no",
        "  do:    do",
    ]


def test_columns_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([])
    print_table([("a", "bbb", "last is not padded"), ("aaa", "b", "")])
    assert capsys.readouterr().out == "a    bbb  last is not padded\naaa  b\n"


def test_a_table_is_cut_at_the_terminal_s_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    out = Terminal()
    print_table([("a" * 22, "b"), ("c", "b")], stream=out)
    assert [len(line) for line in out.getvalue().splitlines()] == [24, 24]
    out = Terminal()
    print_table([("a" * 22, "bb")], stream=out)
    assert out.getvalue() == "a" * 22 + " …\n"


def test_a_narrow_terminal_is_twenty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "5")
    out = Terminal()
    print_table([("x" * 30,)], stream=out)
    assert out.getvalue() == "x" * 19 + "…\n"


def shown(act: Callable[[Live], object], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    display = Live(out)
    act(display)
    display.close()
    return out.getvalue()


def state_of(display: Live) -> str:
    assert display._bars is not None
    (task,) = display._bars.tasks
    return str(task.fields["state"])


def test_live_results_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(display: Live) -> None:
        display.event(Note("before"))
        display.event(Started("a", ("source changed",)))
        display.event(Started("b", ("source changed",)))
        display.event(Started("c"))
        display.event(Finished("a", "built"))
        display.event(Finished("b", "restored"))
        display.event(Finished("c", "up to date"))
        display.event(Note("[bold]", "d"))
        display.event(Note("x" * 300))

    text = shown(act, monkeypatch)
    assert text.startswith("before\n")
    assert f"built    {'a':<53}  source changed\n" in text
    assert "restored b\n" in text
    assert "current" not in text
    assert "d: [bold]\n" in text
    assert "x" * 300 in text, "the terminal wraps long lines, so that they can be copied"


def test_live_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(display: Live) -> None:
        display.event(Progress("a", 1, 2, "files"))  # nothing has started
        display.event(Started("a"))
        display.event(Progress("b", 1, 2, "files"))
        assert state_of(display) == ""
        display.event(Progress("a", 1, 20, "files", "x.c"))
        assert state_of(display) == "1 of 20 files x.c"
        display.event(Progress("a", 3, 0, "lines"))
        assert state_of(display) == "3 lines"
        display.event(Progress("a", 1500, 2000, "bytes", "base.tgz"))
        assert state_of(display) == "1.5 kB base.tgz"
        display.event(Progress("a", 1, 0, "files", "x" * 100))
        assert len(state_of(display)) == 40
        display.event(Finished("a", "built"))
        assert display._bars is not None
        assert not display._bars.tasks

    shown(act, monkeypatch)


def test_live_lines_end_before_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(display: Live) -> None:
        display.event(Started("a"))
        display.error(ConfigError("no"), "a")
        assert display._bars is None
        display.event(Note("after"))

    assert shown(act, monkeypatch).endswith("after\n")
    assert capsys.readouterr().err.startswith("ERROR: no\n")
