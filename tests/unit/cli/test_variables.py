"""doit's command line: its variables, and whether it runs tasks."""

from __future__ import annotations

import sys

import pytest
from doit import doit_cmd

from buildlib.cli.variables import command_line, runs_tasks


def test_all_variables_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doit_cmd, "_CMDLINE_VARS", {"jobs": "3", "release": "x"})
    found = command_line()
    assert found == {"jobs": "3", "release": "x"}
    found.clear()
    assert command_line() == {"jobs": "3", "release": "x"}, "it is a copy"
    monkeypatch.setattr(doit_cmd, "_CMDLINE_VARS", None)
    assert command_line() == {}


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ([], True),
        (["run"], True),
        (["iso", "jobs=3"], True),
        (["run", "iso"], True),
        (["list"], False),
        (["help"], False),
        (["why", "iso"], False),
        (["site-check", "."], False),
        (["-q", "list"], False),
    ],
)
def test_a_command_that_is_not_run(
    words: list[str], *, runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["doit", *words])
    assert runs_tasks() is runs


def test_the_program_s_own_name_is_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["list", "iso"])
    assert runs_tasks()
