"""Handles signals that end a run: Ctrl-C, kill(1), a closed terminal."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS, _GRACE_SECONDS = 0.01, 2.0


def install_handlers(stop: Callable[[int, FrameType | None], NoReturn]) -> None:
    """Call `stop` on a signal, unless the caller ignores that signal (nohup)."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def ignore() -> None:
    """Ignore further signals, because the run is already ending."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run_bounded(work: Callable[[], None]) -> None:
    """Do work that may need locks held by the interrupted code; give up after a while."""
    done = []

    def run() -> None:
        with contextlib.suppress(Exception):
            work()
        done.append(True)

    _thread.start_new_thread(run, ())  # `threading` uses a lock itself
    end = time.monotonic() + _GRACE_SECONDS
    while not done and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def exit_now(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit immediately and silently with the shell's exit status: 128 plus the signal's number.

    An exception would not work: Python drops exceptions raised in callbacks, and continues.
    """
    ignore()
    run_bounded(_flush)
    os._exit(128 + number)


def _flush() -> None:
    sys.stdout.flush()  # looked up here: it may be None at import
