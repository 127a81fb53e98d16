"""Loaded before a run's own modules: journals what the run has on the disk, and cuts the power.

CUT_JOURNAL  the journal; CUT_GRAVES: a folder for files that lose their name
CUT_BOOT     the boot id of the run; CUT_AT: the step before which the power is cut
"""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
from collections.abc import Callable
from typing import Any

_JOURNAL, _GRAVES = os.environ.get("CUT_JOURNAL", ""), os.environ.get("CUT_GRAVES", "")
_REAL = {name: getattr(os, name) for name in ("fsync", "link", "mkdir", "rename", "unlink")}
_LOCK = threading.RLock()
_steps = 0


def _step(**event: object) -> None:
    """Count a step and journal it, unless the power is cut."""
    global _steps  # noqa: PLW0603  one process, one journal
    _steps += 1
    if _steps == int(os.environ["CUT_AT"]):
        os.kill(os.getpid(), signal.SIGKILL)
    with open(_JOURNAL, "a", encoding="utf-8") as journal:
        journal.write(json.dumps(event) + "\n")


def _grave(path: str) -> str:
    """A second name for a file that loses its name, so that a cut can restore it."""
    grave = f"{_GRAVES}/{os.getpid()}-{_steps}"
    try:
        if stat.S_ISREG(os.lstat(path).st_mode):
            _REAL["link"](path, grave)
            return grave
    except OSError:
        pass
    return ""


def _watched(name: str, note: Callable[..., dict[str, object]]) -> None:
    def call(*words: Any, **named: Any) -> Any:
        if named.get("dir_fd") is not None:
            return _REAL[name](*words, **named)
        with _LOCK:
            _step(do=name, **note(*words))
            return _REAL[name](*words, **named)

    setattr(os, name, call)


def _fsync(descriptor: Any) -> dict[str, object]:
    status = os.fstat(descriptor)
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    return {"inode": status.st_ino, "folder": path if stat.S_ISDIR(status.st_mode) else ""}


def _sync_file_system(real: Callable[..., None]) -> Callable[..., None]:
    def call(path: Any) -> None:
        with _LOCK:
            real(path)
            found = []
            for top in ("build", "dist"):
                for folder, _, names in os.walk(top):
                    found += [os.lstat(f"{folder}/{name}").st_ino for name in names]
            _step(do="syncfs", inodes=found)

    return call


def _full(path: Any) -> str:
    return os.path.abspath(os.fsdecode(path))


if _JOURNAL:
    from buildlib.host import atomic_files, environment

    environment.boot_id = lambda: os.environ["CUT_BOOT"]
    atomic_files.sync_file_system = _sync_file_system(atomic_files.sync_file_system)
    _watched("fsync", _fsync)
    _watched("mkdir", lambda path, *_mode: {"path": _full(path)})
    _watched("unlink", lambda path: {"path": _full(path), "grave": _grave(path)})
    _watched("link", lambda _source, path: {"path": _full(path)})
    _watched(
        "rename",
        lambda source, path: {"source": _full(source), "path": _full(path), "grave": _grave(path)},
    )
