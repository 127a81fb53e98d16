"""A store for the stages' tests, and what files are opened."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.stages.stage_bench import Bench

from buildlib.engine import code_digest


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "build")


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A store for tests that leave each other's outputs alone."""
    return Bench(tmp_path_factory.mktemp("shared") / "build")


@pytest.fixture(scope="session", autouse=True)
def _parse_once() -> Iterator[None]:
    """Each test has a store of its own, which would parse all modules again, 20 ms each."""
    known: dict[bytes, str] = {}
    describe = code_digest._describe

    def describe_once(path: str) -> str:
        content = Path(path).read_bytes()
        if content not in known:
            known[content] = describe(path)
        return known[content]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code_digest, "_describe", describe_once)
        yield


_OPENED: list[list[str]] = []  # a hook stays for ever, so there is one


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _OPENED and isinstance(arguments[0], str | bytes):
        path = arguments[0]
        _OPENED[-1].append(path if isinstance(path, str) else path.decode(errors="replace"))


sys.addaudithook(_note)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The paths of all files that are opened while a test runs."""
    _OPENED.append([])
    yield _OPENED[-1]
    _OPENED.pop()
