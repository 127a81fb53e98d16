"""The shell scripts of the overlays, and those that stand in for NetBSD's programs in tests."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT
from support.simulator.shells import SHELLS, program

OVERLAYS = sorted((PROJECT / "recipes").rglob("overlay"))
STAND_INS = PROJECT / "tests/support/simulator"


def shell_scripts() -> list[str]:
    """Files that a shell reads, and no configuration."""
    files = [
        path for folder in (*OVERLAYS, STAND_INS) for path in folder.rglob("*") if path.is_file()
    ]
    return sorted(
        str(path.relative_to(PROJECT))
        for path in files
        if path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/sh\n")
    )


SCRIPTS = shell_scripts()


def test_there_are_scripts() -> None:
    assert {Path(name).name for name in SCRIPTS} >= {"rc", "root", "lib.sh", "mount", "MAKEDEV"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_shell_reads_it(script: str, shell: str) -> None:
    subprocess.run([program(shell), "-n", script], cwd=PROJECT, check=True)


@pytest.mark.parametrize(
    "script", [name for name in SCRIPTS if "overlay/" in name and not name.endswith(".sh")]
)
def test_what_is_run_is_executable(script: str) -> None:
    assert (PROJECT / script).stat().st_mode & 0o111 == 0o111


_VALUE = (
    r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\\.|"""
    r"""[^\s;&|()"'`$\\]|\$)*"""
)
_ASSIGNED = re.compile(rf"([A-Za-z_]\w*)=({_VALUE})[ \t]*")
_ASSIGNMENTS = re.compile(
    rf"(?:^|[\s;&|(])((?:[A-Za-z_]\w*={_VALUE}[ \t]+)+[A-Za-z_]\w*={_VALUE})", re.MULTILINE
)


def assigned_and_used(text: str) -> list[str]:
    """Commands that assign to a variable and go on with its new value."""
    found = []
    for command in _ASSIGNMENTS.findall(text):
        before: set[str] = set()
        for name, value in _ASSIGNED.findall(command):
            if before & set(re.findall(r"\$\{?#?([A-Za-z_]\w*)", value)):
                found.append(command)
            before.add(name)
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_assignment_goes_on_with_the_one_before_it(script: str) -> None:
    """NetBSD's sh expands all assignments of a command before it makes the first; dash and mksh
    make one after the other, so they cannot tell. Seen on a running NetBSD.
    """
    assert assigned_and_used((PROJECT / script).read_text()) == []


def test_such_an_assignment_is_found() -> None:
    assert assigned_and_used("a=${b##*/} a=${a%.c}\n\tx='1' y=\"$x\"\na=$b c=$d e=$e\n") == [
        "a=${b##*/} a=${a%.c}",
        "x='1' y=\"$x\"",
    ]
