"""How long a server is waited for."""

from __future__ import annotations

from buildlib.host.environment import pause
from buildlib.sources.web import limits
from buildlib.sources.web.limits import Patience, TemporaryError


def test_a_large_file_may_take_longer() -> None:
    assert Patience().longest(0) == 600
    assert Patience().longest(4_000_000) == 1600
    assert Patience(base=1, pace=2).longest(3) == 2.5


def test_the_defaults() -> None:
    patience = Patience()
    assert (patience.connect, patience.silence, patience.head) == (10, 30, 60)
    assert (patience.span, patience.least, patience.tries) == (60, 1000, 4)
    assert patience.wait is pause
    patience.say("nobody hears it")
    assert TemporaryError("x").after is None


def test_sizes_of_what_no_digest_pins() -> None:
    mb = 1 << 20
    assert (4 * mb, 32 * mb, 32 * mb) == (limits.KEY, limits.LIST, limits.ADVISORIES)
    assert (64 * mb, 2048 * mb) == (limits.SUMMARY, limits.FILE)
    assert (mb // 4, 8, 30) == (limits.HEAD, limits.HOPS, limits.AFTER)
