"""What holds for every test: its marks, its name, what it starts, signals, and its end.

A test's name must be the same in every process that collects it: workers compare their lists. So
no name is made from bytes, from a text that is long or has characters that cannot be printed, or
from an object: such a parameter is named by its argument and its place. Where that tells too
little, name it: `pytest.param(…, id="short words")`.
"""

from __future__ import annotations

import enum
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.leftovers import end_leftovers

_HERE = Path(__file__).parent
# Folders whose tests run compilers or whole builds.
_PIPELINE = ("faults", "mini", "pipeline")
_LONG = 60  # characters of one parameter
# What `make unit` promises: it takes seconds and needs nothing but Python.
_QUICK_SECONDS = 2.0  # of CPU, for one test; ten times what most of the slower ones take
_STARTS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.system", "os.exec")
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


_started: list[str] = []


def _note_start(event: str, arguments: tuple[object, ...]) -> None:
    if event in _STARTS:
        _started.append(f"{event} {arguments[0]}" if arguments else event)


sys.addaudithook(_note_start)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test in `unit` that starts a program or takes long says so by its mark."""
    _started.clear()
    begin = time.process_time()
    yield
    if item.path.relative_to(_HERE).parts[0] != "unit":
        return
    marks = {mark.name for mark in item.iter_markers()}
    if _started and "programs" not in marks:
        pytest.fail(f"it starts a program: mark it `programs`: {_started[0]}", pytrace=False)
    seconds = time.process_time() - begin
    if seconds > _QUICK_SECONDS and not marks & {"programs", "thorough"}:
        pytest.fail(f"it takes {seconds:.1f} s of CPU: mark it `thorough`", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """No test leaves a process running. One that does is an error of the last test of its file:
    until then a fixture may need it.
    """
    try:
        return (yield)
    finally:
        is_last = nextitem is None or nextitem.path != item.path
        if is_last and (left := end_leftovers(_given_folder(item.config))):
            pytest.fail("\n".join(["left running, and ended now:", *left]), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Nor do tests that were interrupted, or whose worker hung and was ended."""
    try:
        return (yield)
    finally:
        end_leftovers(_given_folder(session.config))


def _given_folder(config: pytest.Config) -> Path | None:
    """What pytest gives to the tests that run here, or in its workers; None: nothing so far."""
    folder = getattr(getattr(config, "_tmp_path_factory", None), "_basetemp", None)
    return None if folder is None else Path(folder).resolve()
