"""Failed stages: what is kept, and what is reported."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from buildlib.engine import failures as module
from buildlib.engine.failures import failures, scratch
from buildlib.host.os_errors import SPACE_HINT
from buildlib.model.errors import GoldmasterError, Interrupted, StageError, ToolError
from buildlib.model.events import Event, Finished
from buildlib.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "build")


def test_a_folder_that_is_removed(store: Store) -> None:
    with scratch(store, "stage") as folder:
        (folder / "file").write_text("x")
    assert not folder.exists()
    assert not store.failed("stage").exists()


def test_a_failed_tool_s_folder_is_kept(store: Store) -> None:
    for text in ("first", "second"):
        with pytest.raises(ToolError) as error, scratch(store, "stage") as folder:
            (folder / "file").write_text(text)
            raise ToolError("no", command=f"cd {folder} && make")
        kept = store.failed("stage")
        assert error.value.command == f"cd {kept} && make"
        assert (kept / "file").read_text() == text
        assert not folder.exists()
    with pytest.raises(ToolError), scratch(store, "stage") as folder:
        raise ToolError("without a command")
    assert list(store.failed("stage").iterdir()) == []


def test_success_removes_what_was_kept(store: Store) -> None:
    with pytest.raises(ToolError), scratch(store, "stage"):
        raise ToolError("no")
    with scratch(store, "stage"):
        pass
    assert not store.failed("stage").exists()


def test_of_other_errors_nothing_is_kept(store: Store) -> None:
    with pytest.raises(StageError), scratch(store, "stage") as folder:
        raise StageError("no")
    assert not folder.exists()
    assert not store.failed("stage").exists()


def failed(store: Store, error: Exception) -> tuple[GoldmasterError, list[Event]]:
    events: list[Event] = []
    with pytest.raises(GoldmasterError) as found, failures("fetch:a", store, events.append):
        raise error
    return found.value, events


def test_a_failure_is_reported_once_with_its_stage(store: Store) -> None:
    error, (event,) = failed(store, StageError("no"))
    assert error.where == "stage fetch:a"
    assert isinstance(event, Finished)
    assert (event.stage, event.outcome) == ("fetch:a", "failed")
    assert 0 <= event.seconds < 300
    assert failed(store, StageError("no", where="a.txt"))[0].where == "a.txt"


def test_an_error_of_the_host_is_in_plain_words(store: Store) -> None:
    error, (event,) = failed(store, OSError(errno.ENOSPC, "No space left on device"))
    assert error.where == "stage fetch:a"
    assert error.hint
    assert isinstance(event, Finished)
    assert event.outcome == "failed"
    assert 0 <= event.seconds < 300


def test_an_interrupted_stage_is_not_reported(store: Store) -> None:
    assert failed(store, Interrupted("stopped"))[1] == []


@pytest.mark.parametrize(("why", "told"), [(None, "only 1 MB"), ("so", "so\nonly 1 MB")])
@pytest.mark.parametrize(("hint", "do"), [(None, SPACE_HINT), ("do it", "do it")])
def test_a_full_disk_is_named_if_a_tool_fails(
    why: str | None, told: str, hint: str | None, do: str, store: Store
) -> None:
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:
        patch.setattr(module, "is_nearly_full", lambda _folder: True)
        patch.setattr(module, "space_left", lambda _folder: "1 MB")
        error, _ = failed(store, ToolError("no", why=why, hint=hint))
        other, _ = failed(store, StageError("no", why=why))
    assert (error.why, error.hint) == (told, do)
    assert other.why == why


def test_a_disk_with_room_is_not_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_nearly_full", lambda _folder: False)
    error, _ = failed(store, ToolError("no"))
    assert (error.why, error.hint) == (None, None)


def test_success_reports_nothing(store: Store) -> None:
    events: list[Event] = []
    with failures("a", store, events.append):
        pass
    assert events == []
