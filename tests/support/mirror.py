"""A mirror on loopback, whose answers for single files can be spoiled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What a mirror answers instead of a file.

    length  what it promises, where that is not what it sends
    """

    body: bytes
    status: int = 200
    kind: str = "application/octet-stream"
    length: int | None = None


class Mirror:
    """A folder over HTTP. `spoiled` holds answers by the end of a path; `asked` every path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spoiled: dict[str, Answer] = {}
        self.asked: list[str] = []

    def answer(self, path: str) -> Answer | None:
        """The spoiled answer for `path`, if there is one."""
        self.asked.append(path)
        return next((answer for end, answer in self.spoiled.items() if path.endswith(end)), None)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: object, mirror: Mirror, directory: str) -> None:
        self.mirror = mirror
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        answer = self.mirror.answer(self.path)
        if answer is None:
            super().do_GET()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        length = len(answer.body) if answer.length is None else answer.length
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  its name there
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[Mirror]:
    """`folder` on a free port of loopback."""
    mirror = Mirror("")
    handler = partial(_Handler, mirror=mirror, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        mirror.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield mirror
        finally:
            server.shutdown()
            thread.join()
