"""Monitoring of connections: limits for size, speed and overhead of an answer.

The libraries read as long as a server sends. Here every byte is counted before they see it, in one
place, whatever it belongs to: headers, 1xx answers, a proxy's answer, chunks, trailers.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from buildlib.host.environment import monotonic
from buildlib.model.errors import SourceError
from buildlib.sources.web.causes import KEPT, no_answer
from buildlib.sources.web.limits import HEAD, Patience, TemporaryError

if TYPE_CHECKING:
    import requests

_OVERHEAD = 8  # bytes allowed per byte of the file; a chunk of one byte takes six
_SLACK = 1 << 20  # bytes allowed between two pieces of the file


class Watch:
    """Counts every byte of an answer, and raises SourceError if a limit is exceeded."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._url, self._patience = url, patience
        self._raw, self._most, self._since = 0, HEAD, 0
        self._longest = patience.head
        self._end = monotonic() + self._longest
        self._span_end, self._moved = 0.0, 0
        self._in_head = True
        self.begun = False
        self._open: list[io.RawIOBase] = []

    def over(self, raw: io.RawIOBase) -> io.BufferedReader:
        """A monitored reader over `raw` for the libraries."""
        self._open.append(raw)
        return io.BufferedReader(_Watched(raw, self))

    def close(self) -> None:
        """Close what the libraries have left open, as they do after an invalid answer."""
        for raw in self._open:
            raw.close()

    def expect_body(self, size: int) -> None:
        """The headers have arrived, and at most `size` bytes follow."""
        start = monotonic()
        self._in_head, self._raw, self._since = False, 0, 0
        self._most = _OVERHEAD * size + _SLACK
        self._longest = self._patience.longest(size)
        self._end = start + self._longest
        self._span_end = start + self._patience.span

    def moved(self, size: int) -> None:
        """Count `size` bytes of the file itself."""
        self._moved += size
        self._since = 0
        self.begun = True

    def look(self) -> None:
        """Check the limits before more is read."""
        time = monotonic()
        if self._raw > self._most or self._since > _SLACK:
            raise SourceError(
                "the server's answer is endless",
                where=self._url,
                reason="answer",
                why=f"{self._raw} bytes of {'headers' if self._in_head else 'little content'}",
                hint="use another mirror (`mirror=URL`)",
            )
        if self._in_head:
            if time > self._end:
                raise TemporaryError(
                    f"the server did not answer within {self._longest:g} s",
                    where=self._url,
                    hint="use another mirror (`mirror=URL`)",
                    reason="timeout",
                )
        elif time > self._end:
            raise self._slow(f"it was not finished after {self._longest:g} s")
        elif time > self._span_end:
            if self._moved < self._patience.least * self._patience.span:
                raise self._slow(f"{self._moved} bytes in {self._patience.span:g} s")
            self._moved, self._span_end = 0, time + self._patience.span

    def read(self, size: int) -> None:
        """Count `size` bytes of any kind; 0: the connection has ended."""
        self._raw += size
        self._since += size
        if self._in_head and not size:  # http.client accepts incomplete headers
            raise no_answer(self._url)

    def _slow(self, why: str) -> SourceError:
        return SourceError(
            "the server is too slow", where=self._url, why=why, hint=KEPT, reason="timeout"
        )


class _Watched(io.RawIOBase):
    """The input of a socket, monitored by a Watch."""

    def __init__(self, raw: io.RawIOBase, watch: Watch) -> None:
        self._raw, self._watch = raw, watch

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._watch.look()
        size = self._raw.readinto(buffer)
        self._watch.read(size or 0)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def _answer(watch: Watch) -> type:
    """A monitored class of answers for http.client."""
    from http.client import HTTPResponse

    class Answer(HTTPResponse):
        def __init__(self, sock: Any, **named: Any) -> None:
            super().__init__(sock, **named)
            self.fp = watch.over(self.fp.detach())

        def begin(self) -> None:
            """Skip informational answers, any number of which may precede the final one (RFC 9110,
            15.2); http.client skips only 100. 101 is final: it ends HTTP on the connection.
            """
            super().begin()
            while 101 < self.status < 200:
                self.headers = None  # type: ignore[assignment]  # so that it begins again
                super().begin()

    return Answer


def watched_session(watch: Watch) -> requests.Session:
    """A session with monitored connections that follows no redirects."""
    import requests
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    answer = _answer(watch)
    pools: dict[str, type] = {}
    for scheme, pool, connection in (
        ("http", HTTPConnectionPool, HTTPConnection),
        ("https", HTTPSConnectionPool, HTTPSConnection),
    ):
        kind = type("Watched", (connection,), {"response_class": answer})
        pools[scheme] = type("Pool", (pool,), {"ConnectionCls": kind})

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            super().init_poolmanager(*arguments, **named)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
            manager = super().proxy_manager_for(*arguments, **named)
            if "socks" not in type(manager).__name__.lower():
                manager.pool_classes_by_scheme = pools
            return manager

    session = requests.Session()
    # even with allow_redirects=False it reads the body of a redirect whose target it finds
    session.get_redirect_target = lambda _answer: None  # type: ignore[assignment]  # intended
    for scheme in pools:
        session.mount(f"{scheme}://", Adapter(max_retries=0))
    return session
