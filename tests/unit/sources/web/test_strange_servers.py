"""Any wrong answer is an error of this mirror, costs little, and the next mirror is tried."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.servers import random_answers
from support.servers.mirror import Mirror
from support.servers.raw_server import BUFFERS, RawServer
from support.servers.strange_answers import STRANGE

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import Pin, fetch, fetch_unpinned
from buildlib.sources.web.limits import Patience
from buildlib.store.blobs import Blobs

DATA = os.urandom(50_000)
PIN = Pin(hashlib.sha512(DATA).hexdigest(), sha256(DATA), len(DATA))
MOST = 4 << 20
HURRY = Patience(connect=2, silence=0.2, head=0.3, span=0.2, base=2, pace=1 << 22, tries=1)
CALM = replace(HURRY, silence=20, head=20, span=20, base=20)
PATIENT = replace(HURRY, silence=1.5, head=1.5, span=1.5)
WAITED_FOR = {name for name in STRANGE if name.startswith("slow") or name in {"trickle", "silence"}}


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    """A server with scripted answers."""
    with RawServer(b"") as server:
        yield server


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    """A mirror that has the file."""
    with Mirror({"file": DATA}) as mirror:
        yield f"{mirror.url}/file"


def refused(error: SourceError) -> None:
    """It has what and where, a limited length, and no control characters."""
    assert error.what
    assert error.where
    assert error.hint
    lines = error.lines()
    assert all(line.isprintable() and len(line) < 1000 for line in lines), lines


@pytest.mark.thorough
@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_answer(tmp_path: Path, server: RawServer, good: str, name: str) -> None:
    blobs, partial = Blobs(tmp_path / "store"), tmp_path / "partial"
    started = time.monotonic()
    sent, asked = server.sent, len(server.requests)
    server.speech = STRANGE[name]
    bad = f"{server.url}/file"
    # an unpinned file may have any content, so there is a check
    with pytest.raises(SourceError) as caught:
        fetch([bad], Pin(""), blobs, partial=partial, most=MOST, patience=HURRY, check=_is_data)
    refused(caught.value)
    assert not partial.exists() or partial.stat().st_size <= MOST
    # the good one must succeed even when this machine is busy
    calm = PATIENT if name in WAITED_FOR else CALM
    if name not in WAITED_FOR:
        blob = fetch([bad, good], PIN, blobs, partial=partial, patience=calm)
        assert blobs.read(blob.sha256) == DATA
    assert fetch_unpinned([bad, good], most=MOST, patience=calm, check=_same) == DATA
    assert server.sent - sent < (len(server.requests) - asked + 1) * (9 * MOST + BUFFERS)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("number", range(40))
def test_an_answer_made_up_at_random(tmp_path: Path, server: RawServer, number: int) -> None:
    """The result is the file or a SourceError; `support.servers.random_answers` has thousands."""
    random_answers.play(server, number, tmp_path)


def _is_data(path: Path) -> None:
    _same(path.read_bytes())


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "first", ["100 Continue", "102 Processing", "103 Early Hints\r\nLink: </a>; rel=preload"]
)
def test_answers_before_the_final_one_are_passed_over(
    tmp_path: Path, server: RawServer, first: str, count: int
) -> None:
    head = f"HTTP/1.1 {first}\r\n\r\n" * count + f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}"
    server.speech = head.encode() + b"\r\n\r\n" + DATA
    blobs = Blobs(tmp_path / "store")
    fetch([server.url], PIN, blobs, partial=tmp_path / "partial", patience=CALM)
    assert blobs.read(PIN.sha256) == DATA


def _same(data: bytes) -> None:
    if data != DATA:
        raise SourceError("not the file", where="file", hint="none", reason="other")
