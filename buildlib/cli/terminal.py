"""Shows the progress of a run to people or programs.

    live   a line for each running stage, results above them (needs a terminal)
    plain  a line for each result
    json   a line of JSON for each event
    quiet  errors only

Nothing is printed for what was up to date, so a run with nothing to do is silent.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol, TextIO

from buildlib.host.environment import caller_environment, can_move_lines
from buildlib.model.errors import GoldmasterError, printable
from buildlib.model.events import Event, Finished, Note, Progress, Started
from buildlib.model.urls import without_passwords

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_MARKS = {
    "built": "built",
    "restored": "restored",
    "up to date": "current",
    "passed": "passed",
    "failed": "FAILED",
}
_NARROW = 20  # columns; on a narrower terminal lines wrap


class Display(Protocol):
    """Shows events and errors. Events come from several threads."""

    def event(self, event: Event) -> None:
        """Show one event."""

    def error(self, error: GoldmasterError, stage: str = "") -> None:
        """Show one error."""

    def close(self) -> None:
        """End the display."""


def make_display(progress: str, stream: TextIO) -> Display:
    """The display for the setting `progress`.

    `auto` is live on a terminal with cursor movement, plain otherwise.
    """
    if progress == "json":
        return JsonLines(stream)
    if progress == "quiet":
        return Plain(stream, quiet=True)
    if progress == "live" or (progress == "auto" and stream.isatty() and can_move_lines()):
        return Live(stream)
    return Plain(stream)


def size_text(size: float) -> str:
    """A number of bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def result_line(event: Finished, reason: str, width: int) -> str:
    """One result: outcome, stage, time, size and reason, in at most `width` columns."""
    took = f"{event.seconds:.1f} s" if event.seconds >= 0.05 else ""
    size = size_text(event.size) if event.size else ""
    line = f"{_MARKS[event.outcome]:<8} {event.stage:<34} {took:>8} {size:>9}"
    tail = event.detail or reason
    line = printable(f"{line}  {tail}" if tail else line)
    return _cut(line.rstrip(), width)


class Plain:
    """Prints a line for each result."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        """Print results and notes."""
        if isinstance(event, Started):
            self._reasons[event.stage] = event.reasons[0] if event.reasons else ""
        elif isinstance(event, Finished) and not self._quiet and event.outcome != "up to date":
            reason = self._reasons.get(event.stage, "")
            reason = reason if event.outcome == "built" else ""
            self._write(result_line(event, reason, _width(self._stream)))
        elif isinstance(event, Note) and not self._quiet:
            self._write(f"{event.stage}: {event.text}" if event.stage else event.text)

    def error(self, error: GoldmasterError, stage: str = "") -> None:
        """Print the error to standard error."""
        self._stream.flush()
        with self._lock:
            print_error(error, stage)

    def close(self) -> None:
        """Flush the output."""
        self._stream.flush()

    def _write(self, line: str) -> None:
        with self._lock:
            self._stream.write(printable(line) + "\n")
            self._stream.flush()


class JsonLines:
    """Prints a line of JSON for each event: its name and its fields."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        """Write one line."""
        self._line({"event": type(event).__name__.lower(), **asdict(event)})

    def error(self, error: GoldmasterError, stage: str = "") -> None:
        """Write the error with all its parts."""
        self._line(
            {
                "event": "error",
                "stage": stage,
                "reason": error.reason,
                "what": error.what,
                "where": error.where,
                "why": error.why,
                "hint": error.hint,
                "log": str(error.log) if error.log else None,
                "problems": getattr(error, "problems", ()),
                "tail": getattr(error, "tail", ()),
                "command": getattr(error, "command", None),
            }
        )

    def close(self) -> None:
        """Flush the output."""
        self._stream.flush()

    def _line(self, data: dict[str, object]) -> None:
        with self._lock:
            self._stream.write(without_passwords(json.dumps(data)) + "\n")
            self._stream.flush()


class Live:
    """Shows a live line for each running stage. rich is imported when the first stage starts."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: RichProgress | None = None
        self._rows: dict[str, TaskID] = {}
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def event(self, event: Event) -> None:
        """Start, update or end the stage's line."""
        with self._lock:
            if isinstance(event, Started):
                self._start(event)
            elif isinstance(event, Progress):
                self._move(event)
            elif isinstance(event, Finished):
                self._end(event)
            else:
                self._print(f"{event.stage}: {event.text}" if event.stage else event.text)

    def error(self, error: GoldmasterError, stage: str = "") -> None:
        """Remove the live lines, then print the error."""
        self.close()
        print_error(error, stage)

    def close(self) -> None:
        """Remove the live lines."""
        with self._lock:
            if self._bars is not None:
                self._bars.stop()
                self._bars = None
                self._rows.clear()

    def _start(self, event: Started) -> None:
        self._reasons[event.stage] = event.reasons[0] if event.reasons else ""
        if self._bars is None:
            from rich import progress
            from rich.console import Console

            width, height = _given_size()
            self._bars = progress.Progress(
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}"),
                progress.BarColumn(20),
                progress.TextColumn("{task.fields[state]}"),
                progress.TimeElapsedColumn(),
                console=Console(file=self._stream, width=width, height=height),
                transient=True,
            )
            self._bars.start()
        self._rows[event.stage] = self._bars.add_task(event.stage, total=None, state="")

    def _move(self, event: Progress) -> None:
        if self._bars is None or event.stage not in self._rows:
            return
        row = self._rows[event.stage]
        if event.unit == "bytes":
            elapsed = self._bars.tasks[self._bars.task_ids.index(row)].elapsed or 0
            rate = f" {size_text(event.done / elapsed)}/s" if elapsed > 0.5 else ""
            state = f"{size_text(event.done)}{rate} {event.what}"
        else:
            of = f" of {event.total}" if event.total else ""
            state = f"{event.done}{of} {event.unit} {event.what}"
        self._bars.update(
            row, completed=event.done, total=event.total or None, state=state[:40].rstrip()
        )

    def _end(self, event: Finished) -> None:
        row = self._rows.pop(event.stage, None)
        if self._bars is not None and row is not None:
            self._bars.remove_task(row)
        if event.outcome != "up to date":
            reason = self._reasons.get(event.stage, "") if event.outcome == "built" else ""
            self._print(result_line(event, reason, _width(self._stream)))

    def _print(self, line: str) -> None:
        line = printable(line)
        if self._bars is not None:
            self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            self._stream.write(line + "\n")


def print_error(error: GoldmasterError, stage: str = "") -> None:
    """Print an error on standard error, never with a traceback."""
    head, *rest = error.lines()
    print(f"ERROR: {head}", *rest, sep="\n", file=sys.stderr)
    if stage and error.where is None:
        print(f"  where: stage {stage}", file=sys.stderr)


def print_table(rows: list[tuple[str, ...]], *, stream: TextIO | None = None) -> None:
    """Print rows in columns; the last column is cut at the terminal's edge."""
    out = stream or sys.stdout
    if not rows:
        return
    width = _width(out)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(columns) for cell, columns in zip(row, widths, strict=False)]
        print(_cut(printable("  ".join([*cells, row[-1]]).rstrip()), width), file=out)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"


def _width(stream: TextIO) -> int:
    """Columns of the terminal, unlimited if it is not one; at least `_NARROW`."""
    if not stream.isatty():
        return sys.maxsize
    return max(_NARROW, shutil.get_terminal_size((120, 24)).columns)


def _given_size() -> tuple[int, int] | tuple[None, None]:
    """COLUMNS and LINES, checked, for rich, which does not check them."""
    if not caller_environment("COLUMNS", "LINES"):
        return None, None
    columns, lines = shutil.get_terminal_size((120, 24))
    return max(_NARROW, columns), max(1, lines)
