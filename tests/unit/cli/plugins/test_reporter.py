"""What doit reports, as our events and errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli.plugins.reporter import OURS, Reporter, guarded
from buildlib.model.errors import ConfigError, GoldmasterError, Interrupted
from buildlib.model.events import Event, Finished, Started


class Run:
    """A run that notes what it is told."""

    def __init__(self) -> None:
        self.failed: dict[str, Exception] = {}
        self.refused = False
        self.session = "session"
        self.events: list[Event] = []
        self.errors: list[tuple[str, str]] = []
        self.selected: set[str] = set()
        self.failures = self.ends = 0
        self.display = SimpleNamespace(event=self.events.append, error=self._error)

    def _error(self, error: GoldmasterError, stage: str = "") -> None:
        self.errors.append((error.what, stage))

    def select(self, names: Any) -> None:
        self.selected = set(names)

    def fail(self) -> None:
        self.failures += 1

    def end(self) -> None:
        self.ends += 1

    def shown(self, error: Exception, *, where: str) -> GoldmasterError:
        return GoldmasterError(f"{where}: {error}")


@pytest.fixture
def run() -> Any:
    return Run()


def task(name: str, *, meta: object = None, actions: tuple[str, ...] = ("act",)) -> Any:
    return SimpleNamespace(name=name, meta=meta, actions=actions)


def failure(kind: str, text: str = "it failed") -> Any:
    return SimpleNamespace(get_name=lambda: kind, get_msg=lambda: text)


def test_the_run_knows_all_tasks_that_are_needed(run: Any) -> None:
    needs = {"a": ["b", "c"], "b": ["c"], "c": [], "d": ["c"], "e": []}
    tasks = {name: SimpleNamespace(task_dep=found) for name, found in needs.items()}
    Reporter(run).initialize(tasks, ["a", "e"])
    assert run.selected == {"a", "b", "c", "e"}


def test_ordinary_tasks_have_a_start_and_an_end(run: Any) -> None:
    reporter = Reporter(run)
    reporter.execute_task(task("mine"))
    reporter.add_success(task("mine"))
    started, finished = run.events
    assert started == Started("mine")
    assert isinstance(finished, Finished)
    assert (finished.stage, finished.outcome) == ("mine", "built")
    assert 0 <= finished.seconds < 300


@pytest.mark.parametrize("one", [task("iso", meta=OURS), task("group", actions=())])
def test_stages_report_themselves(one: Any, run: Any) -> None:
    reporter = Reporter(run)
    reporter.execute_task(one)
    reporter.add_success(one)
    assert run.events == []


def test_a_failed_stage_shows_its_error(run: Any) -> None:
    run.failed["a"] = ConfigError("no")
    Reporter(run).add_failure(task("a"), failure("TaskFailed"))
    assert run.errors == [("task a: no", "a")]
    assert run.failed == {}
    assert run.failures == 1


def test_a_failed_ordinary_task_shows_doit_s_error(run: Any) -> None:
    Reporter(run).add_failure(task("a"), failure("TaskError"))
    assert run.errors == [("task a: it failed", "a")]


def test_what_depends_on_a_failed_task_is_silent(run: Any) -> None:
    Reporter(run).add_failure(task("a"), failure("UnmetDependency"))
    assert (run.errors, run.failures) == ([], 1)


def test_an_interrupted_task_is_silent(run: Any) -> None:
    run.failed["a"] = Interrupted("not started")
    Reporter(run).add_failure(task("a"), failure("TaskFailed"))
    assert (run.errors, run.failures) == ([], 1)


def test_problems_with_tasks_are_errors(run: Any) -> None:
    reporter = Reporter(run)
    reporter.runtime_error("a circle")
    reporter.cleanup_error(failure("", "teardown"))
    assert run.errors == [("a circle", ""), ("teardown", "")]
    assert run.failures == 2


def test_the_end_of_doit_ends_the_run(run: Any) -> None:
    reporter = Reporter(run)
    for name in ("get_status", "skip_uptodate", "skip_ignore", "teardown_task"):
        getattr(reporter, name)(task("a"))
    assert (run.events, run.errors, run.ends) == ([], [], 0)
    reporter.complete_run()
    assert run.ends == 1


def test_what_a_command_may_ask(run: Any) -> None:
    reporter = Reporter(run)
    assert reporter.session is run.session
    assert not reporter.refused
    run.refused = True
    assert reporter.refused


def test_an_action_keeps_its_error_for_the_reporter(run: Any) -> None:
    did: list[str] = []
    assert guarded("a", run, lambda: did.append("a"))() is True
    assert run.failed == {}
    error = ValueError("no")

    def broken() -> None:
        raise error

    assert guarded("a", run, broken)() is False
    assert (did, run.failed) == (["a"], {"a": error})
