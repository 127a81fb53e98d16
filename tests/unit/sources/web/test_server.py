"""What headers of an answer mean, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from buildlib.model.errors import SourceError
from buildlib.sources.web import server
from buildlib.sources.web.limits import Patience
from buildlib.sources.web.server import (
    Wanted,
    _after,
    _auth,
    _bare,
    _encoding,
    _length,
    _origin,
    _other_size,
    _target,
    _whole,
)

URL = "http://a.example/x"


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({}, None),
        ({"Content-Length": "0"}, 0),
        ({"Content-Length": "12, 12"}, 12),
        ({"Transfer-Encoding": "Chunked", "Content-Length": "12"}, None),
        ({"Transfer-Encoding": "Identity", "Content-Length": "12"}, 12),
    ],
)
def test_the_length_of_a_body(headers: Mapping[str, str], length: int | None) -> None:
    assert _length(headers, URL) == length


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Content-Length": ""}, "length"),
        ({"Content-Length": "-1"}, "length"),
        ({"Content-Length": "12, 13"}, "length"),
        ({"Content-Length": "12, x"}, "length"),
        ({"Content-Length": "9" * 30}, "length"),
        ({"Transfer-Encoding": "gzip, chunked"}, "encoding"),
    ],
)
def test_a_length_that_is_none(headers: Mapping[str, str], reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        _length(headers, URL)
    assert (caught.value.reason, caught.value.where) == (reason, URL)


WANTED = Wanted(URL, Patience(), start=10)


@pytest.mark.parametrize(
    ("text", "length", "total"),
    [
        ("bytes 10-19/20", 10, 20),
        ("bytes 10-19/20", None, 20),
        (" bytes 10-10/11 ", 1, 11),
        ("bytes 10-19/*", 10, None),
        ("bytes 10-19/*", None, None),
    ],
)
def test_the_part_that_was_requested(text: str, length: int | None, total: int | None) -> None:
    assert _whole({"Content-Range": text}, WANTED, length) == total


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 10),
        ("bytes */20", 10),
        ("bytes 9-19/20", 11),
        ("bytes 11-19/20", 9),
        ("bytes 10-9/10", 0),
        ("bytes 10-18/20", 9),
        ("bytes 10-19/19", 10),
        ("bytes 10-19/20", 9),
        ("bytes 10-19/20", 0),
        ("bytes 10-19/20 x", 10),
        (f"bytes 10-19/{'9' * 30}", 10),
        (f"bytes 10-{'9' * 30}/*", None),
        (f"bytes {'9' * 30}-19/20", 10),
    ],
)
def test_another_part(text: str, length: int | None) -> None:
    with pytest.raises(SourceError) as caught:
        _whole({"Content-Range": text}, WANTED, length)
    assert caught.value.reason == "range"
    assert f"Content-Range: {text or 'none'}"[:30] in str(caught.value.why)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        (" ", None),
        ("0", 0),
        (" 7 ", 7),
        ("9" * 30, float("inf")),
        ("soon", None),
        ("\N{SUPERSCRIPT TWO}", None),
        (formatdate(1060, usegmt=True), 60),
        (formatdate(1000, usegmt=True), 0),
        (formatdate(900, usegmt=True), 0),
        ("Thu, 01 Jan 99999999 00:00:00 GMT", None),
    ],
    ids=lambda value: str(value).replace("\N{SUPERSCRIPT TWO}", "superscript"),
)
def test_when_to_ask_again(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float | None
) -> None:
    monkeypatch.setattr(server, "now", lambda: 1000.0)
    assert _after(text) == seconds


@pytest.mark.parametrize(
    ("url", "origin", "auth", "bare"),
    [
        ("http://a.b/c#d", ("http", "a.b", 80), None, "http://a.b/c"),
        ("https://A.b/c?d", ("https", "a.b", 443), None, "https://A.b/c?d"),
        ("http://me@a:81/", ("http", "a", 81), (b"me", b""), "http://a:81/"),
        ("http://m%C3%A9:p:%40@a/", ("http", "a", 80), ("mé".encode(), b"p:@"), "http://a/"),
        ("http://a@b:c@d/", ("http", "d", 80), (b"a@b", b"c"), "http://d/"),
        ("ftp://a/", ("ftp", "a", None), None, "ftp://a/"),
    ],
)
def test_the_parts_of_a_url(url: str, origin: object, auth: object, bare: str) -> None:
    parts = urlsplit(url)
    assert (_origin(parts), _auth(parts), _bare(parts)) == (origin, auth, bare)


def target(location: str, *, url: str = URL, pinned: bool = True) -> str:
    answer: Any = SimpleNamespace(headers={"Location": location}, status_code=302)
    return _target(answer, url, Wanted(url, Patience(), pinned=pinned))


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/y", "http://a.example/y"),
        ("y?z#w", "http://a.example/y?z"),
        ("//b.example/y", "http://b.example/y"),
        ("https://b.example/y z", "https://b.example/y%20z"),
        ("http://me:secret@b.example/", "http://b.example/"),
        ("/\xe9", "http://a.example/%E9"),
        ("http://b.example:1/", "http://b.example:1/"),
    ],
)
def test_where_a_redirect_leads(location: str, found: str) -> None:
    assert target(location) == found


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("", "without the file's location"),
        ("ftp://b.example/", "not http(s)"),
        ("file:///etc/passwd", "not http(s)"),
        ("https:///y", "not http(s)"),
        ("http://b.example:0/", "an invalid URL"),
        ("http://b.example:99999/", "an invalid URL"),
        ("http://[b/", "an invalid URL"),
    ],
)
def test_where_a_redirect_must_not_lead(location: str, what: str) -> None:
    with pytest.raises(SourceError) as caught:
        target(location)
    assert what in caught.value.what
    assert (caught.value.reason, caught.value.where) == ("redirect", URL)


def test_only_what_is_pinned_may_leave_https() -> None:
    secure = "https://a.example/x"
    assert target(URL, url=secure) == URL
    assert target("https://b.example/", url=secure, pinned=False) == "https://b.example/"
    assert target("http://b.example/", pinned=False) == "http://b.example/"
    with pytest.raises(SourceError, match="from https to http"):
        target(URL, url=secure, pinned=False)


@pytest.mark.parametrize(
    ("text", "encoding"), [("", ""), (" Identity ", ""), ("GZIP", "gzip"), ("x, y", "x, y")]
)
def test_the_encoding(text: str, encoding: str) -> None:
    assert _encoding({"Content-Encoding": text}) == encoding
    assert _encoding({}) == ""


def test_why_a_file_has_another_size() -> None:
    error = SourceError("another size", why="5 bytes", reason="size")
    assert _other_size(error, {}, URL) is error
    page = _other_size(error, {"Content-Type": "text/html; charset=utf-8"}, URL)
    assert (page.reason, page.why) == ("html", "5 bytes, as text/html")
    packed = _other_size(error, {"Content-Encoding": "gzip"}, URL)
    assert (packed.reason, packed.why) == ("encoding", "Content-Encoding: gzip")


def test_what_is_wanted_by_default() -> None:
    wanted = Wanted(URL, Patience())
    assert (wanted.start, wanted.most, wanted.size, wanted.pinned) == (0, 0, -1, False)
