"""Numbers from outside: digits and limits, and nothing else that int() accepts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildlib.model.numbers import number_or_none, whole_number

NOT_NUMBERS = {
    "empty": "",
    "superscript": "²",
    "arabic": "٣",
    "blank": " 1",
    "newline": "1\n",
    "underscore": "1_0",
    "plus": "+1",
    "minus": "-1",
    "hex": "0x1f",
    "fraction": "1.0",
    "full-width": "１",
    "letters": "ten",
}


@pytest.mark.parametrize("text", NOT_NUMBERS.values(), ids=NOT_NUMBERS.keys())
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        whole_number(text)
    assert number_or_none(text) is None


def test_five_thousand_digits_are_refused_in_a_short_sentence() -> None:
    with pytest.raises(ValueError, match="is more than") as caught:
        whole_number("9" * 5000)
    assert len(str(caught.value)) < 100


def test_zeros_in_front_do_not_count() -> None:
    assert whole_number("0" * 5000 + "7", most=9) == 7


def test_limits_are_allowed_themselves() -> None:
    assert whole_number("0", most=0) == 0
    assert whole_number("255", most=255) == 255
    assert whole_number("-5", least=-5, signed=True) == -5
    for text, least, most in (("256", 0, 255), ("4", 5, 9), ("-6", -5, 9)):
        with pytest.raises(ValueError, match="than"):
            whole_number(text, least=least, most=most, signed=True)


def test_bases() -> None:
    assert whole_number(b"0755", base=8) == 0o755
    assert whole_number("fF", base=16) == 255
    with pytest.raises(ValueError, match="not a number"):
        whole_number("08", base=8)


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_agrees_with_int_within_the_limits(number: int) -> None:
    if -1000 <= number <= 10**20:
        assert whole_number(str(number), least=-1000, most=10**20, signed=True) == number
    else:
        with pytest.raises(ValueError, match="than"):
            whole_number(str(number), least=-1000, most=10**20, signed=True)
