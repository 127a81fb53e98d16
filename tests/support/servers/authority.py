"""A private authority, made by openssl, and certificates that it signs."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def authority(folder: Path, name: str = "Example Fleet CA") -> tuple[Path, Path]:
    """The certificate and the key of a new authority, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "ca.pem", folder / "ca.key"
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "2", "-utf8", "-subj", f"/O=Example/CN={name}"),
        *("-keyout", key, "-out", certificate),
    )
    return certificate, key


def server_certificate(folder: Path, signer: tuple[Path, Path], host: str = "localhost") -> Path:
    """Key and certificate of a server, signed by the authority, in one file."""
    folder.mkdir(parents=True, exist_ok=True)
    both, request, signed = folder / "server.pem", folder / "server.csr", folder / "server.crt"
    names = folder / "names"
    names.write_text(f"subjectAltName=DNS:{host}\n")
    _openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={host}", "-keyout", both, "-out", request),
    )
    certificate, key = signer
    _openssl(
        *("x509", "-req", "-in", request, "-CA", certificate, "-CAkey", key, "-CAcreateserial"),
        *("-days", "2", "-extfile", names, "-out", signed),
    )
    both.write_bytes(both.read_bytes() + signed.read_bytes())
    return both


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def do_OPTIONS(self) -> None:
        """No repository of Subversion is here."""
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Say nothing."""


class _Quiet(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust it close the connection."""


@contextmanager
def https_server(certificate: Path) -> Iterator[str]:
    """The address of a server that answers `hello`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with _Quiet(("127.0.0.1", 0), _Hello) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"https://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
