"""doit's records of tasks that are not ours, and what of a file has changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from doit.dependency import JSONCodec

from buildlib.cli.plugins.backend import Backend, ContentChecker


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "build" / "doit.json"


def backend(place: Path) -> Backend:
    return Backend(str(place), JSONCodec())


def test_records_stay(place: Path) -> None:
    first = backend(place)
    assert not first.in_("a")
    assert first.get("a", "key") is None
    first.set("a", "key", {"x": (1, 2)})
    first.set("a", "other", None)
    first.dump()
    again = backend(place)
    assert again.in_("a")
    assert again.get("a", "key") == {"x": [1, 2]}
    assert again.get("a", "none") is None
    assert json.loads(place.read_text()) == {"a": {"key": {"x": [1, 2]}, "other": None}}


def changed(place: Path, act: object) -> bool:
    """Whether the file is written after `act`."""
    found = backend(place)
    act(found)  # type: ignore[operator]  # any call of a backend
    place.unlink()
    found.dump()
    is_written = place.exists()
    found.dump()
    if not is_written:
        place.write_text("{}")
    return is_written


def test_only_changes_are_written(place: Path) -> None:
    def fill() -> None:
        made = backend(place)
        made.set("a", "key", 1)
        made.set("a", "none", None)
        made.dump()

    fill()
    assert not changed(place, lambda one: one.set("a", "key", 1))
    fill()
    assert changed(place, lambda one: one.set("a", "key", 2))
    assert changed(place, lambda one: one.set("a", "unknown", None))
    fill()
    assert not changed(place, lambda one: one.remove("b"))
    fill()
    assert changed(place, lambda one: one.remove("a"))
    fill()
    assert changed(place, lambda one: one.remove_all())
    backend(place).remove_all()
    place.write_text("{}")
    assert not changed(place, lambda one: one.remove_all())


def test_a_file_is_written_once(place: Path) -> None:
    found = backend(place)
    found.set("a", "key", 1)
    found.dump()
    place.unlink()
    found.dump()
    assert not place.exists()


def test_removed_tasks_are_gone(place: Path) -> None:
    found = backend(place)
    found.set("a", "key", 1)
    found.set("b", "key", 1)
    found.remove("a")
    assert (found.in_("a"), found.in_("b")) == (False, True)
    found.remove_all()
    assert not found.in_("b")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {}, "b": []}', "null"])
def test_a_damaged_file_is_ignored(text: str, place: Path) -> None:
    place.parent.mkdir()
    place.write_text(text)
    assert not backend(place).in_("a")


def test_a_file_that_cannot_be_written_is_no_error(place: Path) -> None:
    found = backend(place)
    found.set("a", "key", 1)
    place.parent.write_text("in the way")
    found.dump()


def state_of(path: Path) -> list[object]:
    state = ContentChecker().get_state(str(path), None)
    assert state is not None
    return state


def is_modified(path: Path, state: list[object]) -> bool:
    checker = ContentChecker()
    return checker.check_modified(str(path), checker.info(str(path)), state)


def test_the_content_counts(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    state = state_of(file)
    assert not is_modified(file, state)
    assert ContentChecker().get_state(str(file), state) is None

    os.utime(file, (1, 1))
    assert not is_modified(file, state), "the content is the same"
    assert ContentChecker().get_state(str(file), state) not in (None, state)

    file.write_text("two")
    assert is_modified(file, state)
    file.write_text("three")
    assert is_modified(file, state)


def test_another_file_with_the_same_time_is_noticed(tmp_path: Path) -> None:
    """All files of the store have the same time."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("one")
    two.write_text("two")
    for path in (one, two):
        os.utime(path, (1, 1))
    state = state_of(one)
    two.replace(one)
    assert is_modified(one, state)


def test_a_state_that_stays_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    state = state_of(file)
    monkeypatch.setattr("buildlib.cli.plugins.backend._digest", lambda _path: 1 / 0)
    assert not is_modified(file, state)
    file.write_text("longer")
    assert is_modified(file, state), "another size needs no digest"


def test_targets(tmp_path: Path) -> None:
    assert ContentChecker().exists(str(tmp_path))
    assert not ContentChecker().exists(str(tmp_path / "none"))
