"""One run: when the session is opened, what is remembered, and how it ends."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli import run as module
from buildlib.cli import signals
from buildlib.cli.run import Run
from buildlib.model.errors import ConfigError, Interrupted
from buildlib.model.events import Note

TASKS: Any = [["iso", "build the CD", [], []]]


class Session:
    """A session that notes what it is asked for."""

    def __init__(self, root: Path) -> None:
        self.did: list[str] = []
        self.refuses: Exception | None = None
        self.selected: tuple[str, ...] = ()
        did = self.did.append
        self.settings = SimpleNamespace(workers=3)
        self.engine = SimpleNamespace(
            done={
                "a": SimpleNamespace(verdict="up to date"),
                "b": SimpleNamespace(verdict="build"),
            }
        )
        self.store = SimpleNamespace(
            logs=root / "logs",
            seen=SimpleNamespace(save=lambda: did("save"), looked={}, links={}),
            begin=lambda waiting: (did("begin"), waiting("waiting")),
            end=lambda: did("end"),
            blobs=SimpleNamespace(clear_tmp=lambda: did("clear")),
            runner=SimpleNamespace(stop=lambda: did("stop")),
            lock=SimpleNamespace(end_tools=lambda: did("end tools")),
        )

    def look_ahead(self, selected: tuple[str, ...]) -> None:
        self.did.append("look ahead")
        self.selected = selected
        if self.refuses:
            raise self.refuses

    def note_results(self) -> None:
        self.did.append("note")

    def tasks(self) -> Any:
        return TASKS


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the environment."""
    monkeypatch.setattr(module, "all_settings", dict)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def new(root: Path, session: Session, *, mark: str = "", **variables: str) -> Run:
    (root / "build/store/tmp").mkdir(parents=True, exist_ok=True)
    opened: Any = session
    return Run(root, variables, lambda *_any: opened, mark=mark)


def remembered(root: Path, session: Session, **given: str) -> Run:
    """A run after a good one with the same settings."""
    run = new(root, session, **given)
    run.begin()
    run.published.add("p")
    run.end()
    session.did.clear()
    return new(root, session, **given)


def test_the_session_is_opened_once_and_late(tmp_path: Path) -> None:
    opened: list[tuple[Path, object]] = []

    def opener(root: Path, variables: object, _sink: object) -> Any:
        opened.append((root, variables))
        return Session(root)

    run = Run(tmp_path, {"release": "mini"}, opener)
    assert opened == []
    assert run.session is run.session
    assert opened == [(tmp_path, {"release": "mini"})]


def test_work_locks_the_store_once(
    tmp_path: Path, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new(tmp_path, session, progress="plain")
    run._display = None
    run.select(["iso", "boot"])
    for _ in range(2):
        run.begin()
    assert session.did == ["begin", "clear", "look ahead"]
    assert session.selected == ("iso", "boot")
    assert not run.refused


def test_waiting_for_the_store_is_shown(tmp_path: Path, session: Session) -> None:
    run = new(tmp_path, session)
    events: list[object] = []
    display: Any = SimpleNamespace(event=events.append)
    run._display = display
    run.begin()
    assert events == [Note("waiting")]


def test_a_refused_run_starts_nothing(tmp_path: Path, session: Session) -> None:
    run = new(tmp_path, session, progress="quiet")
    session.refuses = ConfigError("no space")
    with pytest.raises(ConfigError, match="no space"):
        run.begin()
    assert run.refused
    with pytest.raises(Interrupted) as error:
        run.begin()
    assert error.value.reason == "refused"


def test_a_good_run_is_remembered(tmp_path: Path, session: Session) -> None:
    snapshot = remembered(tmp_path, session, progress="quiet").snapshot
    assert snapshot is not None
    assert (snapshot.tasks, snapshot.workers) == (TASKS, 3)
    assert snapshot.current == {"a", "p"}


def test_the_end_saves_notes_and_unlocks(tmp_path: Path, session: Session) -> None:
    run = new(tmp_path, session, progress="quiet")
    run.begin()
    session.did.clear()
    run.end()
    assert session.did == ["save", "note", "end"]


def test_a_run_without_a_session_has_nothing_to_end(tmp_path: Path, session: Session) -> None:
    new(tmp_path, session).end()
    assert session.did == []


def test_a_failed_run_is_not_remembered(tmp_path: Path, session: Session) -> None:
    run = new(tmp_path, session, progress="quiet")
    run.begin()
    run.fail()
    session.did.clear()
    run.end()
    assert session.did == ["save", "end"]
    assert new(tmp_path, session).snapshot is None


def test_work_forgets_the_last_run(tmp_path: Path, session: Session) -> None:
    run = remembered(tmp_path, session, progress="quiet")
    run.begin()
    assert new(tmp_path, session, progress="quiet").snapshot is None


def test_a_run_that_only_looked_is_remembered_once(tmp_path: Path, session: Session) -> None:
    run = new(tmp_path, session)
    assert run.session is not None
    run.end()
    assert "note" in session.did
    again = new(tmp_path, session)
    assert again.snapshot is not None
    assert again.session is not None
    session.did.clear()
    again.end()
    assert "note" not in session.did


def test_a_file_that_may_still_change_prevents_it(tmp_path: Path, session: Session) -> None:
    session.store.seen.looked = {str(tmp_path / "none"): None}
    assert remembered(tmp_path, session, progress="quiet").snapshot is not None
    (tmp_path / "young").write_text("x")
    session.store.seen.looked = {str(tmp_path / "young"): None}
    assert remembered(tmp_path, session, progress="quiet").snapshot is None


@pytest.mark.parametrize("other", [{"release": "other"}, {"mark": "other"}, {"dist": "d"}])
def test_other_settings_are_another_run(
    other: dict[str, Any], tmp_path: Path, session: Session
) -> None:
    remembered(tmp_path, session, release="mini")
    assert new(tmp_path, session, **{"release": "mini", **other}).snapshot is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offline", "yes"),
        ("progress", "json"),
        ("seconds", "120"),
        ("media", "cd,usb"),
        ("images", "/srv/images"),
        ("packages", "/srv/packages"),
        ("key", "any key"),
        ("vulnerabilities", "http://x/"),
    ],
)
def test_settings_of_how_a_run_works_are_the_same_run(
    name: str, value: str, tmp_path: Path, session: Session
) -> None:
    remembered(tmp_path, session)
    assert new(tmp_path, session, **{name: value}).snapshot is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offline", "perhaps"),
        ("progress", "loud"),
        ("seconds", "1.5"),
        ("seconds", "123456"),
        ("media", "cd,"),
        ("media", "dvd"),
        ("images", "images"),
        ("images", "/srv/../etc"),
        ("packages", "ROOT/packages"),
        ("key", "schlüssel"),
        ("key", "a\tb"),
    ],
)
def test_a_setting_that_may_be_wrong_opens_the_session(
    name: str, value: str, tmp_path: Path, session: Session
) -> None:
    remembered(tmp_path, session)
    value = value.replace("ROOT", str(tmp_path))
    assert new(tmp_path, session, **{name: value}).snapshot is None


def test_passwords_are_not_stored(tmp_path: Path, session: Session) -> None:
    run = remembered(tmp_path, session, mirror="http://me:secret@host/")
    assert run.snapshot is not None
    for file in (tmp_path / "build/store").glob("glance-*.json"):
        assert "secret" not in file.read_text()
    assert new(tmp_path, session, mirror="http://me:other@host/").snapshot is not None


@pytest.mark.parametrize(
    ("text", "variables", "folder"),
    [
        (None, {}, "build"),
        ('build = "other"\n', {}, "other"),
        ('build = "other"\n', {"build": "given"}, "given"),
        ('release = "x"\n', {}, "build"),
        ("build =\n", {}, "build"),
    ],
)
def test_the_folder_of_builds(
    text: str | None,
    variables: dict[str, str],
    folder: str,
    tmp_path: Path,
    session: Session,
) -> None:
    if text is not None:
        (tmp_path / "recipes").mkdir()
        (tmp_path / "recipes/settings.toml").write_text(text)
    opened: Any = session
    assert Run(tmp_path, variables, lambda *_any: opened).build == tmp_path / folder


def test_a_pipeline_may_name_its_folders(tmp_path: Path, session: Session) -> None:
    opened: Any = session
    folders = {"build": "b", "dist": "d"}
    run = Run(tmp_path, {}, lambda *_any: opened, folders=folders)
    assert run.build == tmp_path / "b"
    run = Run(tmp_path, {"build": "given"}, lambda *_any: opened, folders=folders)
    assert run.build == tmp_path / "given"


class StopError(Exception):
    """The end of the process."""


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `stop` does with the process, in order."""
    did: list[str] = []

    def exit_now(number: int, _frame: object) -> None:
        did.append(f"exit {number}")
        raise StopError

    monkeypatch.setattr(signals, "ignore", lambda: did.append("ignore"))
    monkeypatch.setattr(signals, "run_bounded", lambda work: work())
    monkeypatch.setattr(signals, "exit_now", exit_now)
    return did


def test_a_signal_stops_tools_and_tidies(
    tmp_path: Path, session: Session, stopped: list[str]
) -> None:
    run = new(tmp_path, session, progress="quiet")
    closed: list[str] = []
    run.begin()
    display: Any = SimpleNamespace(close=lambda: closed.append("close"))
    run._display = display
    session.did.clear()
    with pytest.raises(StopError):
        run.stop(15, None)
    assert stopped == ["ignore", "exit 15"]
    assert session.did == ["stop", "end tools", "save", "clear"]
    assert closed == ["close"]


def test_a_signal_leaves_the_store_of_others_alone(
    tmp_path: Path, session: Session, stopped: list[str]
) -> None:
    run = new(tmp_path, session)
    with pytest.raises(StopError):
        run.stop(2, None)
    assert session.did == []
    assert run.session is not None
    with pytest.raises(StopError):
        run.stop(2, None)
    assert session.did == ["stop", "end tools", "save"]
    assert stopped == ["ignore", "exit 2"] * 2


def test_errors_name_the_log_folder_of_the_store(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []

    def shown(error: Exception, **places: Any) -> Exception:
        given.append(places["logs"])
        return error

    monkeypatch.setattr(
        "buildlib.cli.shown_errors.shown_error",
        shown,
    )
    run = new(tmp_path, session)
    run.shown(ValueError(), where="x")
    assert run.session is not None
    run.shown(ValueError(), where="x")
    assert given == [tmp_path, tmp_path / "logs"]


def test_the_display_is_that_of_the_setting(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    run = new(tmp_path, session, progress="json")
    run.display.event(Note("x"))
    assert run.display is run.display
    assert out.getvalue() == '{"event": "note", "text": "x", "stage": ""}\n'
