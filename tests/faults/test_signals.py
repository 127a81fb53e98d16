"""What a signal leaves behind: nothing."""

from __future__ import annotations

from support.victim import Victim


def test_copy(victim: Victim) -> None:
    assert victim.build().stages() == []
