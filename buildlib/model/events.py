"""Events that a run reports as it proceeds: plain values for a terminal, a log or a program.

The consumer is passed in as a `Sink`; nothing below the front end writes to a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["built", "restored", "up to date", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class Started:
    """Stage `stage` starts because of `reasons` (root cause first)."""

    stage: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Stage `stage` has done `done` of `total` (0: unknown) `unit`; it is working on `what`."""

    stage: str
    done: int
    total: int
    unit: Literal["bytes", "files", "lines", "seconds"]
    what: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """Stage `stage` ended with `outcome`, after `seconds`, with `size` bytes of output."""

    stage: str
    outcome: Outcome
    seconds: float = 0.0
    size: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of information for the user."""

    text: str
    stage: str = ""


Event: TypeAlias = Started | Progress | Finished | Note
Sink: TypeAlias = Callable[[Event], None]


def silent(_event: Event) -> None:
    """A sink that discards all events."""
