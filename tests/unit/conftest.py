"""A store for the stages' tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stages.stage_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "build")


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A store for tests that leave each other's outputs alone."""
    return Bench(tmp_path_factory.mktemp("shared") / "build")
