"""Scripts whose first line ends in CR are rejected; all other files are accepted."""

from __future__ import annotations

import pytest

from buildlib.model.errors import ConfigError
from buildlib.sources.scripts import startable


@pytest.mark.parametrize(
    "data",
    [b"#!/bin/sh\r\necho\r\n", b"#!/bin/sh\r", b"#! /usr/bin/awk -f\r\n"],
    ids=["lines", "one line", "options"],
)
def test_a_script_with_the_ends_of_windows(data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        list(startable([data], where="recipes/o/etc/rc"))
    assert caught.value.where == "recipes/o/etc/rc: line 1"
    assert "core.autocrlf" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b""],
        [b"#!/bin/sh\n", b"x\r\n"],
        [b"no script\r\n"],
        [b"x", b"#!/bin/sh\r\n"],
        [b"#!" + b"x" * 5000 + b"\r\n"],
        [b"#!/bin/sh\necho '\r'\n"],
    ],
    ids=["nothing", "empty", "later", "text", "inside", "long", "within"],
)
def test_all_else(pieces: list[bytes]) -> None:
    assert list(startable(pieces, where="x")) == pieces
