"""docs/reference/events.md: the lines of `progress=json`."""

from __future__ import annotations

import dataclasses
import json
import typing

import pytest

from buildlib.model.events import Event
from tools import event_page

KINDS = {kind.__name__.lower(): kind for kind in typing.get_args(Event)}


def test_the_page_is_current() -> None:
    assert event_page.PAGE.read_text() == event_page.page(), "python tools/event_page.py"


def test_every_field_has_a_meaning() -> None:
    assert event_page.MEANINGS.keys() == {
        (name, field.name) for name, kind in KINDS.items() for field in dataclasses.fields(kind)
    }


@pytest.mark.parametrize("name", KINDS)
def test_an_example_is_a_line_of_a_run(name: str) -> None:
    line = json.loads(*event_page.lines_of(event_page.EXAMPLES[name]))
    assert line.pop("event") == name
    assert line.keys() == {field.name for field in dataclasses.fields(KINDS[name])}


@pytest.mark.parametrize("error", event_page.ERRORS, ids=lambda error: error.reason)
def test_every_field_of_an_error_has_its_type(error: event_page.AnyError) -> None:
    line = json.loads(*event_page.lines_of(error, stage="boot-test"))
    assert line.pop("event") == "error"
    assert line.keys() == event_page.ERROR.keys()
    kinds = {"string": (str,), "string or null": (str, type(None)), "list of strings": (list,)}
    for name, value in line.items():
        assert isinstance(value, kinds[event_page.ERROR[name][0]])
