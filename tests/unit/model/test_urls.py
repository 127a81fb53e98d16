"""Passwords in URLs are hidden wherever they occur in a text."""

from __future__ import annotations

import time

import pytest

from buildlib.model.errors import ConfigError, SourceError, ToolError, printable
from buildlib.model.urls import parts_of, without_passwords


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("http://alice:pw@host/x", "http://alice:***@host/x"),
        ("https://alice:p%40w@host:8080/x?y#z", "https://alice:***@host:8080/x?y#z"),
        ("svn+ssh://alice:pw@host", "svn+ssh://alice:***@host"),
        ("socks5h://bob:pw@10.0.0.1:1080", "socks5h://bob:***@10.0.0.1:1080"),
        ("http://alice:p@ss@host/", "http://alice:***@host/"),
        ("http://alice:p:w@host/", "http://alice:***@host/"),
        ("http://a@b:pw@host/", "http://a@b:***@host/"),
        ("http://alice:p/w@host/x", "http://alice:***@host/x"),
        ("http://alice:p?w@host/x", "http://alice:***@host/x"),
        ("http://:pw@host/", "http://:***@host/"),
        ("http://alice:@host/", "http://alice:***@host/"),
        ("from http://a:b@c/ and http://d:e@f/", "from http://a:***@c/ and http://d:***@f/"),
        ("x=('http://a:b@c')", "x=('http://a:***@c')"),
        ("http://alice:p w@host/x", "http://alice:***@host/x"),
        ("http://alice:1 2@host/x", "http://alice:***@host/x"),
        # nothing to hide
        ("http://alice@host/", "http://alice@host/"),
        ("http://host:80/file@2", "http://host:80/file@2"),
        ("svn+ssh://alice@host:22/repo@12", "svn+ssh://alice@host:22/repo@12"),
        ("http://[::1]:80/file@2", "http://[::1]:80/file@2"),
        ("mail a@b, see http://host: there", "mail a@b, see http://host: there"),
        ("a:b@c", "a:b@c"),
        ("", ""),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_shown(text: str, safe: str) -> None:
    assert without_passwords(text) == safe
    assert without_passwords(safe) == safe
    assert printable(text) == safe


def test_no_part_of_an_error_holds_one() -> None:
    url = "http://alice:S3cret@host/"
    error = SourceError(url, where=url, why=f"a\n{url}", hint=url)
    error.why = f"{error.why}\nagain {url}"
    tool = ToolError(url, tail=(url,), command=f"env -i http_proxy={url} apt-get")
    config = ConfigError("all", problems=(url,))
    config.problems += (url,)
    for one in (error, tool, config):
        assert "S3cret" not in str(one)
        assert "S3cret" not in repr(vars(one))
        assert "S3cret" not in repr(one)


_NO_HOST, _NO_PORT = "is not HOST or HOST:PORT", "is a number from 1 to 65535"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://a:S3#b@c/", _NO_PORT),
        ("http://a:S3@[::1/", _NO_HOST),
        ("http://a:S3@\u2100/", _NO_HOST),
        ("http://a:S3@c:99999/", _NO_PORT),
        ("http://a:S3@c:-1/", _NO_PORT),
        ("http://c:99999/", _NO_PORT),
        ("http://c:0/", _NO_PORT),
        ("http://c:http/", _NO_PORT),
    ],
)
def test_a_url_that_cannot_be_taken_apart_is_not_told(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parts_of(url)
    assert "S3" not in str(caught.value)
    assert ("%40" in str(caught.value)) is ("@" in url)


def test_the_parts_of_a_url() -> None:
    assert parts_of("http://[::1]:80/x").port == 80
    assert parts_of("/a:b/c").path == "/a:b/c"


@pytest.mark.thorough
def test_it_takes_no_time() -> None:
    started = time.process_time()
    for text in ("://a:" * 20_000 + "@", "http://" + "a" * 100_000 + ":@", "://:" + "@" * 100_000):
        without_passwords(text)
    assert time.process_time() - started < 5
