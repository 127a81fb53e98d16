"""Answers of misbehaving servers, by name. None of them is the requested file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

from support.servers.raw_server import RawServer, Speech

OK = b"HTTP/1.1 200 OK\r\n"


def endless(*first: bytes, then: bytes) -> Speech:
    """`first`, and then the same bytes endlessly."""
    return lambda _server, _request: chain(first, repeat(then))


def slowly(*first: bytes, then: bytes, seconds: float = 0.05) -> Speech:
    """`first` at once, and then a few bytes from time to time."""

    def speak(server: RawServer, _request: bytes) -> Iterator[bytes]:
        yield from first
        while not server.leaving.wait(seconds):
            yield then

    return speak


def once_a_header(headers: bytes) -> bytes:
    return OK + headers + b"\r\n\r\nsome content"


def redirect(location: bytes, *, status: bytes = b"302 Found", body: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nLocation: " + location + b"\r\n\r\n" + body


def _pointing_on(server: RawServer, request: bytes) -> Iterable[bytes]:
    """Each redirect leads to a new URL."""
    return [redirect(b"/next" + str(len(server.requests)).encode())]


_MEGABYTE = bytes(1 << 20)
_CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

STRANGE: dict[str, Speech] = {
    "nothing": b"",
    "no http": b"220 ftp ready\r\n",
    "status line of garbage": b"\xff\xfe\x00 garbage\r\n\r\n",
    "status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "status of five digits": b"HTTP/1.1 20000 OK\r\n\r\n",
    "negative status": b"HTTP/1.1 -200 OK\r\n\r\n",
    "superscript status": "HTTP/1.1 20² OK\r\n\r\n".encode("latin-1"),
    "HTTP/9": b"HTTP/9.9 200 OK\r\n\r\n",
    "HTTP/0.9": b"just some content",
    "a newline only": b"\r\n\r\n\r\n",
    "head cut": OK + b"Content-Le",
    "header without colon": once_a_header(b"rubbish"),
    "header line of 100 kB": once_a_header(b"X: " + b"a" * 100_000),
    "status line of 100 kB": b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
    "thousand headers": once_a_header(b"\r\n".join(b"X-%d: 1" % n for n in range(1000))),
    "endless headers": endless(OK, then=b"X: 1\r\n" * 1000),
    "endless header line": endless(OK, b"X: ", then=b"a" * 65536),
    "endless 100": endless(then=b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "endless 103": endless(then=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000),
    "slow 100": slowly(then=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "slow 102": slowly(then=b"HTTP/1.1 102 Processing\r\n\r\n"),
    "slow headers": slowly(OK, then=b"X: 1\r\n"),
    "slow head": slowly(b"HTT", then=b"P"),
    "103": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "length of a superscript": once_a_header("Content-Length: ²".encode("latin-1")),
    "length of Arabic digits": once_a_header("Content-Length: ٣".encode()),
    "length of 5000 digits": once_a_header(b"Content-Length: " + b"9" * 5000),
    "negative length": once_a_header(b"Content-Length: -5"),
    "signed length": once_a_header(b"Content-Length: +12"),
    "hexadecimal length": once_a_header(b"Content-Length: 0xC"),
    "empty length": once_a_header(b"Content-Length:"),
    "two lengths": once_a_header(b"Content-Length: 5\r\nContent-Length: 12"),
    "list of lengths": once_a_header(b"Content-Length: 5, 12"),
    "length of a petabyte": once_a_header(b"Content-Length: 1000000000000000"),
    "endless body": endless(OK, b"\r\n", then=_MEGABYTE),
    "trickle": slowly(OK, b"\r\n", then=b"a"),
    "silence": slowly(OK, b"\r\n", then=b""),
    "chunked and a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
    "chunk size of garbage": _CHUNKED + b"xyz\r\nabc\r\n",
    "negative chunk": _CHUNKED + b"-5\r\nabcdefgh\r\n0\r\n\r\n",
    "chunk size of 5000 digits": _CHUNKED + b"9" * 5000 + b"\r\nabc\r\n",
    "huge chunk": _CHUNKED + b"ffffffffffffffff\r\nabc",
    "chunk cut": _CHUNKED + b"100\r\nabc",
    "endless chunk line": endless(_CHUNKED, b"3;", then=b"x" * 65536),
    "endless chunk extensions": endless(_CHUNKED, then=b"1;" + b"x" * 60000 + b"\r\na\r\n"),
    "endless trailers": endless(_CHUNKED, b"3\r\nabc\r\n0\r\n", then=b"X: 1\r\n" * 1000),
    "slow trailers": slowly(_CHUNKED, b"3\r\nabc\r\n0\r\n", then=b"X: 1\r\n"),
    "endless chunks": endless(_CHUNKED, then=b"100000\r\n" + _MEGABYTE + b"\r\n"),
    "unknown transfer encoding": OK + b"Transfer-Encoding: zip\r\n\r\nabc",
    "gzip though asked not to": OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00abc",
    "gzip and a length": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "unknown encoding": OK + b"Content-Encoding: br, odd\r\n\r\nabc",
    "bomb": OK + b"Content-Encoding: deflate\r\n\r\nx\x9c" + b"\0" * 10000,
    "page": OK + b"Content-Type: text/html\r\n\r\n<html>not here</html>",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "201": b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "300": redirect(b"/a", status=b"300 Multiple Choices"),
    "305": redirect(b"http://127.0.0.1:1/", status=b"305 Use Proxy"),
    "206 unasked": b"HTTP/1.1 206 Partial Content\r\n\r\nabc",
    "401": b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n\r\n",
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
    "416": b"HTTP/1.1 416 Range Not Satisfiable\r\n\r\n",
    "451 with odd words": b"HTTP/1.1 451 \xff\x1b[31m" + b"x" * 5000 + b"\r\n\r\n",
    "no Location": b"HTTP/1.1 302 Found\r\n\r\n",
    "empty Location": redirect(b""),
    "Location [::1": redirect(b"http://[::1/x"),
    "Location not UTF-8": redirect(b"http://127.0.0.1:1/\xff\xfe"),
    "Location with a bad port": redirect(b"http://127.0.0.1:99999/"),
    "Location with port ²": redirect("http://127.0.0.1:²/".encode("latin-1")),
    "Location with an odd host": redirect(b"http://" + b"a" * 70 + b".invalid/"),
    "Location with dots": redirect(b"http://a..b/"),
    "Location without host": redirect(b"http:///x"),
    "Location of a blank": redirect(b"http://a b/"),
    "Location file:": redirect(b"file:///etc/passwd"),
    "Location ftp:": redirect(b"ftp://127.0.0.1/x"),
    "Location gopher:": redirect(b"gopher://127.0.0.1/x"),
    "Location data:": redirect(b"data:,hello"),
    "Location javascript:": redirect(b"javascript:alert(1)"),
    "Location of 60 kB": redirect(b"/" + b"a" * 60_000),
    "Location of controls": redirect(b"/\x01\x1b[31m\x7f"),
    "a circle": redirect(b"/file"),
    "ever on": _pointing_on,
    "redirect with a body without end": endless(redirect(b"http://127.0.0.1:1/"), then=_MEGABYTE),
    "closed early": OK + b"Content-Length: 100\r\n\r\nabc",
    "odd cookies": once_a_header(b"Set-Cookie: =;=;;a=\xff; expires=\x00; domain=.."),
    "503 for ever": b"HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\n\r\n",
    "429 until never": b"HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n\r\n",
    "503 with an odd date": b"HTTP/1.1 503 No\r\nRetry-After: Fri, 99 Foo 99999\r\n\r\n",
    "503 long ago": b"HTTP/1.1 503 No\r\nRetry-After: -5\r\n\r\n",
}
