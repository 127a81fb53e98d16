"""The benchmarks as one picture: how much of each limit is used up.

Every row is a bar on one scale, on which 1 is the figure to reach: what is shorter is better. So
ratios, seconds and memory can be looked at together; the figures stand beside the bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from rows import Row

_WIDTH, _ROW, _TOP = 920, 24, 78
_BAR_AT, _BAR_WIDTH = 260, 330  # of which two thirds are the limit
_LIMIT = _BAR_WIDTH * 2 / 3
_BAR = 12
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.told { fill: #59636e; }
.track { fill: #eff1f3; }
.good { fill: #2a7f9e; }
.miss { fill: #c4432b; }
.limit { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e8ea; }
  .told { fill: #9aa4ad; }
  .track { fill: #2b3138; }
  .good { fill: #57b3d4; }
  .miss { fill: #ec7a63; }
  .limit { stroke: #e6e8ea; }
}"""


def draw(groups: Mapping[str, Sequence[Row]]) -> str:
    """An SVG of all rows that have something to reach, in their order."""
    rows = [row for group in groups.values() for row in group if row.wanted is not None]
    height = _TOP + _ROW * len(rows) + 12
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Benchmarks">'
        ),
        f"<style>\n{_STYLE}\n</style>",
        _text(16, 26, "How much of each limit is used up", "title"),
        _text(
            16, 46, "make bench; × is our CPU time by the other tool's, measured in turns", "told"
        ),
        *(line for number, row in enumerate(rows) for line in _bar(row, _TOP + _ROW * number)),
        (
            f'<line class="limit" x1="{_BAR_AT + _LIMIT:.0f}" x2="{_BAR_AT + _LIMIT:.0f}" '
            f'y1="{_TOP - 6}" y2="{height - 8}"/>'
        ),
        _text(_BAR_AT + _LIMIT, _TOP - 10, "limit", "told", 'text-anchor="middle"'),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def used(row: Row) -> float:
    """The part of its limit that a row uses up: 1 is just reached, less is better."""
    assert row.wanted is not None
    if row.at_least:
        return row.wanted / row.figure if row.figure else 2
    return row.figure / row.wanted if row.wanted else float(row.figure > 0) * 2


def _bar(row: Row, top: float) -> list[str]:
    """Name, bar and figures of a row. A bar that is longer than the scale ends with it."""
    length = min(used(row) * _LIMIT, _BAR_WIDTH)
    at = top + (_ROW - _BAR) / 2
    middle = top + _ROW / 2 + 4
    return [
        _text(16, middle, row.name),
        _rect(at, _BAR_WIDTH, "track"),
        _rect(at, max(length, 2), "good" if row.reached else "miss"),
        _text(_BAR_AT + _BAR_WIDTH + 14, middle, row.told(row.figure)),
        _text(_BAR_AT + _BAR_WIDTH + 104, middle, row.limit(), "told"),
        _text(_BAR_AT + _BAR_WIDTH + 194, middle, row.other, "told"),
    ]


def _rect(top: float, width: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{_BAR_AT}" y="{top:.0f}" width="{width:.0f}" '
        f'height="{_BAR}" rx="2"/>'
    )


def _text(x: float, y: float, text: str, kind: str = "", more: str = "") -> str:
    words = "".join(f" {word}" for word in (f'class="{kind}"' if kind else "", more) if word)
    return f'<text x="{x:.0f}" y="{y:.0f}"{words}>{escape(text)}</text>'
