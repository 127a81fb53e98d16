"""Wrong parts of files, and files that servers declare as compressed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from support.servers.raw_server import RawServer

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import Pin, fetch, fetch_unpinned
from buildlib.sources.web.limits import LIST, Patience
from buildlib.sources.web.server import Wanted, _target
from buildlib.store.blobs import Blobs

DATA = bytes(range(256)) * 20
PIN = Pin(hashlib.sha512(DATA).hexdigest(), sha256(DATA), len(DATA))
KEPT, REST, SIZE = DATA[:100], DATA[100:], len(DATA)
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + DATA
HURRY = Patience(silence=10, tries=1)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(WHOLE) as server:
        yield server


class Place:
    """A partial download, started by an earlier run."""

    def __init__(self, folder: Path) -> None:
        self.blobs, self.partial = Blobs(folder / "store"), folder / "partial"
        self.partial.write_bytes(KEPT)

    def fetch(self, *urls: str, pin: Pin = PIN) -> bytes:
        blob = fetch(urls, pin, self.blobs, partial=self.partial, patience=HURRY)
        return self.blobs.read(blob.sha256)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def part(content_range: str | None, body: bytes = REST, *, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 206 Partial Content"]
    lines += [f"Content-Range: {content_range}"] if content_range is not None else []
    lines += [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


LAST = SIZE - 1
WRONG = {
    "from the beginning": part(f"bytes 0-{LAST}/{SIZE}", DATA),
    "from the beginning, short": part(f"bytes 0-{len(REST) - 1}/{SIZE}", DATA[: len(REST)]),
    "from further on": part(f"bytes 200-{LAST}/{SIZE}", DATA[200:]),
    "not to the end": part(f"bytes 100-199/{SIZE}", DATA[100:200]),
    "no range": part(None),
    "empty range": part(""),
    "of words": part("bytes a-b/c"),
    "superscripts": part(f"bytes 10²-{LAST}/{SIZE}"),
    "5000 digits": part(f"bytes {'1' * 5000}-{LAST}/{SIZE}"),
    "backwards": part(f"bytes {LAST}-100/{SIZE}"),
    "unsatisfied": part(f"bytes */{SIZE}"),
    "another unit": part(f"pages 100-{LAST}/{SIZE}"),
    "total too small": part(f"bytes 100-{LAST}/50"),
    "another length": part(f"bytes 100-{LAST}/{SIZE}", length=7),
    "several parts": b"HTTP/1.1 206 x\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n--x",
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", WRONG)
def test_another_part_than_was_asked_for(server: RawServer, place: Place, name: str) -> None:
    """The partial file is dropped, and the whole file requested, in the same run."""
    server.speech = lambda _server, request: [
        WRONG[name] if b"Range: bytes=100-" in request else WHOLE
    ]
    assert place.fetch(f"{server.url}/x") == DATA
    assert len(server.requests) == 2


def test_a_server_that_always_does_it(server: RawServer, place: Place) -> None:
    """A later run can continue after what this one left."""
    server.speech = WRONG["from further on"]
    with pytest.raises(SourceError) as caught:
        place.fetch(f"{server.url}/x")
    assert caught.value.reason == "range"
    assert not place.partial.exists()
    server.speech = WHOLE
    assert place.fetch(f"{server.url}/x") == DATA


@pytest.mark.parametrize("total", [str(SIZE), "*"])
def test_the_right_part(server: RawServer, place: Place, total: str) -> None:
    server.speech = part(f"bytes 100-{LAST}/{total}")
    assert place.fetch(f"{server.url}/x") == DATA
    assert len(server.requests) == 1


def test_a_part_of_a_larger_file(server: RawServer, place: Place) -> None:
    server.speech = part(f"bytes 100-{SIZE + 9}/{SIZE + 10}", REST + bytes(10))
    with pytest.raises(SourceError) as caught:
        place.fetch(f"{server.url}/x")
    assert caught.value.reason == "size"
    assert place.partial.read_bytes() == KEPT, "it is another mirror's, and may be right"


def test_the_whole_file_in_place_of_a_part(server: RawServer, place: Place) -> None:
    assert place.fetch(f"{server.url}/x") == DATA
    assert len(server.requests) == 1


# encodings


@pytest.mark.parametrize("encoding", ["x-gzip", "gzip", "identity", "odd"])
def test_an_archive_that_a_server_calls_encoded(
    server: RawServer, place: Place, encoding: str
) -> None:
    """Many servers do so (Apache's AddEncoding), and send the file unchanged."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n".encode()
    for length in (b"Content-Length: %d\r\n" % SIZE, b""):
        server.speech = head + length + b"\r\n" + DATA
        assert place.fetch(f"{server.url}/base.tgz") == DATA
        place.blobs.discard(PIN.sha256)
        assert fetch_unpinned([f"{server.url}/pkg_summary.gz"], most=LIST) == DATA


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("pin", [PIN, Pin("")], ids=["pinned", "not pinned"])
def test_a_server_that_compresses(server: RawServer, place: Place, pin: Pin, length: bool) -> None:
    packed = gzip.compress(DATA, mtime=0)
    told = b"Content-Length: %d\r\n" % len(packed) if length else b""
    server.speech = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + told + b"\r\n" + packed
    with pytest.raises(SourceError) as caught:
        place.fetch(f"{server.url}/SHA512", pin=pin)
    assert caught.value.reason == "encoding"
    assert caught.value.why == "Content-Encoding: gzip"
    assert "proxy" in (caught.value.hint or "")
    server.speech = WHOLE
    assert place.fetch(f"{server.url}/SHA512", pin=pin) == DATA


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"chunked, chunked", b"deflate", b"x"])
@pytest.mark.parametrize("pin", [PIN, Pin("")], ids=["pinned", "not pinned"])
def test_a_transfer_that_nobody_takes_apart(
    server: RawServer, place: Place, pin: Pin, coding: bytes
) -> None:
    """Otherwise the sizes of chunks would become part of the file."""
    server.speech = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        + coding
        + b"\r\n\r\n%x\r\n" % SIZE
        + DATA
        + b"\r\n0\r\n\r\n"
    )
    with pytest.raises(SourceError) as caught:
        place.fetch(f"{server.url}/SHA512", pin=pin)
    assert caught.value.reason == "encoding"
    assert caught.value.why == f"Transfer-Encoding: {coding.decode()}"


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"identity"])
def test_a_transfer_that_is_taken_apart(server: RawServer, coding: bytes) -> None:
    body = DATA if coding == b"identity" else b"%x;a\r\n" % SIZE + DATA + b"\r\n0\r\n\r\n"
    server.speech = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n" + body
    assert fetch_unpinned([f"{server.url}/SHA512"], most=LIST) == DATA


# redirects


def test_from_https_to_http_only_what_is_pinned() -> None:
    answer = requests.Response()
    answer.status_code, answer.headers["Location"] = 302, "http://other/x"
    wanted = Wanted("https://host/x", HURRY)
    assert _target(answer, wanted.url, replace(wanted, pinned=True)) == "http://other/x"
    with pytest.raises(SourceError) as caught:
        _target(answer, wanted.url, wanted)
    assert caught.value.what == "the server redirects from https to http"
