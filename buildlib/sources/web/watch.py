"""What comes through a connection, watched: how much, how slowly, how much of it for nothing.

The libraries read what a server sends as long as it sends. Here every byte passes before they see
it, in one place, whatever it is for: headers, 1xx answers, a proxy's words, chunks, trailers.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

from buildlib.host.environment import monotonic
from buildlib.model.errors import SourceError
from buildlib.sources.web.causes import KEPT, no_answer
from buildlib.sources.web.limits import HEAD, Passing, Patience

if TYPE_CHECKING:
    import requests

_OVERHEAD = 8  # bytes that may come for each of the file: a chunk of one byte takes six
_SLACK = 1 << 20  # and without any of the file between


class Watch:
    """Looks at every byte of an answer before anybody else, and raises where it is enough."""

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
        """`raw` as the libraries read it, watched."""
        self._open.append(raw)
        return io.BufferedReader(_Watched(raw, self))

    def close(self) -> None:
        """Close what the libraries have left open: they do where an answer is no answer."""
        for raw in self._open:
            raw.close()

    def expect_body(self, size: int) -> None:
        """The head has come, and `size` bytes follow at the most."""
        start = monotonic()
        self._in_head, self._raw, self._since = False, 0, 0
        self._most = _OVERHEAD * size + _SLACK
        self._longest = self._patience.longest(size)
        self._end = start + self._longest
        self._span_end = start + self._patience.span

    def moved(self, size: int) -> None:
        """So much of the file has come."""
        self._moved += size
        self._since = 0
        self.begun = True

    def look(self) -> None:
        """Before more is read."""
        time = monotonic()
        if self._raw > self._most or self._since > _SLACK:
            raise SourceError(
                "the server's answer has no end", where=self._url, reason="answer",
                why=f"{self._raw} bytes of {'headers' if self._in_head else 'little content'}",
                hint="use another mirror (`mirror=URL`)")
        if self._in_head:
            if time > self._end:
                raise Passing(f"the server's answer did not begin within {self._longest:g} s",
                              where=self._url, hint="use another mirror (`mirror=URL`)",
                              reason="timeout")
        elif time > self._end:
            raise self._slow(f"it was not done after {self._longest:g} s")
        elif time > self._span_end:
            if self._moved < self._patience.least * self._patience.span:
                raise self._slow(f"{self._moved} bytes in {self._patience.span:g} s")
            self._moved, self._span_end = 0, time + self._patience.span

    def read(self, size: int) -> None:
        """So many bytes have come, of whatever; none: no more will."""
        self._raw += size
        self._since += size
        if self._in_head and not size:  # http.client takes half a head for a whole one
            raise no_answer(self._url)

    def _slow(self, why: str) -> SourceError:
        return SourceError("the server is too slow", where=self._url, why=why, hint=KEPT,
                           reason="timeout")


class _Watched(io.RawIOBase):
    """What comes through a socket, under a watch."""

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


def _watched(watch: Watch, sock: Any, **named: Any) -> Any:
    """What http.client reads an answer with."""
    from http.client import HTTPResponse

    answer = HTTPResponse(sock, **named)
    answer.fp = watch.over(answer.fp.detach())
    return answer


def watched_session(watch: Watch) -> requests.Session:
    """A session whose connections are watched, and that goes nowhere by itself."""
    import requests
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    head = partial(_watched, watch)
    pools: dict[str, type] = {}
    for scheme, pool, connection in (("http", HTTPConnectionPool, HTTPConnection),
                                     ("https", HTTPSConnectionPool, HTTPSConnection)):
        kind = type("Watched", (connection,), {"response_class": staticmethod(head)})
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
    # even where it is not to follow a redirect it reads its body, if it finds where it leads
    session.get_redirect_target = lambda _answer: None  # type: ignore[assignment]  # meant so
    for scheme in pools:
        session.mount(f"{scheme}://", Adapter(max_retries=0))
    return session
