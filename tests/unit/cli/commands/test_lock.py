"""`doit lock`: what it writes and says, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli.commands import lock as command
from buildlib.cli.commands.lock import LockRelease, OpenRelease, lock_release, open_release
from buildlib.config.settings import read_settings
from buildlib.model.errors import ConfigError, SourceError


@pytest.fixture
def made(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A release that can be locked; a test changes it. `old`: what the maker was given."""
    made: dict[str, Any] = {"lock": "old lock", "error": None, "mirror_source": ""}

    class Maker:
        def __init__(self, *_any: object, **_more: object) -> None:
            pass

        def make(self, old: object) -> str:
            made["old"] = old
            if made["error"]:
                raise made["error"]
            return "new lock"

    @contextmanager
    def open_it(root: Path, _settings: object, _say: object) -> Iterator[object]:
        yield SimpleNamespace(
            store=None,
            mirrors=None,
            configuration=SimpleNamespace(
                lock=made["lock"],
                release=SimpleNamespace(mirror_source=made["mirror_source"]),
                new_lock_file=SimpleNamespace(
                    path=root / "sets" / "mini.lock", name="sets/mini.lock"
                ),
            ),
        )

    monkeypatch.setattr(command, "LockMaker", Maker)
    monkeypatch.setattr(command, "open_release", open_it)
    monkeypatch.setattr(command, "format_lock", lambda lock: f"{lock}\n")
    monkeypatch.setattr(command, "changes", lambda old, new: [f"from {old}", f"to {new}"])
    return made


def test_the_lock_is_written_and_its_changes_are_told(
    project: Path, made: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert LockRelease().execute({}, []) == 0
    assert (project / "sets/mini.lock").read_text() == "new lock\n"
    assert capsys.readouterr().out.splitlines() == [
        "from old lock",
        "to new lock",
        "wrote        sets/mini.lock",
    ]
    assert made["old"] == "old lock"


def test_the_first_lock_has_no_predecessor(made: dict[str, Any], project: Path) -> None:
    made["lock"] = ConfigError("no lock")
    said: list[str] = []
    assert str(lock_release(project, read_settings(project, {}), said.append)) == "new lock"
    assert made["old"] is None
    assert said[0] == "from None"


def test_a_release_of_your_own_may_change(made: dict[str, Any], project: Path) -> None:
    made["mirror_source"] = "sets/mini"
    said: list[str] = []
    lock_release(project, read_settings(project, {}), said.append)
    assert made["old"] is None
    assert said[0] == "from old lock"


def test_an_error_writes_nothing_and_says_so(
    project: Path, made: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    made["error"] = SourceError("bad signature")
    assert LockRelease().execute({}, []) == 3
    assert list(project.iterdir()) == []
    shown = capsys.readouterr()
    assert shown.out == "stopped      nothing was pinned: no lock of mini was written\n"
    assert shown.err.startswith("ERROR: bad signature\n")


def test_it_takes_settings_only(made: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert LockRelease().execute({}, ["mini"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "doit lock takes no arguments, only settings" in shown.err
    assert "old" not in made


def test_an_open_release_without_a_lock() -> None:
    error = ConfigError("no lock")
    missing: Any = OpenRelease(SimpleNamespace(lock=error), None, None)  # type: ignore[arg-type]  # fakes
    with pytest.raises(ConfigError, match="no lock"):
        missing.lock()
    there: Any = OpenRelease(SimpleNamespace(lock="lock"), None, None)  # type: ignore[arg-type]  # fakes
    assert there.lock() == "lock"


@pytest.mark.parametrize(
    ("mirror_source", "settings", "mirrors"),
    [
        ("", {}, "of the release"),
        ("", {"mirror": "/given"}, "of the release"),
        ("sets/mini", {}, ("/pressed",)),
        ("sets/mini", {"mirror": "/given"}, "of the release"),
    ],
)
def test_the_mirror_of_an_own_release_is_built(
    mirror_source: str,
    settings: dict[str, str],
    mirrors: object,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    did: list[str] = []
    release = SimpleNamespace(mirror_source=mirror_source)

    class Store:
        seen = SimpleNamespace(save=lambda: did.append("save"))

        def __init__(self, build: Path) -> None:
            assert build == project / "build"

        def begin(self, waiting: object) -> None:
            del waiting
            did.append("begin")

        def end(self) -> None:
            did.append("end")

    monkeypatch.setattr(command, "Store", Store)
    monkeypatch.setattr(command, "places_of", lambda *_any: None)
    monkeypatch.setattr(
        command, "read_configuration", lambda *_any: SimpleNamespace(release=release)
    )
    monkeypatch.setattr(command, "mirrors_of", lambda *_any, **_more: "of the release")
    monkeypatch.setattr(command, "press", lambda *_any: Path("/pressed"))
    with open_release(project, read_settings(project, settings), did.append) as opened:
        found: object = opened.mirrors
        assert getattr(found, "roots", found) == mirrors
        assert did == ["begin"]
    assert did == ["begin", "save", "end"]
