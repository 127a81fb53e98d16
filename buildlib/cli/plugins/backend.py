"""doit's records of tasks that are not ours.

The store decides whether stages and products are up to date. An ordinary task of the same dodo.py
has `file_dep`, `targets` and `uptodate`, which doit compares with its records of the last run.
Their file is written atomically. If it is damaged, it is ignored, so these tasks run once more.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from buildlib.model import json_text

_LARGEST = 64 << 20  # bytes


class Backend:
    """doit 0.37's database interface, with one JSON file."""

    desc = "one JSON file beside the store"

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        del module_name
        self.name, self.codec = name, codec
        self._tasks: dict[str, dict[str, Any]] = _read(Path(name))
        self._changed = False

    def get(self, task_id: str, key: str) -> Any:
        """A value of a task, or None."""
        return self._tasks.get(task_id, {}).get(key)

    def set(self, task_id: str, key: str, value: Any) -> None:
        """Record a value."""
        values = self._tasks.setdefault(task_id, {})
        plain = json_text.loads(self.codec.encode(value).encode(), most=_LARGEST)
        if key not in values or values[key] != plain:
            values[key] = plain
            self._changed = True

    def in_(self, task_id: str) -> bool:
        """Whether a task has records."""
        return task_id in self._tasks

    def remove(self, task_id: str) -> None:
        """Remove a task's records."""
        self._changed |= self._tasks.pop(task_id, None) is not None

    def remove_all(self) -> None:
        """Remove all records."""
        self._changed |= bool(self._tasks)
        self._tasks.clear()

    def dump(self) -> None:
        """Write the file if something changed; failures are ignored, since it only saves time."""
        if not self._changed:
            return
        from buildlib.host.atomic_files import write_file

        with contextlib.suppress(OSError):
            Path(self.name).parent.mkdir(parents=True, exist_ok=True)
            write_file(self.name, json.dumps(self._tasks, sort_keys=True).encode())
        self._changed = False


class ContentChecker:
    """Checks whether a `file_dep` has changed since the task last ran; doit 0.37's interface.

    doit's own checker takes a file with the same time for unchanged. All files of the store, and so
    of products, have the same time, so inode and change time are compared, too.
    """

    CheckerError = OSError

    def exists(self, path: str) -> bool:
        """Whether a target exists."""
        return os.path.exists(path)

    def info(self, path: str) -> os.stat_result:
        """The file's status, which doit passes to `check_modified`."""
        return os.stat(path)

    def check_modified(self, path: str, status: os.stat_result, state: list[Any]) -> bool:
        """Whether the content differs from that in `state`."""
        mark, digest = state
        return bool(
            _mark(status) != mark and (status.st_size != mark[-1] or _digest(path) != digest)
        )

    def get_state(self, path: str, state: list[Any] | None) -> list[Any] | None:
        """The state to record for a file; None if `state` is up to date."""
        mark = _mark(os.stat(path))
        return None if state and state[0] == mark else [mark, _digest(path)]


def _mark(status: os.stat_result) -> list[int]:
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size]


def _digest(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, dict[str, Any]]:
    from buildlib.host.reading import read_small

    try:
        found = json_text.loads(read_small(path), most=_LARGEST)
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(item, dict) for item in found.values()):
        return {}
    return found
