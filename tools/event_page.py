"""docs/reference/events.md: python tools/event_page.py

Events, their fields and types come from `buildlib.model.events`; the example lines are written by
the display that a run uses.
"""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from buildlib.cli.terminal import JsonLines
from buildlib.model.errors import ConfigError, ToolError
from buildlib.model.events import Event, Finished, Note, Progress, Started
from tools.dataclass_docs import REFERENCE

AnyError: TypeAlias = ConfigError | ToolError

PAGE = REFERENCE / "events.md"
HEAD = """# Events of `progress=json`

With the setting `progress=json`, a run writes each event as a line of JSON to standard output:

    goldmaster iso progress=json

So do `goldmaster burn-check` and `goldmaster reproduce`. This page is generated from the code by
`tools/event_page.py`.

- Every line is one object. `event` names its kind, and all fields of that kind are present.
- Stages run in parallel, so their events are interleaved. `stage` identifies the stage.
- A stage that runs has `started`, any number of `progress` and `note`, then `finished`. A result
  taken from the store, and files that appear in `dist`, have `finished` alone. A stage or product
  that is up to date has no events, so a run with nothing to do writes nothing.
- A stage that fails has `finished` with the outcome `failed`, and an `error` follows. A run ended
  by a signal has no event for that.
- Lines that do not begin with `{` are not events. The tables of `verify` and `reproduce` are such
  lines, and so is the output of your own tasks in dodo.py.
- Errors before the first task, such as a wrong setting or recipe, go to standard error as text
  with exit status 3 ([commands.md](commands.md#exit-statuses)). So do errors of commands other
  than `run`.
- Passwords in URLs are removed. Programs should ignore fields and events that they do not know.
"""
EXAMPLES: Mapping[str, Event] = {
    "started": Started(
        "kernel:XEN3_DOM0_CD",
        ("file kernel-configs/XEN3_DOM0_CD changed: 29c96c689174 → 2909543bdb13",),
    ),
    "progress": Progress("kernel:XEN3_DOM0_CD", 512, 2048, "files", "kern_exec.c"),
    "finished": Finished("kernel:XEN3_DOM0_CD", "built", 183.2, 14680064),
    "note": Note("SHA512 is not signed: to sign it, name a key (key=FILE)", "package-repo"),
}
MEANINGS: Mapping[tuple[str, str], str] = {
    ("started", "stage"): "the stage or task",
    ("started", "reasons"): "why it runs, root causes first, as `goldmaster why` reports them",
    ("progress", "stage"): "the stage or task",
    ("progress", "done"): "how much is done",
    ("progress", "total"): "how much there is to do; 0: unknown",
    ("progress", "unit"): "what is counted",
    ("progress", "what"): "what is being done now: a file, a line of a console, a stage of the "
    "second build",
    ("finished", "stage"): "the stage, task or product",
    ("finished", "outcome"): "how it ended; `restored` is a result taken from the store",
    ("finished", "seconds"): "how long it took",
    ("finished", "size"): "bytes of output; 0: none, or not counted",
    ("finished", "detail"): "more about it: the folder of a product, why a boot failed",
    ("note", "text"): "a line for people",
    ("note", "stage"): "the stage or task it is about; empty: the run",
}
# Type and meaning of the fields of an error.
ERROR: Mapping[str, tuple[str, str]] = {
    "stage": ("string", "the task that failed; empty: none"),
    "reason": ("string", "a short stable word for programs; sentences may change"),
    "what": ("string", "what happened, on one line"),
    "where": ("string or null", "file and key, URL, archive member or stage"),
    "why": ("string or null", "the underlying reason; may have several lines"),
    "hint": ("string or null", "what to do"),
    "log": ("string or null", "path of the log of the tool that failed"),
    "problems": ("list of strings", "all problems of a configuration, one each"),
    "tail": ("list of strings", "last lines of the log"),
    "command": ("string or null", "a command that runs the failed tool again"),
}
ERRORS: tuple[AnyError, ...] = (
    ToolError(
        "build.sh kernel=XEN3_DOM0_CD failed",
        where="stage kernel:XEN3_DOM0_CD",
        why="kern_exec.c:42: error: unknown type name",
        reason="tool-failed",
        log=Path("build/log/kernel.XEN3_DOM0_CD.log"),
        tail=("*** Error code 1",),
        command="cd build/work/kernel && ./build.sh kernel=XEN3_DOM0_CD",
    ),
    ConfigError(
        "these media cannot be booted",
        why="known: cd",
        reason="boot-media",
        problems=("media: the image is not made for usb: boot.stick in recipes/dom0.toml",),
    ),
)
_NAMES = {str: "string", int: "integer", float: "number"}


def page() -> str:
    """The whole page."""
    return "\n".join(
        [HEAD, *(part for kind in typing.get_args(Event) for part in _event(kind)), *_error()]
    )


def lines_of(*things: Event | AnyError, stage: str = "") -> list[str]:
    """The lines that a run writes for these events and errors."""
    stream = io.StringIO()
    display = JsonLines(stream)
    for thing in things:
        if isinstance(thing, Exception):
            display.error(thing, stage)
        else:
            display.event(thing)
    return stream.getvalue().splitlines()


def _event(kind: Any) -> Iterator[str]:
    name = kind.__name__.lower()
    hints = typing.get_type_hints(kind)
    yield f"## {name}\n"
    yield f"{inspect.cleandoc(kind.__doc__)}\n"
    yield (
        "\n".join(
            [
                "| field | type | without a value | meaning |",
                "|---|---|---|---|",
                *(
                    f"| `{field.name}` | {_type(hints[field.name])} | {_default(field)} | "
                    f"{MEANINGS[name, field.name]} |"
                    for field in dataclasses.fields(kind)
                ),
            ]
        )
        + "\n"
    )
    yield _code(lines_of(EXAMPLES[name]))


def _error() -> Iterator[str]:
    yield "## error\n"
    yield "A task failed, or the run could not start. Tasks that already run are completed.\n"
    yield (
        "\n".join(
            [
                "| field | type | meaning |",
                "|---|---|---|",
                *(f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in ERROR.items()),
            ]
        )
        + "\n"
    )
    yield _code(
        [*lines_of(ERRORS[0], stage="kernel:XEN3_DOM0_CD"), *lines_of(ERRORS[1], stage="boot-test")]
    )


def _type(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"list of {_NAMES[typing.get_args(hint)[0]]}s"
    return _NAMES[hint]


def _default(field: dataclasses.Field[Any]) -> str:
    return "–" if field.default is dataclasses.MISSING else f"`{json.dumps(field.default)}`"


def _code(lines: list[str]) -> str:
    return "\n".join(["```json", *lines, "```\n"])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
