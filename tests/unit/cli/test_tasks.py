"""The graph as doit tasks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli import signals, tasks
from buildlib.cli.plugins.backend import ContentChecker
from buildlib.cli.plugins.reporter import OURS, Reporter
from buildlib.cli.session import Check
from buildlib.cli.tasks import Tasks
from buildlib.model.errors import ConfigError, SourceError
from buildlib.model.events import Event

DESCRIBED = [
    ("fetch:", "fetch files", [], []),
    ("fetch:a", "fetch a", [], []),
    ("iso", "the CD", ["fetch:a"], ["dist/cd.iso"]),
    ("verify", "check", ["iso"], []),
]


class Session:
    """A session with a stage, a product and a check, which notes what is done."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.verdict = "up to date"
        self.error: Exception | None = None
        self.is_current = True
        self.products = {"iso": "the product"}
        self.settings = SimpleNamespace(workers=3)
        self.engine = SimpleNamespace(
            graph=SimpleNamespace(stages={"fetch:a": None}),
            build=lambda name: self.did.append(f"build {name}"),
            resolve=self._resolve,
        )
        self.publisher = SimpleNamespace(
            publish=lambda product: self.did.append(f"publish {product}"),
            is_current=lambda _product: self.is_current,
        )

    def _resolve(self, name: str) -> Any:
        self.did.append(f"resolve {name}")
        if self.error:
            raise self.error
        return SimpleNamespace(verdict=self.verdict)

    def tasks(self) -> Any:
        return DESCRIBED

    def stages_of(self, _name: str) -> list[str]:
        return ["fetch:a"]

    def checks(self) -> list[Check]:
        def run(_sink: Any) -> None:
            self.did.append("verify")

        return [Check("other", "", [], lambda _sink: None), Check("verify", "", [], run)]


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def made(tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    monkeypatch.setattr(signals, "install_handlers", lambda _stop: None)
    opened: Any = session
    found = Tasks(tmp_path, {}, opener=lambda *_any: opened, default=("iso",))
    monkeypatch.setattr(found._run, "begin", lambda: opened)
    return found


def of(made: Tasks, name: str) -> dict[str, Any]:
    """A task by its full name."""
    for task in made.tasks():
        sub = task.get("name")
        if (f"{task['basename']}:{sub}" if sub else task["basename"]) == name and "actions" in task:
            return task
    raise AssertionError(name)


def test_a_task_for_each_stage_product_and_check(made: Tasks) -> None:
    group, stage, product, check = made.tasks()
    assert group == {"basename": "fetch", "name": None, "doc": "fetch files"}
    assert (stage["basename"], stage["name"], stage["doc"]) == ("fetch", "a", "fetch a")
    assert (stage["meta"], stage["task_dep"]) == (OURS, [])
    assert "targets" not in stage
    assert "name" not in product
    assert (product["basename"], product["task_dep"]) == ("iso", ["fetch:a"])
    assert product["targets"] == ["dist/cd.iso"]
    assert check["basename"] == "verify"


@pytest.mark.parametrize(
    ("name", "did"),
    [("fetch:a", "build fetch:a"), ("iso", "publish the product"), ("verify", "verify")],
)
def test_an_action(name: str, did: str, made: Tasks, session: Session) -> None:
    (action,) = of(made, name)["actions"]
    assert action() is True
    assert session.did == [did]
    assert made._run.published == ({"iso"} if name == "iso" else set())


def is_current(made: Tasks, name: str) -> bool:
    (decide,) = of(made, name)["uptodate"]
    return bool(decide())


def test_a_stage_is_current_if_the_engine_says_so(made: Tasks, session: Session) -> None:
    assert is_current(made, "fetch:a")
    session.verdict = "restore"
    assert not is_current(made, "fetch:a")


def test_a_product_is_current_after_its_stages(made: Tasks, session: Session) -> None:
    assert is_current(made, "iso")
    assert session.did == ["resolve fetch:a"]
    assert made._run.published == {"iso"}


def test_a_product_that_differs_is_published(made: Tasks, session: Session) -> None:
    session.is_current = False
    assert not is_current(made, "iso")
    assert made._run.published == set()


def test_a_check_always_runs(made: Tasks) -> None:
    assert not is_current(made, "verify")


@pytest.mark.parametrize("error", [SourceError("no"), KeyError("x"), OSError("no")])
def test_an_error_is_left_to_the_action(error: Exception, made: Tasks, session: Session) -> None:
    session.error = error
    assert not is_current(made, "fetch:a")
    assert not is_current(made, "iso")


def test_the_configuration(made: Tasks, tmp_path: Path) -> None:
    config = made.config()
    assert isinstance(config.pop("reporter"), Reporter)
    assert config == {
        "backend": "goldmaster",
        "dep_file": str(tmp_path / "build/doit.json"),
        "default_tasks": ["iso"],
        "check_file_uptodate": ContentChecker,
        "num_process": 3,
        "par_type": "thread",
        "verbosity": 2,
    }


def test_without_default_tasks_all_run(tmp_path: Path, session: Session, made: Tasks) -> None:
    opened: Any = session
    every = Tasks(tmp_path, {}, opener=lambda *_any: opened, default=None)
    assert "default_tasks" not in every.config()


def test_a_remembered_run_opens_nothing(made: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot: Any = SimpleNamespace(tasks=DESCRIBED, current={"iso"}, workers=7)
    made._run.snapshot = snapshot
    monkeypatch.setattr(type(made._run), "session", property(lambda _self: 1 / 0))
    assert made.config()["num_process"] == 7
    assert of(made, "iso")["uptodate"] == [True]
    assert callable(of(made, "fetch:a")["uptodate"][0])


@pytest.mark.parametrize("runs", [True, False])
def test_a_project_with_problems_ends(
    runs: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def opener(*_any: Any) -> Any:
        raise ConfigError("no lock")

    monkeypatch.setattr(signals, "install_handlers", lambda _stop: None)
    monkeypatch.setattr(tasks, "runs_tasks", lambda: runs)
    monkeypatch.setattr(
        "buildlib.cli.lock_errors.with_problems",
        lambda error, _root, _variables: ConfigError(f"{error.what}, and more"),
    )
    with pytest.raises(SystemExit) as end:
        Tasks(tmp_path, {}, opener=opener)
    assert end.value.code == 3
    assert capsys.readouterr().err.startswith(f"ERROR: no lock{', and more' * runs}\n")


def test_events_go_to_the_display(
    made: Tasks, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    display: Any = SimpleNamespace(event=events.append)
    made._run._display = display
    sinks: list[Any] = []
    monkeypatch.setattr(session, "checks", lambda: [Check("verify", "", [], sinks.append)])
    of(made, "verify")["actions"][0]()
    assert sinks == [events.append]
