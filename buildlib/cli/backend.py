"""doit's database, without a database.

doit keeps what it knows of finished tasks in a file of its own, written when a run ends; kill -9
loses it, and its rules miss changes. Freshness here is a question to the store, so nothing is kept.
"""

from __future__ import annotations

from typing import Any


class StoreBackend:
    """The database interface of doit 0.37, in memory."""

    desc = "keeps nothing: the store knows what is fresh"

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:
        self.name, self.codec = name, codec
        del module_name
        self._tasks: dict[str, dict[str, Any]] = {}

    def get(self, task_id: str, key: str) -> Any:
        """A value of a task, or None."""
        return self._tasks.get(task_id, {}).get(key)

    def set(self, task_id: str, key: str, value: Any) -> None:
        """Remember a value until the run ends."""
        self._tasks.setdefault(task_id, {})[key] = value

    def in_(self, task_id: str) -> bool:
        """Whether anything is known of a task."""
        return task_id in self._tasks

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        self._tasks.pop(task_id, None)

    def remove_all(self) -> None:
        """Forget all tasks."""
        self._tasks.clear()

    def dump(self) -> None:
        """There is nothing to write."""
