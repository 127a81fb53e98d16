"""Output that nobody reads any more: `doit iso | head -1`, a terminal that was closed.

A build goes on without it, in silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from buildlib.front.terminal import Display
    from buildlib.store.events import Event
    from buildlib.words.errors import GoldmasterError


class Lasting:
    """A display that outlives whoever looks at it."""

    def __init__(self, display: Display, stream: TextIO) -> None:
        self._display = display
        self._stream = stream

    def event(self, event: Event) -> None:
        """Show one event."""
        with heard_or_not(self._stream):
            self._display.event(event)

    def error(self, error: GoldmasterError, stage: str = "") -> None:
        """Show one error."""
        with heard_or_not(self._stream):
            self._display.error(error, stage)

    def close(self) -> None:
        """The run has ended."""
        with heard_or_not(self._stream):
            self._display.close()


@contextmanager
def heard_or_not(stream: TextIO) -> Iterator[None]:
    """Where writing to `stream` fails in the block, let it lead nowhere from then on."""
    try:
        yield
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
