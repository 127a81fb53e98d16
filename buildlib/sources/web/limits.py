"""Limits for downloads: sizes of files that no digest pins, and timeouts.

A size given by a lock or a summary is the limit for its file. This module limits everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from buildlib.host.environment import pause
from buildlib.model.errors import SourceError

# bytes; the largest ones published by NetBSD and pkgsrc have at most a third of it
KEY = 4 << 20
LIST = 32 << 20  # signed lists of digests, MD5, SHA512
ADVISORIES = 32 << 20  # pkg-vulnerabilities
SUMMARY = 64 << 20  # pkg_summary, compressed
FILE = 2 << 30  # sets and packages of unknown size

HEAD = 256 << 10  # status line and headers of an answer, including all 1xx answers before it
HOPS = 8  # consecutive redirects
AFTER = 30.0  # longest delay in seconds that a server may request before the next try


def _discard(_line: str) -> None:
    """Print nothing."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts and number of tries for a server.

    connect, silence  seconds until it accepts the connection, and between any two bytes
    head              seconds until status and headers have arrived
    span, least       in each interval of `span` seconds, `least` bytes per second must arrive
    base, pace        a whole file may take `base` seconds, and one more for each `pace` bytes
    tries             number of tries if the failure is temporary
    wait, say         functions that wait some seconds, and report a line
    """

    connect: float = 10.0
    silence: float = 30.0
    head: float = 60.0
    span: float = 60.0
    least: int = 1000
    base: float = 600.0
    pace: int = 4000
    tries: int = 4
    wait: Callable[[float], None] = pause
    say: Callable[[str], None] = _discard

    def longest(self, size: int) -> float:
        """Seconds that a file of `size` bytes may take."""
        return self.base + size / self.pace


class TemporaryError(SourceError):
    """A temporary failure. `after`: seconds to wait as requested by the server, or None.

    Either a temporary status (408, 425, 429, 500, 502, 503, 504), or a connection that ends before
    the first byte of an answer.
    """

    after: float | None = None
