"""Explanations of failed requests: the cause, and what to do."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.servers.raw_server import RawServer

from buildlib.model.errors import SourceError
from buildlib.sources.web.causes import Request, cause, clock
from buildlib.sources.web.download import fetch_unpinned
from buildlib.sources.web.limits import LIST, Patience, TemporaryError
from buildlib.sources.web.probe import unanswered

HURRY = Patience(silence=5, wait=lambda _seconds: None)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refused(url: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        fetch_unpinned([url], most=LIST, patience=HURRY)
    assert caught.value.where == url
    assert caught.value.hint
    return caught.value


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of a server."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(path),
            "-out",
            f"{path}.crt",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path) -> Iterator[int]:
    """The port of a server with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Quiet(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that do not trust it close the connection."""

    with Quiet(("127.0.0.1", 0), _Hello) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.programs
def test_a_certificate_nobody_knows(tls: int) -> None:
    error = refused(f"https://localhost:{tls}/x")
    assert error.reason == "certificate"
    assert (error.why or "").startswith("certificate verify failed: self")
    assert "REQUESTS_CA_BUNDLE" in (error.hint or "")
    (told,) = unanswered([f"https://localhost:{tls}/x"]).values()
    assert "certificate verify failed" in told
    assert "REQUESTS_CA_BUNDLE" in told


def test_a_certificate_that_the_user_trusts(
    tls: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert fetch_unpinned([f"https://localhost:{tls}/x"], most=LIST) == b"hello"
    error = refused(f"https://127.0.0.1:{tls}/x")
    assert error.reason == "certificate"
    assert "the server's name" in (error.hint or "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    error = refused(f"https://localhost:{tls}/x")
    assert "/nonexistent" in (error.why or "")
    assert "REQUESTS_CA_BUNDLE" in (error.hint or "")


@pytest.mark.parametrize("code", [9, 10], ids=["not yet", "no more"])
def test_a_certificate_of_another_time(code: int) -> None:
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired")
    inner.verify_code, inner.verify_message = code, "certificate has expired"
    error = cause(OSError(inner), Request("https://x/", HURRY))
    assert error.why == "certificate verify failed: certificate has expired"
    assert clock() in (error.hint or "")


@pytest.mark.thorough
def test_a_server_without_tls() -> None:
    with RawServer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        server.leaving.wait(0)
        error = refused(f"https://127.0.0.1:{server.port}/x")
    assert error.reason in {"tls", "connection", "timeout"}


def test_names_ports_and_networks() -> None:
    error = refused("http://no-such-host.invalid/x")
    assert error.what == "there is no such server"
    assert "name" in (error.why or "").lower()
    assert "http_proxy" in (error.hint or "")
    error = refused("http://127.0.0.1:9/x")
    assert (error.what, error.why) == ("the server cannot be reached", "Connection refused")
    error = cause(OSError(101, "Network is unreachable"), Request("http://x/", HURRY))
    assert error.why == "Network is unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://:80/",
        "http://a..b/",
        f"http://{'a' * 70}.invalid/",
        "http://x:99999/",
        "http://x:²/",
        "http://[::1/x",
        "http://\udcff/",
        "http://a\0b/",
        "http://%00/",
        "http://*/",
    ],
)
def test_urls_that_are_none(url: str) -> None:
    assert refused(url).reason in {"connection", "scheme"}


# proxies


def test_a_proxy_that_wants_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as server:
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://bob:S3cret@127.0.0.1:{server.port}")
            error = refused(f"{scheme}://mirror.invalid/x")
            assert error.reason == "proxy"
            assert error.what == f"the proxy 127.0.0.1:{server.port} refuses the request"
            assert error.why == "it answered 407 Proxy Authentication Required"
            assert f"{scheme}_proxy" in (error.hint or "")
            assert "S3cret" not in str(error)
    assert b"CONNECT mirror.invalid:443" in server.requests[1]


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://bob:S3cret@127.0.0.1:9")
    error = refused("http://mirror.invalid/x")
    assert error.what == "the proxy 127.0.0.1:9 cannot be reached"
    assert "HTTP_PROXY" in (error.hint or "").upper()
    monkeypatch.setenv("HTTP_PROXY", "http://no-proxy.invalid:3128")
    assert refused("http://mirror.invalid/x").what == (
        "there is no such proxy no-proxy.invalid:3128"
    )
    monkeypatch.setenv("no_proxy", "mirror.invalid")
    assert refused("http://mirror.invalid/x").what == "there is no such server"


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://bob:S3cret@127.0.0.1:9",
        "ftp://bob:S3cret@127.0.0.1:9",
        "http://bob:S3cret@[::1",
        "http://bob:S3cret@",
        "http://bob:S3cret@:²",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxies_that_are_none(monkeypatch: pytest.MonkeyPatch, scheme: str, proxy: str) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    error = refused(f"{scheme}://mirror.invalid/x")
    assert "S3cret" not in str(error)
    assert "proxy" in str(error)


def test_a_proxy_whose_tunnel_fails_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(b"HTTP/1.1 503 Busy\r\n\r\n") as server:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{server.port}")
        error = refused("https://mirror.invalid/x")
    assert isinstance(error, TemporaryError)
    assert error.why == "it answered 503 Busy"
    assert len(server.requests) == 4


def test_a_proxy_that_talks_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    from support.servers.strange_answers import endless

    with RawServer(endless(b"HTTP/1.1 200 OK\r\n", then=b"X: 1\r\n" * 1000)) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
        error = refused("https://mirror.invalid/x")
    assert error.what == "the server's answer is endless"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://no-such.invalid/x", "; the mirror redirects to http://no-such.invalid/x"),
        (
            "http://bob:S3cret@127.0.0.1:1/x",
            "Connection refused; the mirror redirects to http://127.0.0.1:1/x",
        ),
    ],
)
def test_where_a_redirect_leads_is_told(target: str, why: str) -> None:
    """Otherwise users would look for the mirror's name, which exists."""
    with RawServer(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\n\r\n".encode()) as server:
        error = refused(f"{server.url}/x")
    assert (error.why or "").endswith(why)
    assert "S3cret" not in repr(vars(error))
