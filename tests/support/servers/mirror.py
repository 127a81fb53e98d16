"""A mirror on loopback that serves files, with configurable faults.

    with Mirror({"sets/base.tgz": data}) as mirror:
        mirror.misbehave("sets/base.tgz", Fault("cut", at=1000), times=1)
        fetch([f"{mirror.url}/sets/base.tgz"], …)

A fault applies to the next `times` requests for a path (by default all); then the mirror behaves
correctly again. The requests are recorded in `requests`.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeAlias
from urllib.parse import quote, unquote

Kind: TypeAlias = Literal[
    "status",  # answer `status`
    "page",  # an HTML page instead of the file, with status 200
    "short-page",  # likewise, without a length
    "cut",  # end after `at` bytes of the body, although more was announced
    "reset",  # reset the connection after `at` bytes of the body
    "hang",  # be silent after `at` bytes of the body
    "mute",  # be silent before the answer
    "wrong",  # other bytes of the same length
    "other-size",  # a longer file with the correct length announced
    "longer",  # a longer file with the original length announced
    "no-range",  # the whole file, whatever the requested range
    "wrong-range",  # status 206 with bytes from the beginning
    "lengthless",  # do not announce the length of the body
    "redirect",  # to `to`
    "slow",  # wait a little after each of many small pieces
]

PAGE = b"<!DOCTYPE html>\n<html><body>Not here, but 200 all the same.</body></html>\n"


@dataclass(frozen=True)
class Fault:
    """A fault of a mirror. `at` is a position in the body; `after` is the Retry-After header, by
    default without a delay.
    """

    kind: Kind
    at: int = 0
    status: int = 404
    to: str = ""
    after: str = "0"


class Mirror:
    """Serves `files` (path to content, or the current files of a folder)."""

    def __init__(self, files: Mapping[str, bytes] | Path) -> None:
        self._files = files
        self._faults: dict[str, tuple[Fault, int, Fault | None]] = {}
        self._lock = threading.Lock()
        self.requests: list[tuple[str, str]] = []  # path and Range header
        self.leaving = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """URL of the mirror's root, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def misbehave(
        self, path: str, fault: Fault, *, times: int = 1 << 30, then: Fault | None = None
    ) -> None:
        """Answer `times` requests for `path` with a fault, then with the fault `then`."""
        with self._lock:
            self._faults[path] = fault, times, then

    def content(self, path: str) -> bytes | None:
        """The content at `path`, or None if there is none."""
        if not isinstance(self._files, Path):
            return self._files.get(path)
        file = self._files / path
        return file.read_bytes() if file.is_file() else None

    def allows(self, authorization: str) -> bool:
        """Whether these credentials are accepted."""
        del authorization
        return True

    def next_fault(self, path: str, asked: str) -> Fault | None:
        """Record a request. Return its fault."""
        with self._lock:
            self.requests.append((path, asked))
            fault, times, then = self._faults.get(path, (None, 0, None))
            if fault is None or times == 0:
                return then
            self._faults[path] = fault, times - 1, then
            return fault

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leaving.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mirror = mirror

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignored: clients that close the connection are expected in these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Answer, correctly or with a fault."""
        path = unquote(self.path.partition("?")[0].lstrip("/"))
        asked = self.headers.get("Range", "")
        if not self.server.mirror.allows(self.headers.get("Authorization", "")):
            self.send_error(401)
            return
        fault = self.server.mirror.next_fault(path, asked)
        data = self.server.mirror.content(path)
        if fault is None:
            self._serve(data, asked)
        elif fault.kind == "status":
            self.send_response(fault.status)
            if fault.after:
                self.send_header("Retry-After", fault.after)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault.kind == "redirect":
            self.send_response(302)
            self.send_header("Location", quote(fault.to, safe=":/"))
            self.end_headers()
        elif fault.kind == "mute":
            self.server.mirror.leaving.wait(20)
        elif fault.kind in {"page", "short-page"}:
            self._head(len(PAGE) if fault.kind == "page" else None, "text/html; charset=utf-8")
            self.wfile.write(PAGE)
        else:
            assert data is not None
            self._misbehave(fault, data, asked)

    def _serve(self, data: bytes | None, asked: str, *, length: bool = True) -> None:
        if data is None:
            self.send_error(404)
            return
        start = _start(asked)
        if start >= len(data) > 0 and asked:
            self.send_error(416)
            return
        if asked:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
        else:
            self._head(len(data) if length else None)
        self.wfile.write(data[start:])

    def _misbehave(self, fault: Fault, data: bytes, asked: str) -> None:
        start = _start(asked)
        if fault.kind == "lengthless":
            self._serve(data, "", length=False)
        elif fault.kind == "no-range":
            self._serve(data, "")
        elif fault.kind == "wrong":
            self._serve(bytes(byte ^ 1 for byte in data), asked)
        elif fault.kind == "other-size":
            self._serve(data + b"more", asked)
        elif fault.kind == "longer":
            self._serve(data * 3, "", length=False)
        elif fault.kind == "wrong-range":
            self.send_response(206)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[: len(data) - start])
        else:
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if fault.kind == "slow":
                self._slowly(data[start:])
                return
            self.wfile.write(data[start : start + fault.at])
            self.wfile.flush()
            if fault.kind == "hang":
                self.server.mirror.leaving.wait(20)
            elif fault.kind == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.shutdown(socket.SHUT_RD)
                self.connection.close()

    def _slowly(self, data: bytes) -> None:
        piece = max(1, len(data) // 50)
        for at in range(0, len(data), piece):
            self.wfile.write(data[at : at + piece])
            self.wfile.flush()
            if self.server.mirror.leaving.wait(0.05):
                return

    def _head(self, length: int | None, kind: str = "application/octet-stream") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Log nothing."""


def _start(asked: str) -> int:
    return int(asked.removeprefix("bytes=").partition("-")[0] or 0) if asked else 0
