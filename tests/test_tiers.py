"""What parts of the tests run: quick ones in pure Python, and scripts under one of two shells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.inner_pytest import run_tests

TEXT = """\
import subprocess
import time

import pytest

{mark}
def test_it():
    {what}
"""
PROGRAM = "subprocess.run(['true'])"
LONG = """\
end = time.process_time() + 2.1
    while time.process_time() < end:
        pass"""


@pytest.mark.parametrize(
    ("what", "mark", "told"),
    [
        (PROGRAM, "", "it starts a program: mark it `programs`: subprocess.Popen true"),
        (PROGRAM, "@pytest.mark.thorough", "it starts a program"),
        (LONG, "", "s of CPU: mark it `thorough`"),
    ],
    ids=["program", "other mark", "long"],
)
def test_a_mark_that_is_missing_is_asked_for(
    tmp_path: Path, what: str, mark: str, told: str
) -> None:
    done = run_tests(tmp_path, "tests/unit/test_it.py", TEXT.format(what=what, mark=mark))
    assert done.returncode == 1
    assert told in done.stdout


@pytest.mark.parametrize(
    ("place", "what", "mark"),
    [
        ("unit", PROGRAM, "@pytest.mark.programs"),
        ("servers", PROGRAM, ""),
        ("unit", "pass", ""),
    ],
    ids=["marked", "elsewhere", "pure Python"],
)
def test_nothing_is_asked_of(tmp_path: Path, place: str, what: str, mark: str) -> None:
    done = run_tests(tmp_path, f"tests/{place}/test_it.py", TEXT.format(what=what, mark=mark))
    assert done.returncode == 0, done.stdout


SHELLS = """\
import pytest

@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("shell", ["dash", "mksh"])
def test_it(shell, number):
    print(f"<{shell} {number}>")
"""


def shells_of(output: str) -> dict[str, set[str]]:
    """Number of a test to the shells under which it ran."""
    found: dict[str, set[str]] = {}
    for shell, number in re.findall(r"<(\w+) (\d+)>", output):
        found.setdefault(number, set()).add(shell)
    return found


def test_each_script_runs_under_one_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOLDMASTER_TEST_SHELLS", raising=False)
    done = run_tests(tmp_path, "tests/servers/test_it.py", SHELLS, "-s")
    shells = shells_of(done.stdout)
    assert len(shells) == 20
    assert all(len(names) == 1 for names in shells.values())
    assert {name for names in shells.values() for name in names} == {"dash", "mksh"}


def test_all_run_under_both_if_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDMASTER_TEST_SHELLS", "all")
    done = run_tests(tmp_path, "tests/servers/test_it.py", SHELLS, "-s")
    assert all(names == {"dash", "mksh"} for names in shells_of(done.stdout).values())
