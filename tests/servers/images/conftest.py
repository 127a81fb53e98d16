"""A host that has fetched nothing yet, and one that has three versions, under both shells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machines.image_fleet import ONE, THREE, TWO, Fleet
from support.servers.image_server import Shelf
from support.servers.mirror import Mirror
from support.simulator.imagehost import ImageHost
from support.simulator.shells import SHELLS


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fleet(shell: str, tmp_path: Path) -> Iterator[Fleet]:
    """Nothing fetched yet; the server has v1."""
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=100)
    with Mirror(shelf.folder) as mirror, ImageHost(tmp_path / "host", shell=shell) as host:
        host.start(mirror.url)
        for domu in ("nfs", "sql"):
            host.domu(domu)
        yield Fleet(host, shelf, mirror)


@pytest.fixture
def three(fleet: Fleet) -> Fleet:
    """Three versions, of which domUs get the last."""
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    fleet.shelf.add("v3", THREE, number=102)
    fleet.host.images("fetch")
    return fleet
