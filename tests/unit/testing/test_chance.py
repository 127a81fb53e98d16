"""Pseudorandom choices are the same on every machine."""

from __future__ import annotations

from buildlib.testing.chance import Chance


def test_the_row_is_known() -> None:
    """SplitMix64 with seed 0, as printed by its authors' program."""
    chance = Chance()
    chance._state = 0
    assert [hex(chance.number()) for _ in range(3)] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_seeds_differ() -> None:
    assert Chance("a", 1).number() == Chance("a", 1).number()
    assert len({Chance("a", 1).number(), Chance("a", 2).number(), Chance("a", "1").number()}) == 3
    assert Chance("a").noise(9) == Chance("a").noise(9) != Chance("b").noise(9)


def test_choices_are_spread() -> None:
    chance = Chance("spread")
    assert {chance.below(5) for _ in range(100)} == set(range(5))
    assert {chance.pick("abc") for _ in range(100)} == set("abc")
    shares = [chance.share() for _ in range(1000)]
    assert 0 <= min(shares) < 0.05
    assert 0.95 < max(shares) < 1
    assert 150 < sum(chance.one_in(5) for _ in range(1000)) < 250
