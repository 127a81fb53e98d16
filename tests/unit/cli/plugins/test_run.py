"""doit's own commands, with our error messages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doit.cmd_info import Info as DoitInfo
from doit.cmd_list import List as DoitList
from doit.cmd_run import Run as DoitRun
from doit.exceptions import InvalidCommand

from buildlib.cli.plugins import run as module
from buildlib.cli.plugins.backend import Backend
from buildlib.cli.plugins.reporter import Reporter
from buildlib.cli.plugins.run import Info, List, Run

TASKS = [SimpleNamespace(name=name) for name in ("iso", "kernel:x", "verify")]
HINT = "  do:    `doit list --all` shows all tasks"


class Doit:
    """What doit's own command does: a status, or an exception."""

    def __init__(self) -> None:
        self.result: int | Exception = 0
        self.calls: list[Any] = []
        self.unread = 0

    def execute(self, *words: Any, **named: Any) -> int:
        """Do it."""
        self.calls.append(words or named)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def keep_running(self) -> None:
        """Continue when nobody reads."""
        self.unread += 1


@pytest.fixture
def doit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Doit:
    made = Doit()
    for kind in (DoitInfo, DoitList, DoitRun):
        monkeypatch.setattr(kind, "execute", made.execute)
    monkeypatch.setattr(DoitRun, "_execute", made.execute)
    monkeypatch.setattr(module, "keep_running_unread", made.keep_running)
    monkeypatch.chdir(tmp_path)
    return made


def command(kind: type[Any], *selected: str) -> Any:
    made: Any = object.__new__(kind)  # doit would give it a loader of dodo.py
    made.task_list = TASKS
    made.sel_tasks = list(selected) or None
    made.config = {"COMMAND": {"burn-check": "a place"}}
    return made


def reported(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_status_is_doit_s(doit: Doit, status: int) -> None:
    doit.result = status
    assert command(Run).execute({"reporter": "console"}, ["iso"]) == status
    assert doit.unread == 1
    assert command(Info).execute({}, ["iso"]) == status
    assert command(List).execute({"status": False, "template": None}, []) == status


def test_a_refused_run_has_a_status_of_its_own(doit: Doit) -> None:
    doit.result = 2
    reporter = Reporter.__new__(Reporter)
    for refused, status in ((True, 3), (False, 2)):
        vars(reporter)["_run"] = SimpleNamespace(refused=refused)
        assert command(Run).execute({"reporter": reporter}, []) == status


def test_an_unknown_task_or_command(doit: Doit, capsys: pytest.CaptureFixture[str]) -> None:
    hint = "  do:    `doit list --all` shows all tasks, `doit help` all commands"
    for word, near in (("iso2", "iso"), ("burn-chek", "burn-check"), ("help2", "help")):
        doit.result = InvalidCommand(not_found=word)
        assert command(Run).execute({}, [word]) == 3
        text = f"ERROR: there is no task or command {word}; did you mean {near}?"
        assert reported(capsys) == [text, hint]


def test_another_mistake_on_the_command_line_is_doit_s(doit: Doit) -> None:
    doit.result = InvalidCommand("a word too much")
    with pytest.raises(InvalidCommand):
        command(Run).execute({}, [])


def test_an_error_of_the_host(doit: Doit, capsys: pytest.CaptureFixture[str]) -> None:
    doit.result = OSError(28, "No space left on device", "dodo.db")
    assert command(Run).execute({}, []) == 3
    error = "\n".join(reported(capsys))
    assert "dodo.db" in error
    assert "internal error" not in error


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        (["kernel:*"], None),
        (["iso", "v*y"], None),
        (["none*"], "none*"),
        (["kernel:*", "z*"], "z*"),
        (["none"], None),
        ([], None),
    ],
)
def test_a_pattern_that_no_task_has(doit: Doit, words: list[str], unknown: str | None) -> None:
    made = command(Run, *words)
    if unknown is None:
        made._execute(outfile=None)
        assert len(doit.calls) == 1
    else:
        with pytest.raises(InvalidCommand) as error:
            made._execute(outfile=None)
        assert error.value.not_found == unknown
        assert doit.calls == []


def test_databases_to_choose_from() -> None:
    made = command(Run)
    choices = SimpleNamespace(choices=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "cmdparser", {"backend": choices}, raising=False)
        found = made.get_backends()
    assert found["goldmaster"] is Backend
    assert list(found) == ["goldmaster", "dbm", "json", "sqlite3"]
    assert list(choices.choices) == list(found)


def test_info_on_an_unknown_task(doit: Doit, capsys: pytest.CaptureFixture[str]) -> None:
    doit.result = KeyError("verify2")
    assert command(Info).execute({}, ["verify2"]) == 3
    assert reported(capsys) == ["ERROR: there is no task verify2; did you mean verify?", HINT]
    with pytest.raises(KeyError):
        command(Info).execute({}, ["verify"])


def test_a_list_of_an_unknown_task(doit: Doit, capsys: pytest.CaptureFixture[str]) -> None:
    doit.result = InvalidCommand("no such task")
    params = {"status": False, "template": None}
    assert command(List).execute(params, ["iso", "verify2", "more"]) == 3
    assert reported(capsys) == ["ERROR: there is no task verify2; did you mean verify?", HINT]
    with pytest.raises(InvalidCommand):
        command(List).execute(params, ["iso"])


@pytest.mark.parametrize(
    ("template", "status", "valid"),
    [
        ("{name}: {doc}", False, True),
        ("{status} {name}", True, True),
        ("{status} {name}", False, False),
        ("{none}", True, False),
        ("{name", False, False),
        ("{0}", False, False),
        ("{name.none}", False, False),
    ],
)
def test_the_template_of_a_list(
    doit: Doit, template: str, *, status: bool, valid: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = command(List).execute({"status": status, "template": template}, [])
    assert found == (0 if valid else 3)
    assert len(doit.calls) == valid
    assert ("the template is not valid" in "".join(reported(capsys))) != valid
