"""User name and password in a URL: they work, go only to their server, and are not shown."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from buildlib.model.errors import SourceError
from buildlib.sources.web.download import fetch_unpinned
from buildlib.sources.web.limits import LIST, Patience

DATA = b"content"
HURRY = Patience(silence=10, tries=1)


class Guarded:
    """A server with Basic auth; `leads` maps paths to redirect targets."""

    def __init__(self, name: str = "alice", password: str = "pw") -> None:
        self.wanted = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        self.leads: dict[str, str] = {}
        self.got: list[str | None] = []
        guarded = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization")
                guarded.got.append(given)
                lead = guarded.leads.get(self.path)
                self.send_response(302 if lead else 200 if given == guarded.wanted else 401)
                if lead:
                    self.send_header("Location", lead)
                self.send_header("Content-Length", str(len(DATA)))
                self.end_headers()
                self.wfile.write(DATA)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Guarded]:
    guarded = Guarded()
    yield guarded
    guarded.close()


@pytest.fixture
def other() -> Iterator[Guarded]:
    guarded = Guarded()
    yield guarded
    guarded.close()


def ask(url: str) -> bytes:
    return fetch_unpinned([url], most=LIST, patience=HURRY)


def refused(url: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ask(url)
    return caught.value


@pytest.mark.parametrize(
    ("name", "password", "written"),
    [
        ("alice", "pw", "alice:pw"),
        ("alice", "p@s:s/%", "alice:p%40s%3As%2F%25"),
        ("älice", "пароль", "%C3%A4lice:%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C"),
        ("alice", "пароль", "alice:пароль"),
        ("alice", "p@ss", "alice:p@ss"),
        ("alice", "", "alice:"),
        ("token", "", "token"),
    ],
    ids=["plain", "percent", "percent letters", "letters", "at", "empty", "name only"],
)
def test_they_work(server: Guarded, name: str, password: str, written: str) -> None:
    server.wanted = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    assert ask(f"http://{written}@{server.host}/file") == DATA
    assert server.got == [server.wanted]


def test_what_to_do_where_they_are_wrong(server: Guarded) -> None:
    error = refused(f"http://alice:S3cret@{server.host}/file")
    assert error.what == "the server answered 401 Unauthorized"
    assert error.where == f"http://alice:***@{server.host}/file"
    assert "user name and password" in (error.hint or "")
    assert "S3cret" not in repr(vars(error))


def test_they_stay_with_a_redirect_to_the_same_server(server: Guarded) -> None:
    server.leads["/a"] = "/file"
    server.leads["/b"] = f"http://{server.host}/file"
    for path in "ab":
        assert ask(f"http://alice:pw@{server.host}/{path}") == DATA


@pytest.mark.parametrize("lead", ["http://{}/file", "//{}/file", "http://alice:pw@{}/file"])
def test_they_do_not_follow_to_another(server: Guarded, other: Guarded, lead: str) -> None:
    """Another port is another server; and credentials in a redirect are ignored."""
    server.leads["/a"] = lead.format(other.host)
    error = refused(f"http://alice:pw@{server.host}/a")
    assert "401" in error.what
    assert other.got == [None]


def test_they_come_back_to_their_own(server: Guarded, other: Guarded) -> None:
    server.leads["/a"] = f"http://{other.host}/b"
    other.leads["/b"] = f"http://{server.host}/file"
    assert ask(f"http://alice:pw@{server.host}/a") == DATA
    assert other.got == [None]


def test_those_of_a_redirect_are_not_shown(server: Guarded) -> None:
    for lead in (
        "ftp://bob:S3cret@x/",
        "http://bob:S3cret@[::1/",
        "http://bob:S3cret@127.0.0.1:9/",
    ):
        server.leads["/a"] = lead
        assert "S3cret" not in str(refused(f"http://alice:pw@{server.host}/a"))


@pytest.mark.parametrize(
    "url",
    [
        "http://alice:S3cret@127.0.0.1:9/x",
        "http://alice:S3cret@no-such.invalid/x",
        "http://alice:S3cret@[::1/x",
        "ftp://alice:S3cret@host/x",
        "http://alice:S3/cret@host/x",
        "http://alice:S3cret@/x",
        "http://alice:S3cret@a..b/x",
        "http://alice:S3cret@host:99999/x",
        "file://alice:S3cret@host/x",
        "HTTP://ALICE:S3cret@127.0.0.1:9/",
        # a password with an unquoted # makes a URL without credentials
        "http://alice:S3cret#more@host/x",
        "http://alice:S3cret?more@host/x",
        "http://alice:S3cret/more@host/x",
        "http://alice:S3cret@\u2100.invalid/x",
        "http://alice:S3cret [more@127.0.0.1:9/x",
        "http://alice:more S3cret@127.0.0.1:9/x",
    ],
)
def test_they_are_not_shown_where_a_url_leads_nowhere(url: str) -> None:
    error = refused(url)
    for secret in ("S3", "more"):
        assert secret not in str(error)
        assert secret not in repr(vars(error))


def test_no_server_has_answered_where_the_url_is_none() -> None:
    error = refused("http://alice:S3cret#more@host/x")
    assert (error.what, error.reason) == ("the URL is invalid", "scheme")
    assert "%40" in (error.why or "")


def test_several_mirrors_are_told_without_them() -> None:
    with pytest.raises(SourceError) as caught:
        fetch_unpinned(
            ["http://a:S3cret@127.0.0.1:9/x", "http://b:S3cret@127.0.0.1:9/y"],
            most=LIST,
            patience=HURRY,
        )
    assert "S3cret" not in str(caught.value)
    assert "http://b:***@127.0.0.1:9/y" in str(caught.value)
