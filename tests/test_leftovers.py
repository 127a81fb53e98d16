"""No test leaves a process running: it is ended, and reported with its test."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.inner_pytest import run_tests
from support.machines.namespace import Namespace, processes_with

CHILD = "subprocess.Popen(['sleep', '1000'])"
# It becomes init's child, and knows nothing of pytest but the folder that it works in.
DAEMON = (
    "subprocess.run(['setsid', '--fork', 'sleep', '1000'], cwd=tmp_path, env={'PATH': os.defpath})"
)
STARTING = """\
import os, subprocess, time

def test_first(tmp_path):
    {start}
    {then}

def test_second():
    pass
"""


def run(
    folder: Path, start: str, then: str, *words: str
) -> tuple[subprocess.CompletedProcess[str], list[int]]:
    """A run of tests that leave a process, and numbers of those that still work in its folder."""
    done = run_tests(folder, "tests/test_it.py", STARTING.format(start=start, then=then), *words)
    return done, [int(path.name) for path in Path("/proc").glob("[0-9]*") if works_in(path, folder)]


def works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


@pytest.mark.parametrize("start", [CHILD, DAEMON], ids=["child", "daemon"])
@pytest.mark.parametrize("then", ["pass", "raise ValueError"], ids=["passes", "fails"])
def test_what_a_test_left_is_ended_and_told(tmp_path: Path, start: str, then: str) -> None:
    done, left = run(tmp_path, start, then)
    assert left == []
    assert done.returncode == 1
    assert "left running, and ended now:" in done.stdout
    # It may still be called setsid: that one goes on when it has forked.
    (told,) = re.findall(r"^(\d+: .*sleep 1000.*)$", done.stdout, re.MULTILINE)
    if start == CHILD:
        assert told.endswith("(since tests/test_it.py::test_first)")


def test_a_test_that_hangs_ends_with_stacks_and_leaves_nothing(tmp_path: Path) -> None:
    limits = ("-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true")
    done, left = run(tmp_path, DAEMON, "time.sleep(1000)", "-n", "1", *limits)
    assert left == []
    assert done.returncode == 1
    assert re.search(r'File ".*/test_it.py", line \d+ in test_first', done.stderr + done.stdout)
    assert "crashed while running 'tests/test_it.py::test_first'" in done.stdout
    assert "1 passed" in done.stdout


def test_what_ends_by_itself_is_no_matter(tmp_path: Path) -> None:
    done, left = run(tmp_path, "subprocess.run(['true'])", "pass")
    assert (done.returncode, left) == (0, []), done.stdout


def test_nothing_is_left_in_a_namespace(tmp_path: Path) -> None:
    script = "sleep 1000 & setsid --fork sleep 1000"
    with Namespace(tmp_path) as namespace:
        namespace.run("sh", "-c", f"({script}) >/dev/null 2>&1")
        assert len([path for path in Path("/proc").glob("[0-9]*") if works_in(path, tmp_path)]) == 2
    assert [path for path in Path("/proc").glob("[0-9]*") if works_in(path, tmp_path)] == []


def test_a_namespace_that_was_refused_is_the_host_s() -> None:
    """Whatever runs there is not of the test."""
    with subprocess.Popen(["sleep", "1000"]) as outside:
        assert processes_with(outside.pid) == []
        outside.kill()
