"""What a piece of work takes: seconds of a processor and memory, in a process of its own."""

from __future__ import annotations

import os
import pickle
import resource
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from buildlib.model.errors import GoldmasterError


@dataclass(frozen=True)
class Spent:
    """seconds of the processor, megabytes above what the process had before, and how it ended.

    refused  what and why of a GoldmasterError or ValueError; empty where it went well
    """

    seconds: float
    megabytes: float
    refused: str


def spent(work: Callable[[], object]) -> Spent:
    """What `work` takes. Any other error of it is an AssertionError here, with its traceback."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _child(work, writer)
    os.close(writer)
    with open(reader, "rb") as file:
        data = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"it ended with status {status}"
    found = pickle.loads(data)
    assert isinstance(found, Spent), found
    return found


def _child(work: Callable[[], object], writer: int) -> None:
    status = 1
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, used, refused = peak(), _seconds(), ""
        try:
            work()
        except (GoldmasterError, ValueError) as error:
            refused = " ".join(error.lines() if isinstance(error, GoldmasterError)
                               else [str(error)])
        answer: object = Spent(_seconds() - used, peak() - before, refused)
        status = 0
    except BaseException:  # noqa: BLE001  it is told on the other side
        answer, status = traceback.format_exc(), 0
    with open(writer, "wb") as file:
        pickle.dump(answer, file)
    os._exit(status)


def _seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak() -> float:
    """The most memory that this process has had since its peak was set back, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")
