"""Temporary failures: servers are tried again after the delay they request, but not forever."""

from __future__ import annotations

import email.utils
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.servers.mirror import Fault, Mirror
from support.servers.raw_server import RawServer

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.sources.web import server
from buildlib.sources.web.causes import TRANSIENT
from buildlib.sources.web.download import Pin, fetch, fetch_unpinned
from buildlib.sources.web.limits import LIST, Patience
from buildlib.store.blobs import Blobs

DATA = b"content " * 1000
NAME = "a/file"


class Asker:
    """Makes requests and records delays and reports."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.told: list[str] = []
        self.patience = Patience(silence=2, head=5, wait=self.waited.append, say=self.told.append)

    def ask(self, *urls: str) -> bytes:
        return fetch_unpinned(urls, most=LIST, patience=self.patience)

    def refused(self, *urls: str) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.ask(*urls)
        return caught.value


@pytest.fixture
def asker() -> Asker:
    return Asker()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror({NAME: DATA}) as mirror:
        yield mirror


def url(mirror: Mirror) -> str:
    return f"{mirror.url}/{NAME}"


@pytest.mark.parametrize("status", sorted(TRANSIENT))
def test_what_may_pass_is_asked_again(asker: Asker, mirror: Mirror, status: int) -> None:
    mirror.misbehave(NAME, Fault("status", status=status, after="1"), times=1)
    assert asker.ask(url(mirror)) == DATA
    assert asker.waited == [1]
    assert len(mirror.requests) == 2
    (line,) = asker.told
    assert line.startswith(f"{mirror.url.removeprefix('http://')}: the server answered {status} ")
    assert line.endswith("; trying again in 1 s (2 of 4)")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501, 505, 511])
def test_what_will_not_pass_is_not(asker: Asker, mirror: Mirror, status: int) -> None:
    mirror.misbehave(NAME, Fault("status", status=status, after="1"))
    assert str(status) in asker.refused(url(mirror)).what
    assert len(mirror.requests) == 1
    assert asker.waited == []


def test_not_for_ever(asker: Asker, mirror: Mirror) -> None:
    """The delay grows each time if the server does not specify it."""
    mirror.misbehave(NAME, Fault("status", status=503, after=""))
    error = asker.refused(url(mirror))
    assert "503" in error.what
    assert len(mirror.requests) == 4
    assert asker.waited == [1, 2, 4]
    assert [line[-8:] for line in asker.told] == ["(2 of 4)", "(3 of 4)", "(4 of 4)"]


NOW = 1_700_000_000


def date(seconds: float) -> str:
    return email.utils.formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("3600", 30),
        ("9" * 5000, 30),
        ("-5", 1),
        ("²", 1),
        ("soon", 1),
        ("1.5", 1),
        ("Fri, 99 Foo 99999", 1),
        (date(-3600), 0),
        (date(8), 8),
        (date(10**9), 30),
    ],
    ids=[
        "0",
        "7",
        "blanks",
        "an hour",
        "5000 digits",
        "negative",
        "superscript",
        "a word",
        "a fraction",
        "no date",
        "a date gone by",
        "a date",
        "a date far off",
    ],
)
def test_retry_after(
    asker: Asker, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, after: str, seconds: float
) -> None:
    monkeypatch.setattr(server, "now", lambda: NOW)
    mirror.misbehave(NAME, Fault("status", status=429, after=after), times=1)
    assert asker.ask(url(mirror)) == DATA
    assert asker.waited == [seconds]


def test_another_mirror_is_asked_before_anybody_waits(asker: Asker, mirror: Mirror) -> None:
    with Mirror({NAME: DATA}) as busy:
        busy.misbehave(NAME, Fault("status", status=503, after="5"))
        assert asker.ask(url(busy), url(mirror)) == DATA
        assert asker.waited == []
        mirror.misbehave(NAME, Fault("status", status=404))
        error = asker.refused(url(busy), url(mirror))
        assert asker.waited == [5, 5, 5]
        assert [len(one.requests) for one in (busy, mirror)] == [5, 2], "404 is asked once"
    assert error.reason == "http-status"
    assert "503" in (error.why or "")
    assert "404" in (error.why or "")


def _reset(place: socket.socket, times: int) -> None:
    for _ in range(times):
        client, _ = place.accept()
        client.recv(65536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


def test_a_connection_that_is_reset_before_the_answer(asker: Asker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        thread = threading.Thread(target=_reset, args=(place, 4))
        thread.start()
        error = asker.refused(f"http://127.0.0.1:{place.getsockname()[1]}/x")
        thread.join(10)
    assert error.what == "the server closed the connection without an answer"
    assert len(asker.waited) == 3


@pytest.mark.parametrize("speech", [b"", b"HTTP/1.1 200 OK\r\nContent-"], ids=["none", "half"])
def test_a_server_that_hangs_up(asker: Asker, speech: bytes) -> None:
    with RawServer(speech) as raw:
        error = asker.refused(f"{raw.url}/x")
    assert error.what == "the server closed the connection without an answer"
    assert len(raw.requests) == 4


@pytest.mark.thorough
def test_silence_before_the_first_byte(asker: Asker, mirror: Mirror) -> None:
    mirror.misbehave(NAME, Fault("mute"), times=1)
    assert asker.ask(url(mirror)) == DATA
    assert len(asker.waited) == 1


def test_a_refused_connection_is_not_tried_again(asker: Asker) -> None:
    assert asker.refused("http://127.0.0.1:9/x").why == "Connection refused"
    assert asker.waited == []


def test_what_was_kept_stays_while_a_server_is_busy(
    asker: Asker, mirror: Mirror, tmp_path: Path
) -> None:
    partial = tmp_path / "partial"
    pin = Pin(hashlib.sha512(DATA).hexdigest(), sha256(DATA), len(DATA))
    partial.write_bytes(DATA[:500])
    mirror.misbehave(NAME, Fault("status", status=503), times=2)
    blob = fetch(
        [url(mirror)], pin, Blobs(tmp_path / "store"), partial=partial, patience=asker.patience
    )
    assert blob.size == len(DATA)
    assert {asked for _, asked in mirror.requests} == {"bytes=500-"}
    assert len(asker.waited) == 2


def test_a_mirror_whose_file_is_not_right_is_told(asker: Asker, mirror: Mirror) -> None:
    """Another mirror's file is used, but a wrong signature or digest is reported."""

    def check(data: bytes) -> None:
        if data != DATA:
            raise SourceError("the signature is not good", where="x", reason="signature")

    with Mirror({NAME: b"other"}) as false:
        found = fetch_unpinned(
            [url(false), url(mirror)], most=LIST, patience=asker.patience, check=check
        )
        assert found == DATA
        assert asker.told == [f"skipped {url(false)}: the signature is not good"]
