"""Whatever the system refuses, at whichever call: an error that says what to do, nothing lost."""

from __future__ import annotations

import builtins
import errno
import fcntl
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.faults.errno_names import NAMES
from support.faults.quick_kill_stress import Products, build, products_of, write_words

from buildlib.cli.shown_errors import shown_error
from buildlib.model.errors import GoldmasterError
from buildlib.model.refusals import OTHERS

# How often each is met, at calls that are spread over a build.
CALLS = int(os.environ.get("GOLDMASTER_TEST_REFUSALS", "4"))
PLACES: tuple[tuple[Any, str], ...] = (
    (os, "open"),
    (os, "write"),
    (os, "rename"),
    (os, "mkdir"),
    (os, "utime"),
    (os, "link"),
    (os, "chmod"),
    (os, "lstat"),
    (os, "stat"),
    (os, "unlink"),
    (os, "replace"),
    (os, "pread"),
    (os, "scandir"),
    (os, "listdir"),
    (os, "pwrite"),
    (os, "truncate"),
    (builtins, "open"),
    (subprocess, "Popen"),
    (fcntl, "flock"),
)


class Refusing:
    """Counts calls to the system by the library; refuses the one of a number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.at, self.number = 0, 0, 0
        for place, name in PLACES:
            monkeypatch.setattr(place, name, self._asking(getattr(place, name)))

    def _asking(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                path = words[0] if words and isinstance(words[0], str | Path) else None
                raise OSError(self.number, os.strerror(self.number), path and str(path))
            return real(*words, **named)

        return call


def attempt(place: Path) -> GoldmasterError | None:
    """A build, and the error that would be shown."""
    try:
        build(place, at_once=False)
    except Exception as error:  # noqa: BLE001  looked at by the test
        return shown_error(error, where="doit", root=place, logs=place)
    return None


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Products:
    """The products of a build that nothing is refused to."""
    place = tmp_path_factory.mktemp("right")
    write_words(5, place)
    build(place)
    return products_of(place)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_says_what_where_and_what_to_do(
    tmp_path: Path, right: Products, name: str
) -> None:
    chance = random.Random(name)
    with pytest.MonkeyPatch.context() as patch:
        system = Refusing(patch)
        (tmp_path / "counted").mkdir()
        write_words(5, tmp_path / "counted")
        system.count = 0
        assert attempt(tmp_path / "counted") is None
        calls, refused = system.count, 0
        for number in range(CALLS):
            place = tmp_path / f"{number}"
            place.mkdir()
            write_words(5, place)
            system.count, system.number = 0, getattr(errno, name)
            system.at = calls * number // CALLS + chance.randrange(calls // CALLS) + 1
            error = attempt(place)
            system.at = 0
            if error is not None:
                refused += 1
                told = f"call {number}: {error}"
                assert error.reason != "bug", told
                assert error.what, told
                assert error.where, told
                assert error.hint not in {None, OTHERS}, told
            assert attempt(place) is None
            assert products_of(place) == right
    assert refused > 0
