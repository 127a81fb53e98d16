"""Tests that run in a process of their own, which the command `make mutants` looks at."""

from __future__ import annotations

import faulthandler
from pathlib import Path

import pytest

from tools.watched_tests import first_failure

GOOD = "def test_good(): pass\n"


@pytest.fixture(autouse=True)
def no_timer() -> None:
    """A process that is forked beside pytest's timer would wait for its thread for ever."""
    faulthandler.cancel_dump_traceback_later()


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    return folder


@pytest.mark.programs
def test_all_pass(tmp_path: Path) -> None:
    assert first_failure(["."], write(tmp_path, a=GOOD, b=GOOD)) is None


@pytest.mark.programs
@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("def test_bad():\n    assert 1 == 2\ndef test_also(): 1 / 0\n", "test_a.py::test_bad"),
        ("1 / 0\n", "test_a.py"),
        ("import no_such_module\n", "test_a.py"),
        ("import os\ndef test_ends(): os._exit(0)\n", "test_a.py::test_ends"),
        ("import os\ndef test_ends(): os.kill(os.getpid(), 9)\n", "test_a.py::test_ends"),
    ],
    ids=["fails", "error", "import", "exits", "is killed"],
)
def test_the_first_failure_is_named(tmp_path: Path, text: str, failed: str) -> None:
    assert first_failure(["test_a.py"], write(tmp_path, a=text)) == failed


@pytest.mark.programs
@pytest.mark.parametrize("body", ["while True: pass", "__import__('time').sleep(600)"])
def test_a_test_that_takes_too_long_fails(tmp_path: Path, body: str) -> None:
    write(tmp_path, a=f"def test_hangs():\n    {body}\n")
    assert first_failure(["test_a.py"], tmp_path, seconds=2) == "test_a.py::test_hangs"


@pytest.mark.programs
def test_what_ends_while_it_is_collected(tmp_path: Path) -> None:
    write(tmp_path, a="import os\nos._exit(0)\n")
    assert first_failure(["test_a.py"], tmp_path) == "collection"


@pytest.mark.programs
def test_a_missing_file_is_a_failure(tmp_path: Path) -> None:
    assert first_failure(["test_a.py"], tmp_path) == "collection"


@pytest.mark.programs
def test_files_and_tests_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, a="1 / 0\n", b="def test_bad(): 1 / 0\n" + GOOD, c=GOOD)
    assert first_failure(["."], tmp_path, left_out=["test_a.py"]) == "test_b.py::test_bad"
    assert first_failure(["."], tmp_path, left_out=["test_a.py", "test_b.py::test_bad"]) is None


@pytest.mark.programs
def test_generated_inputs_come_last(tmp_path: Path) -> None:
    """They take the longest, and most mutants are noticed without them."""
    generated = (
        "from hypothesis import given, strategies\n"
        "@given(strategies.integers())\n"
        "def test_generated(number): raise ValueError\n"
    )
    write(tmp_path, a=generated, b="def test_bad(): 1 / 0\n")
    assert first_failure(["."], tmp_path) == "test_b.py::test_bad"


@pytest.mark.programs
def test_modules_are_those_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "__init__.py").write_text("ANSWER = 42\n")
    write(tmp_path, a="import sample\ndef test_it(): assert sample.ANSWER == 42\n")
    assert first_failure(["test_a.py"], tmp_path) is None
