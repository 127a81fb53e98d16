"""doit's reporter: holds the store's lock while a run lasts, and ends it well on signals."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from buildlib.front.session import Session
from buildlib.front.terminal import Display
from buildlib.store.events import Note
from buildlib.words.errors import GoldmasterError, Interrupted


class Reporter:
    """The reporter interface of doit 0.37.

    `failed` holds the error of each task that failed, by task name; actions put them there.
    """

    desc = "one line a result, silent when nothing was to do"

    def __init__(self, session: Session, display: Display, failed: dict[str, Exception]) -> None:
        self._session = session
        self._display = display
        self._failed = failed
        self._signals: dict[int, Any] = {}

    def initialize(self, tasks: object, selected: object) -> None:
        """The run begins: from here on nobody else writes to the store."""
        del tasks, selected
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._signals[number] = signal.signal(number, self._stop)
        store = self._session.store
        store.lock.acquire(waiting=lambda text: self._display.event(Note(text)))
        store.blobs.clear_tmp()

    def _stop(self, number: int, _frame: FrameType | None) -> NoReturn:
        """A signal ends the run: first every tool, then doit."""
        signal.signal(number, signal.SIG_IGN)
        self._session.store.runner.stop()
        raise SystemExit(128 + number)

    def complete_run(self) -> None:
        """The run has ended, one way or another."""
        self._session.store.seen.save()
        self._session.store.lock.release()
        self._display.close()
        for number, handler in self._signals.items():
            signal.signal(number, handler)

    def add_failure(self, task: Any, fail: Any) -> None:
        """Show the error behind a failed task; tasks that only needed it are not shown."""
        error = self._failed.pop(task.name, None)
        if isinstance(error, Interrupted):
            return
        if isinstance(error, GoldmasterError):
            self._display.error(error, task.name)
        elif error is not None:
            self._display.error(self._bug(error), task.name)
        elif fail.report and fail.get_name() != "UnmetDependency":
            self._display.error(GoldmasterError(fail.get_msg()), task.name)

    def _bug(self, error: Exception) -> GoldmasterError:
        path = self._session.store.logs / "crash.log"
        path.write_text("".join(traceback.format_exception(error)))
        return GoldmasterError(
            f"internal error: {type(error).__name__}: {error}",
            hint="this is a bug of goldmaster; the log helps to mend it", log=path, reason="bug",
        )

    def runtime_error(self, message: str) -> None:
        """doit found something wrong with the tasks themselves."""
        self._display.error(GoldmasterError(message))

    def cleanup_error(self, error: Any) -> None:
        """doit could not tear a task down."""
        self._display.error(GoldmasterError(error.get_msg()))

    def get_status(self, task: object) -> None:
        """Nothing to tell: stages tell of themselves."""

    execute_task = add_success = skip_uptodate = skip_ignore = teardown_task = get_status


def guarded(
    name: str, failed: dict[str, Exception], work: Callable[[], None]
) -> Callable[[], bool]:
    """An action for doit: False where `work` raises; the error waits for the reporter."""

    def action() -> bool:
        try:
            work()
        except Exception as error:  # noqa: BLE001  doit would show a traceback of its own
            failed[name] = error
            return False
        return True

    return action
