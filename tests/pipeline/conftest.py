"""A finished build to start from, and a mirror to fetch from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.scratch import Scratch, once
from support.servers.mirror import Mirror


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here runs whole builds."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.pipeline)


def _build(folder: Path) -> None:
    scratch = Scratch.new(folder)
    scratch.doit("iso", "domu-images")
    shutil.rmtree(folder / "build" / "work")  # its paths are absolute


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Scratch:
    """A finished build, shared by all workers; nobody changes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    return Scratch(once(shared / "template", _build))


@pytest.fixture
def scratch(template: Scratch, tmp_path: Path) -> Scratch:
    """A checkout with a finished build of `iso` and `domu-images`."""
    return template.copy(tmp_path / "checkout")


@pytest.fixture(scope="module")
def shared(template: Scratch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Likewise, for tests of a module that leave it as they found it; in the end that is seen."""
    copy = template.copy(tmp_path_factory.mktemp("shared") / "checkout")
    products = copy.products()
    yield copy
    assert copy.build("iso", "domu-images").built == set()
    assert copy.products() == products


@pytest.fixture
def bare(tmp_path: Path) -> Scratch:
    """A checkout with nothing built."""
    return Scratch.new(tmp_path / "checkout")


@pytest.fixture
def mirror(template: Scratch) -> Iterator[Mirror]:
    """The mirror of mini over HTTP."""
    with Mirror(template.path("build/mirror/mini")) as served:
        yield served
