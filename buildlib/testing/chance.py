"""Pseudorandom numbers and bytes from a seed, the same with every version of Python.

Source: SplitMix64, by Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
OOPSLA 2014.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Chance:
    """A sequence of choices; the same seed gives the same sequence."""

    def __init__(self, *seed: str | int) -> None:
        self._name = repr(seed).encode()
        self._state = int.from_bytes(hashlib.sha256(self._name).digest()[:8], "big")

    def number(self) -> int:
        """The next 64-bit number."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def share(self) -> float:
        """A number from 0 to 1, excluding 1."""
        return (self.number() >> 11) / (1 << 53)

    def below(self, end: int) -> int:
        """A number from 0 to `end`, excluding `end`."""
        return self.number() % end

    def one_in(self, count: int) -> bool:
        """True with the probability 1 / `count`."""
        return self.number() % count == 0

    def pick(self, things: Sequence[T]) -> T:
        """One of `things`."""
        return things[self.number() % len(things)]

    def noise(self, size: int) -> bytes:
        """Incompressible bytes; the same on every call."""
        return hashlib.shake_128(self._name).digest(size)
