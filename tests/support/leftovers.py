"""Ends processes that tests left running, and lists them.

A process belongs to a test if it descends from the process that runs the tests, or if its working
folder, root or command line is in the folder that pytest gave them. The latter finds daemons, and
processes of a worker that hung and was ended.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def end_leftovers(folder: Path | None) -> list[str]:
    """End processes that still run. Return a line for each: pid, command line, the test.

    folder  full path of the folder that pytest gave to the tests, or None
    """
    found: dict[int, str] = {}
    while fresh := set(_of_tests(folder)) - found.keys():  # a process may start others meanwhile
        for pid in fresh:
            found[pid] = _words_of(pid)
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    for pid in found:
        with suppress(ChildProcessError):  # a child of another process
            os.waitpid(pid, 0)
    return [line for _, line in sorted(found.items())]


def _of_tests(folder: Path | None) -> Iterator[int]:
    known = {
        int(name): _parent_and_terminal(name) for name in os.listdir("/proc") if name.isdigit()
    }
    own = os.getpid()
    terminals = {0, known[own][1]}  # a user's shell has another one
    for pid, (_, terminal) in known.items():
        if pid in _line(known, own):
            continue
        if own in _line(known, pid) or (
            folder is not None and terminal in terminals and _works_in(pid, str(folder))
        ):
            yield pid


def _parent_and_terminal(pid: str) -> tuple[int, int]:
    """Pid of the parent and number of the terminal; zeros for an ended process or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0, 0
    return (0, 0) if fields[0] == "Z" else (int(fields[1]), int(fields[4]))


def _line(known: dict[int, tuple[int, int]], pid: int) -> Iterator[int]:
    """A process and all its ancestors."""
    while pid:
        yield pid
        pid = known.get(pid, (0, 0))[0]


def _works_in(pid: int, folder: str) -> bool:
    with suppress(OSError):
        places = [os.readlink(f"/proc/{pid}/{name}") for name in ("cwd", "root")]
        words = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
        return any(f"{place}/".startswith(f"{folder}/") for place in places) or folder in words
    return False


def _words_of(pid: int) -> str:
    line, test = "", ""
    with suppress(OSError):
        line = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ").strip()
        for word in os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes()).split("\0"):
            if word.startswith("PYTEST_CURRENT_TEST="):
                test = word.partition("=")[2].partition(" (")[0]
    return f"{pid}: {line or '?'}" + (f" (since {test})" if test else "")
