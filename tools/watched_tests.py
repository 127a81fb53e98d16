"""Run tests in a process of their own, and say which one failed first.

A test that takes longer than the limit counts as failed, and its process is ended. Since processes
are forked, pytest is imported once.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

# Another checkout is tested; what is below this one must not be imported from here.
HERE = {str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent), ""}
SECONDS = 60.0  # what a single test may take, on a busy machine, too


def first_failure(
    tests: Sequence[str],
    checkout: Path,
    *,
    left_out: Collection[str] = (),
    seconds: float = SECONDS,
) -> str | None:
    """The test that failed first, or None. Tests with generated inputs run last.

    tests     files, folders or single tests, relative to the checkout
    left_out  files and tests not to run
    seconds   what a test may take; until the first one starts it is ten times as long
    Where no test can be collected, the answer is the file, or "collection".
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _run(tests, checkout, left_out, writer)
    os.close(writer)
    last, patience = "collection", 10 * seconds
    try:
        while line := _line(reader, patience):
            event, last = json.loads(line)
            patience = seconds
            if event == "failed":
                return str(last)
            if event == "passed":
                return None
        return last  # it takes too long, or the process has ended
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):  # before it has a group
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _line(descriptor: int, seconds: float) -> bytes:
    """The next event; nothing at the end, or if it takes too long."""
    until, data = time.monotonic() + seconds, b""
    while not data.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            return b""
        if not (more := os.read(descriptor, 1)):
            return b""
        data += more
    return data


def _run(tests: Sequence[str], checkout: Path, left_out: Collection[str], writer: int) -> None:
    """In the child: run the tests in the checkout, whose modules are imported from there."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.chdir(checkout)
        sys.path[:] = [str(checkout), *(path for path in sys.path if path not in HERE)]
        sys.dont_write_bytecode = True  # two changes may be made in the same second
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        words = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-o", "faulthandler_timeout=0"]
        for name in left_out:
            words += [f"--{'deselect' if '::' in name else 'ignore'}={name}"]
        status = int(pytest.main([*words, *tests], plugins=[_Notes(writer)]))
    finally:
        os._exit(status)


class _Notes:
    """Reports what starts, what fails and how it ends: a line each, of JSON."""

    def __init__(self, writer: int) -> None:
        self._writer = writer

    def _tell(self, event: str, test: str) -> None:
        os.write(self._writer, json.dumps([event, test]).encode() + b"\n")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A failure is found sooner in quick tests; sorting keeps their order otherwise."""
        items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "hypothesis"))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._tell("failed", report.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tell("started", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._tell("failed", report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            self._tell("passed", "")
        else:
            self._tell("failed", "collection")
