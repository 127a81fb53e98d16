"""The only parser for numbers from outside.

`int()` accepts signs, spaces, underscores and the digits of every script, and rejects more than
4,300 digits with an error that no parser expects. Here a number is what file formats say it is: the
digits 0 to 9, within limits set by the caller.
"""

from __future__ import annotations

MOST = 2**63 - 1  # sizes, times and offsets are signed numbers of 64 bits
_DIGITS = {8: "01234567", 10: "0123456789", 16: "0123456789abcdefABCDEF"}


def whole_number(
    text: str | bytes, *, least: int = 0, most: int = MOST, base: int = 10, signed: bool = False
) -> int:
    """`text` as a number: digits of `base` (8, 10 or 16) and nothing else.

    least, most  the limits, both inclusive
    signed       whether a minus sign may come first
    Raises ValueError, whose text says what is wrong: "'1²' is not a number", "300 is more than
    255".
    """
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    digits = text[1:] if signed and text.startswith("-") else text
    if not digits or digits.strip(_DIGITS[base]):
        raise ValueError(f"{_short(text)!r} is not a number")
    digits = digits.lstrip("0") or "0"
    negative = text.startswith("-")
    limit = -least if negative else most
    if len(digits) > len(_spelt(max(limit, 0), base)) or int(digits, base) > limit:
        bound = f"less than {least}" if negative else f"more than {most}"
        raise ValueError(f"{_short(text)} is {bound}")
    number = -int(digits, base) if negative else int(digits, base)
    if number < least:
        raise ValueError(f"{_short(text)} is less than {least}")
    return number


def number_or_none(text: str | bytes, *, least: int = 0, most: int = MOST) -> int | None:
    """`text` as a number, or None if it is not one or is outside the limits."""
    try:
        return whole_number(text, least=least, most=most)
    except ValueError:
        return None


def _spelt(number: int, base: int) -> str:
    return {8: f"{number:o}", 10: f"{number}", 16: f"{number:x}"}[base]


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}… ({len(text)} characters)"
