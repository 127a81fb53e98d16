"""What is taken of a stranger's file that nothing pins, and how long a server is waited for.

A size that a lock, or a summary, tells is the limit of its file. All else has one here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from buildlib.host.environment import pause
from buildlib.model.errors import SourceError

# bytes; the largest that NetBSD and pkgsrc publish have a third of it at the most
KEY = 4 << 20
LIST = 32 << 20  # signed lists of digests, MD5, SHA512
ADVISORIES = 32 << 20  # pkg-vulnerabilities
SUMMARY = 64 << 20  # pkg_summary, packed
FILE = 2 << 30  # sets and packages of which no size is known

HEAD = 256 << 10  # status line and headers of an answer, all 1xx before it among them
HOPS = 8  # redirects that follow one another
AFTER = 30.0  # seconds that a server may ask to be left alone before it is asked again


def _unsaid(_line: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, and how often it is asked.

    connect, silence  seconds until it takes the connection, and between any two bytes
    head              seconds until status and headers are there
    span, least       bytes a second that must come in each span of that many seconds
    base, pace        all of a file may take `base` seconds, and one more for each `pace` bytes
    tries             how often it is asked where it answers that it cannot do so now
    wait, say         wait so many seconds; tell of it
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
    say: Callable[[str], None] = _unsaid

    def longest(self, size: int) -> float:
        """Seconds that a file of `size` bytes may take."""
        return self.base + size / self.pace


class Passing(SourceError):  # noqa: N818  the name says what it is
    """What may be over in a moment. `after`: seconds the server asks to wait; None: it does not.

    A refusal for the time being (408, 425, 429, 500, 502, 503, 504), or a connection that ends
    before the first byte of an answer.
    """

    after: float | None = None
