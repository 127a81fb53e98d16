"""CPU time and memory of a piece of work, measured in a separate process."""

from __future__ import annotations

import ctypes
import gc
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
    """CPU seconds, additional megabytes of memory, and how the work ended.

    refused  what and why of a GoldmasterError or ValueError; empty if it succeeded
    """

    seconds: float
    megabytes: float
    refused: str


def spent(work: Callable[[], object]) -> Spent:
    """The cost of `work`. Any other error of it becomes an AssertionError with its traceback."""
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
        release()
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before, used, refused = peak(), _seconds(), ""
        try:
            work()
        except (GoldmasterError, ValueError) as error:
            refused = " ".join(
                error.lines() if isinstance(error, GoldmasterError) else [str(error)]
            )
        answer: object = Spent(_seconds() - used, peak() - before, refused)
        status = 0
    except BaseException:  # noqa: BLE001  it is reported by the parent
        answer, status = traceback.format_exc(), 0
    with open(writer, "wb") as file:
        pickle.dump(answer, file)
    os._exit(status)


def _seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def release() -> None:
    """Give back memory that is free, whose use again would not show in `peak`."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def peak() -> float:
    """Peak memory of this process since its last reset, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")
