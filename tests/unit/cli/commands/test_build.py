"""`plan`, `why`, `gc`, and what all commands have in common."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from doit.exceptions import InvalidDodoFile

from buildlib.cli.commands import build
from buildlib.cli.commands.build import Gc, Own, Plan, Why, pending, refuse
from buildlib.cli.main import COMMANDS
from buildlib.cli.plugins.reporter import Reporter
from buildlib.cli.session import Check, Session
from buildlib.engine import gc
from buildlib.engine.gc import Removed
from buildlib.model.errors import ConfigError

NEEDS = {"fetch:a": [], "fetch:b": [], "unpack": ["fetch:a"], "root": ["unpack", "fetch:b"]}


def session_of(
    verdicts: dict[str, str], *, is_current: bool = True, product_needs: str = "root"
) -> Session:
    """A session with four stages, one product and one check. Stages not named are up to date."""

    def resolve(name: str) -> object:
        verdict = verdicts.get(name, "up to date")
        return SimpleNamespace(verdict=verdict, reasons=(f"{name} changed", "more"))

    session = SimpleNamespace(
        products={"iso": object()},
        stages_of=lambda _name: [product_needs],
        engine=SimpleNamespace(
            graph=SimpleNamespace(stages=NEEDS, needs=NEEDS.__getitem__), resolve=resolve
        ),
        publisher=SimpleNamespace(is_current=lambda _product: is_current),
        default=lambda: ["iso"],
        checks=lambda: [Check("verify", "", ["unpack"], lambda _sink: None)],
    )
    return cast("Session", session)


def test_nothing_is_pending_after_a_build() -> None:
    assert pending(session_of({}), []) == []


def test_dependencies_come_first() -> None:
    found = pending(session_of({"fetch:a": "build", "root": "unknown", "unpack": "restore"}), [])
    assert found == [
        ("fetch:a", "build", ("fetch:a changed", "more")),
        ("unpack", "restore", ("unpack changed", "more")),
        ("root", "depends", ("root changed", "more")),
        ("iso", "depends", ("uses an output of root",)),
    ]


def test_a_product_of_restored_stages_is_compared() -> None:
    restored = {"root": "restore"}
    assert [row[0] for row in pending(session_of(restored), [])] == ["root"]
    assert pending(session_of(restored, is_current=False), [])[1:] == [
        ("iso", "build", ("its files are missing or damaged",))
    ]
    assert pending(session_of({}, is_current=False), []) == [
        ("iso", "build", ("its files are missing or damaged",))
    ]


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("fetch", ["fetch:a", "fetch:b"]),
        ("fetch:b", ["fetch:b"]),
        ("unpack", ["fetch:a", "unpack"]),
        ("verify", ["fetch:a", "unpack"]),
        ("root", ["fetch:a", "unpack", "fetch:b", "root"]),
    ],
)
def test_a_name_is_a_task_a_group_or_a_check(name: str, tasks: list[str]) -> None:
    everything = dict.fromkeys(NEEDS, "build")
    assert [row[0] for row in pending(session_of(everything), [name])] == tasks


def test_an_unknown_task() -> None:
    with pytest.raises(ConfigError, match=r"there is no task unpak.*unpack") as error:
        pending(session_of({}), ["unpak"])
    assert error.value.reason == "unknown-task"
    assert error.value.hint == "doit list --all shows all tasks"
    with pytest.raises(ConfigError):
        pending(session_of({}), ["fetc"])


class Loader:
    """What doit gives to commands: it reads dodo.py."""

    def __init__(self, reporter: object = None, error: Exception | None = None) -> None:
        self._reporter, self._error = reporter, error
        self.given: dict[str, Any] = {}

    def setup(self, given: dict[str, Any]) -> None:
        self.given = given
        if self._error:
            raise self._error

    def load_doit_config(self) -> dict[str, Any]:
        return {} if self._reporter is None else {"reporter": self._reporter}


def loader_of(session: Session) -> Loader:
    return Loader(Reporter(cast("Any", SimpleNamespace(session=session, refused=False))))


def run(command: type[Own], session: Session, names: list[str], **options: object) -> int:
    return command(loader_of(session)).execute(options, names)


def test_a_plan_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Plan, session_of({"root": "build"}), [], json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "root  build    root changed",
        "iso   depends  uses an output of root",
    ]
    assert run(Plan, session_of({}), [], json=False) == 0
    assert capsys.readouterr().out == ""


def test_a_plan_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Plan, session_of({"root": "build"}), ["root"], json=True) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"task": "root", "verdict": "build", "reasons": ["root changed", "more"]}
    ]


def test_every_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Why, session_of({"root": "build"}), ["root"], json=False) == 0
    assert capsys.readouterr().out == "root: build\n    root changed\n    more\n"
    assert run(Why, session_of({}), [], json=False) == 0
    assert capsys.readouterr().out == "nothing would run\n"
    assert run(Why, session_of({"root": "build"}), ["root"], json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"root": ["root changed", "more"]}


def test_gc_holds_the_store_and_tells_what_it_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    did: list[str] = []

    def begin(waiting: Callable[[str], None]) -> None:
        did.append("begin")
        waiting("waiting")

    def collect(_store: object) -> Removed:
        did.append("collect")
        return Removed(3, 1500)

    store = SimpleNamespace(
        begin=begin,
        end=lambda: did.append("end"),
    )
    session = cast("Session", SimpleNamespace(store=store))
    monkeypatch.setattr(gc, "collect", collect)
    assert run(Gc, session, []) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("removed 3 files, 1.5 kB\n", "waiting\n")
    assert did == ["begin", "collect", "end"]

    monkeypatch.setattr(gc, "collect", lambda _store: print(1 / 0))
    assert run(Gc, session, []) == 3
    assert did[3:] == ["begin", "end"]


def test_gc_takes_no_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Gc, session_of({}), ["iso"]) == 3
    assert "doit gc takes no arguments" in capsys.readouterr().err


def test_arguments_are_refused_by_name() -> None:
    refuse("lock", [])
    with pytest.raises(ConfigError, match="doit lock takes no arguments") as error:
        refuse("lock", ["a", "b c"])
    assert error.value.why == "it was given 'a' 'b c'"
    assert error.value.reason == "usage"


def test_a_command_needs_a_dodo_file(project: Path) -> None:
    loader = Loader(error=InvalidDodoFile("none"))
    with pytest.raises(ConfigError, match=r"there is no dodo\.py here") as error:
        Plan(loader).session()
    assert error.value.reason == "no-dodo"
    assert error.value.where == str(project)
    assert loader.given == {"dodoFile": "dodo.py", "cwdPath": None, "seek_file": False}


@pytest.mark.parametrize("reporter", [None, "console"])
def test_a_command_needs_a_pipeline(reporter: str | None) -> None:
    with pytest.raises(ConfigError, match="defines no goldmaster pipeline") as error:
        Plan(Loader(reporter)).session()
    assert (error.value.reason, error.value.where) == ("no-pipeline", "dodo.py")


def test_commands_for_boot_media_need_them() -> None:
    class Press(Own):
        name = "press"

    with pytest.raises(ConfigError, match="doit press is for boot media") as error:
        Press(loader_of(session_of({}))).boot_media()
    assert error.value.reason == "no-boot-media"


def test_an_error_is_shown_without_a_traceback(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(Own):
        name = "broken"

        def work(self, options: dict[str, Any], names: list[str]) -> int:
            raise ConfigError("no", why=f"{options} {names}")

    assert Broken().execute({"a": 1}, ["b"]) == 3
    assert capsys.readouterr().err == "ERROR: no\n  why:   {'a': 1} ['b']\n"


def test_the_library_of_another_checkout_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "buildlib").mkdir()
    assert run(Plan, session_of({}), [], json=False) == 3
    assert "the library of another checkout is used here" in capsys.readouterr().err


@pytest.mark.parametrize(("makes", "calls"), [(True, 1), (False, 0)])
def test_commands_that_make_something_continue_unread(
    makes: bool, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr(build, "keep_running_unread", lambda: called.append(1))

    class Some(Own):
        def work(self, options: dict[str, Any], names: list[str]) -> int:
            del options, names
            return 7

    Some.makes = makes
    assert Some().execute({}, []) == 7
    assert len(called) == calls


def test_commands_that_make_something_continue_when_nobody_reads() -> None:
    """Those that only print end, as programs do when their pipe is closed."""
    own = {name: load(place) for name, place in COMMANDS.items()}
    makes = {name for name, kind in own.items() if issubclass(kind, Own) and kind.makes}
    assert makes == {"init", "lock", "gc", "reproduce", "site-init", "config-image"}


def test_options_are_off_unless_they_are_given() -> None:
    kinds = [load(place) for place in COMMANDS.values()]
    options = [one for kind in kinds if issubclass(kind, Own) for one in kind.cmd_options]
    assert options
    assert [one["name"] for one in options if one["default"] is not False] == []


def load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
