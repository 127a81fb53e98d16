"""Signals that end a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from buildlib.cli import signals

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals.install_handlers(signals.exit_now)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signals.exit_now
    assert signal.getsignal(signal.SIGTERM) is signals.exit_now


def test_all_are_ignored_at_the_end() -> None:
    signals.ignore()
    assert {signal.getsignal(number) for number in NUMBERS} == {signal.SIG_IGN}


def test_bounded_work_is_waited_for() -> None:
    done = []

    def work() -> None:
        time.sleep(0.05)
        done.append(1)

    signals.run_bounded(work)
    assert done == [1]


def test_work_that_ends_is_not_waited_for_any_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_GRACE_SECONDS", 600)
    signals.run_bounded(lambda: None)
    signals.run_bounded(lambda: print(1 / 0))  # its errors do not matter


def test_work_that_waits_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_GRACE_SECONDS", 0.1)
    reader, writer = os.pipe()
    signals.run_bounded(lambda: print(os.read(reader, 1)))
    os.write(writer, b"x")
    os.close(writer)


@pytest.mark.programs
@pytest.mark.parametrize("number", NUMBERS)
def test_an_exit_flushes_and_has_the_shell_s_status(number: int) -> None:
    code = (
        "import sys; from buildlib.cli.signals import exit_now\n"
        f"print('begun', end=''); exit_now({int(number)}, None)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "begun", "")
