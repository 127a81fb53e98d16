"""Amounts of space in recipes and commands: `64m`, `5%`."""

from __future__ import annotations

import re

from buildlib.model.numbers import whole_number

MOST_BYTES, MOST_PERCENT = 1 << 40, 1000
_AMOUNT = re.compile(r"([0-9]+)([%bkmg]?)")
_UNITS = {"": 1, "b": 512, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def amount(text: str) -> tuple[int, int]:
    """(bytes, percent) of an amount; one of them is 0.

    Bytes may have a unit: b, k, m, g are 512, 2^10, 2^20, 2^30. Raises ValueError.
    """
    match = _AMOUNT.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not an amount of space: write 5% or 64m")
    try:
        if match[2] == "%":
            return 0, whole_number(match[1], most=MOST_PERCENT)
        return whole_number(match[1], most=MOST_BYTES // _UNITS[match[2]]) * _UNITS[match[2]], 0
    except ValueError:
        raise ValueError(
            f"{text[:40]!r} is more than an image can have: at most {MOST_PERCENT}% "
            f"or {MOST_BYTES >> 30}g"
        ) from None
