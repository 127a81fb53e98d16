"""Amounts of space: `64m`, `5%`."""

from __future__ import annotations

import pytest

from buildlib.config.amount import amount


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", (0, 0)),
        ("64", (64, 0)),
        ("3b", (1536, 0)),
        ("64k", (65536, 0)),
        ("64m", (64 << 20, 0)),
        ("64M", (64 << 20, 0)),
        (" 2g ", (2 << 30, 0)),
        ("5%", (0, 5)),
        ("1000%", (0, 1000)),
        ("1024g", (1 << 40, 0)),
        ("1099511627776", (1 << 40, 0)),
    ],
)
def test_amounts(text: str, found: tuple[int, int]) -> None:
    assert amount(text) == found


@pytest.mark.parametrize("text", ["", "m", "5 %", "-1", "1.5m", "64mb", "1t", "٣m", "1m 1m"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"^'.*' is not an amount of space: write 5% or 64m$"):
        amount(text)


@pytest.mark.parametrize("text", ["1001%", "1025g", "1099511627777", "9" * 5000])
def test_more_than_an_image_can_have(text: str) -> None:
    with pytest.raises(ValueError, match="is more than an image can have: at most 1000% or 1024g"):
        amount(text)


def test_a_long_text_is_cut() -> None:
    with pytest.raises(ValueError, match=r"^'x{40}' is"):
        amount("x" * 100)
