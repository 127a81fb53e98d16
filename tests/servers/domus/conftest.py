"""A dom0 with its images, under both shells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import Server
from support.simulator.dom0 import image_folder
from support.simulator.shells import SHELLS, program


@pytest.fixture(params=SHELLS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    assert shutil.which(program(request.param))
    with Server(tmp_path / "server", shell=request.param) as made:
        image_folder(made.root / "images")
        yield made
