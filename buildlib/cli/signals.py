"""What ends a run from outside: Ctrl-C, kill(1), a terminal that is closed."""

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
    """Have `stop` called at a signal; one that the caller ignores (nohup) stays ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def ignore() -> None:
    """Further signals come to nothing: the run is ending already."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def run_bounded(work: Callable[[], None]) -> None:
    """Do what may need locks, which the interrupted code may hold; after a while go on without."""
    done = []

    def run() -> None:
        with contextlib.suppress(Exception):
            work()
        done.append(True)

    _thread.start_new_thread(run, ())  # `threading` has a lock of its own
    end = time.monotonic() + _GRACE_SECONDS
    while not done and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def exit_now(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once and quietly, with the exit status a shell gives: 128 and the signal's number.

    An exception would not do it: Python drops those raised in callbacks, and goes on.
    """
    ignore()
    run_bounded(_flush)
    os._exit(128 + number)


def _flush() -> None:
    sys.stdout.flush()  # looked up here: there may be none yet
