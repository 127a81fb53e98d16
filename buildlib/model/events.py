"""What a run tells while it goes: plain values, for a terminal, a log or another program.

Whoever shows them is handed in as a `Sink`; nothing below the front end writes to a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["built", "restored", "up to date", "passed", "failed"]


@dataclass(frozen=True, slots=True)
class Started:
    """Stage `stage` begins to run, for `reasons` (root cause first)."""

    stage: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Stage `stage` has done `done` of `total` (0: unknown) `unit`; `what` it is at now."""

    stage: str
    done: int
    total: int
    unit: Literal["bytes", "files", "lines", "seconds"]
    what: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """Stage `stage` ended: how, after how many seconds, with how many bytes of output."""

    stage: str
    outcome: Outcome
    seconds: float = 0.0
    size: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A line for anyone who watches."""

    text: str
    stage: str = ""


Event: TypeAlias = Started | Progress | Finished | Note
Sink: TypeAlias = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The sink that shows nothing."""
