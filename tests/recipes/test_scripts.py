"""The shell scripts of the overlays, and those that stand in for NetBSD's programs in tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.scratch import PROJECT

OVERLAYS = sorted((PROJECT / "recipes").rglob("overlay"))
STAND_INS = PROJECT / "tests/support/simulator"


def shell_scripts() -> list[str]:
    """Files that a shell reads, and no configuration."""
    files = [path for folder in (*OVERLAYS, STAND_INS) for path in folder.rglob("*")
             if path.is_file()]
    return sorted(str(path.relative_to(PROJECT)) for path in files
                  if path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/sh\n"))


SCRIPTS = shell_scripts()


def test_there_are_scripts() -> None:
    assert {Path(name).name for name in SCRIPTS} >= {"rc", "root", "lib.sh", "mount", "MAKEDEV"}


@pytest.mark.parametrize("shell", ["dash", "mksh"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_shell_reads_it(script: str, shell: str) -> None:
    subprocess.run([shell, "-n", script], cwd=PROJECT, check=True)


def test_shellcheck_has_nothing_to_say() -> None:
    done = subprocess.run(["shellcheck", "-x", "-s", "sh", "-e", "SC1091", *SCRIPTS], cwd=PROJECT,
                          stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", [name for name in SCRIPTS if "overlay/" in name
                                    and not name.endswith(".sh")])
def test_what_is_run_is_executable(script: str) -> None:
    assert (PROJECT / script).stat().st_mode & 0o111 == 0o111
