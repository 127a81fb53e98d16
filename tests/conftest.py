"""What holds for every test: its marks, its name, and the signals of what it starts.

A test's name must be the same in every process that collects it: workers compare their lists. So
no name is made from bytes, from a text that is long or has characters that cannot be printed, or
from an object: such a parameter is named by its argument and its place. Where that tells too
little, name it: `pytest.param(…, id="short words")`.
"""

from __future__ import annotations

import enum
import re
import signal
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
# Folders whose tests run compilers or whole builds.
_PIPELINE = ("faults", "mini", "pipeline")
_LONG = 60  # characters of one parameter
_NAME = re.compile(r"[ -~]{1,200}")
_ESCAPED = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")  # pytest's, of other letters


def pytest_configure() -> None:
    """A signal that the caller ignores (a background job, nohup) is ignored here too, but by no
    process that a test starts: a handler ends with exec(2), SIG_IGN does not.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """The argument's name for what makes no name; pytest adds the place where it stands twice."""
    if isinstance(val, str):
        return None if _is_plain(val) else argname
    plain = val is None or isinstance(val, int | float | enum.Enum) or hasattr(val, "__name__")
    return None if plain else argname


def _is_plain(text: str) -> bool:
    return bool(len(text) <= _LONG and _NAME.fullmatch(text or " ")) and not _ESCAPED.search(text)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they are in. Refuse names that were given and are not plain."""
    wrong = []
    for item in items:
        if item.path.relative_to(_HERE).parts[0] in _PIPELINE:
            item.add_marker("pipeline")
        if not _NAME.fullmatch(item.name) or _ESCAPED.search(item.name):
            wrong.append(f"{item.nodeid}: a test's name is short and of printable ASCII")
    if wrong:
        raise pytest.UsageError(*wrong)
