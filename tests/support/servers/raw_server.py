"""A server that sends given bytes, and counts how many were received.

    with RawServer(b"HTTP/1.1 200 OK\\r\\n\\r\\nhello") as server:
        fetch([f"{server.url}/file"], …)

The answer is bytes, or a function that gets the request and yields them, possibly endlessly.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TypeAlias

Speech: TypeAlias = bytes | Callable[["RawServer", bytes], Iterable[bytes]]

BUFFERS = 12 << 20  # bytes that the system buffers if a client stops reading, both ways


class RawServer:
    """Sends `speech` on every connection after a request has arrived."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.sent = 0
        self.requests: list[bytes] = []
        self.leaving = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._threads = [threading.Thread(target=self._serve)]

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """URL of the server's root, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while not self.leaving.is_set():
            try:
                client, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._talk, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(0.2)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = client.recv(65536)
                if not piece:
                    return
                request += piece
            self.requests.append(request)
            speech = self.speech
            for piece in [speech] if isinstance(speech, bytes) else speech(self, request):
                left = memoryview(piece)
                while left and not self.leaving.is_set():
                    with contextlib.suppress(TimeoutError):
                        size = client.send(left)
                        self.sent += size
                        left = left[size:]
                if self.leaving.is_set():
                    return

    def __enter__(self) -> RawServer:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leaving.set()
        self._threads[0].join()
        self._socket.close()
        for thread in self._threads[1:]:
            thread.join()
