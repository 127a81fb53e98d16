"""Misbehaving servers are skipped or reported wherever something is fetched.

`support.servers.strange_mirrors` tries all of them everywhere; these are samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers.mirror import Mirror
from support.servers.raw_server import RawServer
from support.servers.strange_mirrors import PLACES, both, play

SOME = (
    "nothing",
    "endless body",
    "length of 5000 digits",
    "Location [::1",
    "page",
    "gzip though asked not to",
    "chunked and a length",
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[RawServer, Mirror]]:
    """A server with chosen answers, and a good mirror."""
    with both() as found:
        yield found


@pytest.mark.thorough
@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("place", PLACES)
def test_a_strange_mirror(
    servers: tuple[RawServer, Mirror], tmp_path: Path, place: str, name: str
) -> None:
    assert play(place, name, *servers, tmp_path)
