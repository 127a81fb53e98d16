"""Random answers of servers, composed of typical parts, and the results of downloading them.

    PYTHONPATH=.:tests python -m support.servers.random_answers 2000 --seed 7

Each result is either the file or a SourceError, within the limits for time and size. Anything else
is reported with the number that reproduces this answer.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import Pin, fetch, fetch_unpinned
from buildlib.sources.web.limits import Patience
from buildlib.store.blobs import Blobs
from support.checkouts.campaigns import Tally, parse, words
from support.servers.raw_server import BUFFERS, RawServer

DATA = random.Random(1).randbytes(3000)
PIN = Pin(hashlib.sha512(DATA).hexdigest(), sha256(DATA), len(DATA))
MOST = 1 << 20
HURRY = Patience(
    connect=2,
    silence=0.15,
    head=0.3,
    span=0.2,
    base=1,
    pace=1 << 22,
    tries=2,
    wait=lambda _seconds: None,
)
SECONDS = 30.0

_VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2", b"HTTP/1.1.1", b"http/1.1", b"HTTP"]
_STATUSES = [
    b"200 OK",
    b"206 Partial Content",
    b"200",
    b"404 Not Found",
    b"503 Busy",
    b"302 Found",
    b"301 Moved",
    b"308 x",
    b"100 Continue",
    b"204 No Content",
    b"304 x",
    b"416 x",
    b"407 x",
    b"999 x",
    b"0 x",
    b"-1 x",
    b"2e2 OK",
    b"\xb2\xb0\xb0 OK",
    b"",
]
_NUMBERS = [
    b"0",
    b"1",
    b"3000",
    b"2999",
    b"3001",
    b"-1",
    b"+3000",
    b"0x10",
    b"1e3",
    b"\xb2",
    b"9" * 30,
    b"9" * 5000,
    b"",
    b" ",
    b"3000, 3000",
    b"3000, 1",
    b"3_000",
    b"\xd9\xa3",
]
_PLACES = [
    b"/file",
    b"/other",
    b"",
    b"//",
    b"///",
    b"?",
    b"#",
    b"http://[::1/x",
    b"http://[/",
    b"http://]:80/",
    b"http://a:b:c/",
    b"http://\xff/",
    b"http://a..b/",
    b"http://%zz/",
    b"http://" + b"a" * 300 + b"/",
    b"ftp://x/",
    b"file:///etc/passwd",
    b"x:y",
    b"http:",
    b"http://127.0.0.1:1/",
    b"http://127.0.0.1:0/",
    b"http://u:p@127.0.0.1:1/",
    b"http://127.0.0.1:99999/",
    b"\\\\x\\y",
    b"http://\xe2\x84\xa1.invalid/",
    b"\x01\x02",
]
_RANGES = [
    b"bytes 0-2999/3000",
    b"bytes 100-2999/3000",
    b"bytes 100-2999/*",
    b"bytes */3000",
    b"bytes 2999-100/3000",
    b"bytes 100-2999/2000",
    b"100-2999/3000",
    b"",
    b"bytes=100-",
    b"bytes " + b"9" * 5000 + b"-1/2",
    b"bytes \xb2-3/4",
    b"pages 1-2/3",
]
_NAMES = [
    b"Content-Length",
    b"Transfer-Encoding",
    b"Content-Encoding",
    b"Content-Range",
    b"Location",
    b"Retry-After",
    b"Content-Type",
    b"Set-Cookie",
    b"Connection",
    b"X" * 300,
    b"",
    b" ",
    b"\xff",
    b"Content-Length ",
    b"content-length",
    b"Trailer",
    b"Upgrade",
]
_VALUES = [
    b"chunked",
    b"gzip",
    b"identity",
    b"br",
    b"deflate, gzip",
    b"chunked, chunked",
    b"close",
    b"keep-alive",
    b"text/html",
    b"text/html; charset=\xff",
    b"a=b; expires=never",
    b"Fri, 31 Dec 1999 23:59:59 GMT",
    b"Thu, 99 Foo 2",
    b"\x00",
    b"\xff" * 50,
    b"1" * 70_000,
]


def answer(seed: int) -> bytes:
    """The answer with this number."""
    dice = random.Random(seed)
    pick = dice.choice
    lines = [
        pick(_VERSIONS) + b" " + pick(_STATUSES)
        if dice.random() < 0.2
        else b"HTTP/1.1 " + pick(_STATUSES[:2] * 4 + _STATUSES)
    ]
    for _ in range(dice.choice([0, 1, 1, 2, 3, 5, 8, 120])):
        name = pick(_NAMES[:8] * 4 + _NAMES)
        values = {
            b"Content-Length": _NUMBERS,
            b"Retry-After": _NUMBERS + _VALUES,
            b"Location": _PLACES,
            b"Content-Range": _RANGES,
        }.get(name, _VALUES)
        lines.append(name + pick([b": "] * 9 + [b":", b" ", b"\t:"]) + pick(values))
    end = pick([b"\r\n"] * 9 + [b"\n", b"\r"])
    head = end.join(lines) + end + end
    body = pick(
        [
            DATA,
            DATA[100:],
            DATA[:-1],
            DATA + b"more",
            b"",
            b"<html>no</html>",
            DATA * 500,
            b"bb8\r\n" + DATA + b"\r\n0\r\n\r\n",
            b"-1\r\n" + DATA,
            b"zz\r\n",
            b"bb8;" + DATA,
        ]
    )
    said = bytearray(b"HTTP/1.1 100 Continue\r\n\r\n" * dice.choice([0, 0, 0, 1, 50]) + head + body)
    for _ in range(dice.choice([0, 0, 1, 3])):  # bytes changed, deleted, or inserted
        at = dice.randrange(len(said))
        said[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(said[: dice.randrange(len(said))] if dice.random() < 0.1 else said)


def play(server: RawServer, seed: int, folder: Path) -> str:
    """The result of the answer with this number: "the file", or an error's reason.

    Raises AssertionError, or any unexpected exception.
    """
    server.speech = answer(seed)
    blobs, partial = Blobs(folder / "store"), folder / "partial"
    urls, started, sent = [f"{server.url}/file"], time.monotonic(), server.sent
    before, asked = seed % 3, len(server.requests)
    try:
        if before == 2:
            data = fetch_unpinned(urls, most=MOST, patience=HURRY)
        else:
            partial.write_bytes(DATA[:100] if before else b"")
            blob = fetch(urls, PIN, blobs, partial=partial, patience=HURRY)
            data = blobs.read(blob.sha256)
            assert data == DATA
            blobs.discard(blob.sha256)
        came = "the file"
    except SourceError as error:
        came, lines = error.reason, error.lines()
    else:
        lines = []
    assert all(line.isprintable() for line in lines)
    partial.unlink(missing_ok=True)
    assert time.monotonic() - started < SECONDS, "it takes too long"
    assert server.sent - sent < (len(server.requests) - asked + 1) * (9 * MOST + BUFFERS)
    return came


def main(count: int, seed: int) -> int:
    """Play the answers. Return the number of failures."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, RawServer(b"") as server:
        for number in range(seed * 1_000_000, seed * 1_000_000 + count):
            with tally.watch(f"answer {number}"):
                tally.counts[play(server, number, Path(folder))] += 1
    tally.show(f"{count} answers, seed {seed}")
    return tally.wrong


if __name__ == "__main__":
    given = parse(
        words(__doc__, command="python -m support.servers.random_answers", count=2000, of="answers")
    )
    sys.exit(bool(main(given.count, given.seed)))
