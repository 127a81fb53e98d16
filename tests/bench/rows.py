"""The rows of the benchmarks: a figure and the one to reach."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import Run, middle, ratio


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    figure  in `unit`; `×` is ours by the other's, pair by pair
    wanted  what is to be reached: at most this, or at least where `at_least`; None: told only
    ours, other, theirs  what we took, beside what, and what that took
    """

    name: str
    figure: float
    wanted: float | None
    unit: str = "×"
    at_least: bool = False
    ours: str = ""
    other: str = ""
    theirs: str = ""

    @property
    def reached(self) -> bool:
        """Whether the figure is as it should be."""
        if self.wanted is None:
            return True
        return self.figure >= self.wanted if self.at_least else self.figure <= self.wanted

    def text(self) -> str:
        """The row of the table."""
        beside = f"{self.other} {self.theirs}"
        return (
            f"{'ok  ' if self.reached else 'MISS'} {self.name:<32} {self.ours:>12}   "
            f"{beside:<28} {self.told(self.figure):>10}   {self.limit()}"
        )

    def limit(self) -> str:
        """What is to be reached."""
        if self.wanted is None:
            return "told only"
        return f"{'≥' if self.at_least else '≤'} {self.told(self.wanted)}"

    def told(self, number: float) -> str:
        """A number as the row has them."""
        return (
            f"{number:,.2f} {self.unit}"
            if self.unit in {"×", "s", "ms"}
            else (f"{number:,.0f} {self.unit}")
        )


def beside(
    name: str,
    ours: Sequence[Run],
    others: Sequence[Run],
    *,
    other: str,
    wanted: float | None,
    what: str = "cpu",
) -> Row:
    """Our runs beside those of another tool: what they took, by the pair."""
    return Row(
        name,
        ratio(ours, others, what),
        wanted,
        ours=f"{middle(ours, what):.2f} s",
        other=other,
        theirs=f"{middle(others, what):.2f} s",
    )


def over(
    name: str, ours: Sequence[Run], others: Sequence[Run], *, other: str, wanted: float
) -> Row:
    """What our runs take over those of another tool: the median of pairs, in ms of CPU."""
    return Row(
        name,
        1000 * statistics.median(a.cpu - b.cpu for a, b in zip(ours, others, strict=True)),
        wanted,
        "ms",
        ours=f"{1000 * middle(ours, 'cpu'):.1f} ms",
        other=other,
        theirs=f"{1000 * middle(others, 'cpu'):.1f} ms",
    )


def peak(name: str, runs: Iterable[Run], *, wanted: float) -> Row:
    """The most memory that a run took."""
    return alone(name, max(run.memory for run in runs), unit="MiB", wanted=wanted)


def alone(name: str, figure: float, *, unit: str, wanted: float) -> Row:
    """A figure beside nothing but its limit."""
    return Row(name, figure, wanted, unit)


def remember(path: Path, group: str, rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Keep the rows of a group in a file beside those of others that it has; all of them."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known[group] = [asdict(row) for row in rows]
    path.write_text(json.dumps(known, indent=1))
    return {name: [Row(**row) for row in kept] for name, kept in known.items()}
