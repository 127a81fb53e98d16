"""Machines with mirrors, under both shells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machines.mirrored import (
    Machines,
)
from support.simulator.shells import SHELLS


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machines(tmp_path: Path, shell: str) -> Iterator[Machines]:
    made = Machines(tmp_path, shell)
    yield made
    made.close()
