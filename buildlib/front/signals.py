"""What ends a run from outside: Ctrl-C, kill(1), a terminal that is closed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed(stop: Callable[[int, FrameType | None], NoReturn]) -> None:
    """Have `stop` called at a signal; one that the caller ignores (nohup) stays ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def ignore() -> None:
    """Further signals come to nothing: the run is ending already."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End quietly, with the exit status a shell gives: 128 and the signal's number."""
    ignore()
    raise SystemExit(128 + number)
