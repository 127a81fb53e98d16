"""The JSON reader."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.spending import spent

from buildlib.model.json_text import LARGEST, loads

REFUSED = {
    "nothing": (b"", "line 1, column 1: Expecting value"),
    "half": (b'{"a":\n[1, 2', "line 2, column 6: Expecting ',' delimiter"),
    "not UTF-8": (b'{"a":\n"\xe9"}', "line 2: byte 0xe9 is not UTF-8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "NaN": (b'{"a": NaN}', "NaN is not a number that is allowed here"),
    "infinite": (b"[1e999]", "1e999 is not a number that is allowed here"),
    "5,000 digits": (b"[" + b"9" * 5000 + b"]", "9" * 24 + " is not a number that is allowed here"),
    "beyond 64 bits": (
        b"[18446744073709551616]",
        "18446744073709551616 is not a number that is allowed here",
    ),
    "deep lists": (b"[" * 100_000, "objects and lists are nested too deeply"),
    "deep objects": (b'{"a":' * 100_000, "objects and lists are nested too deeply"),
    "too large": (b" " * (LARGEST + 1), f"larger than {LARGEST} bytes"),
    "twice": (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' is given twice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    data, told = REFUSED[case]
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        loads(data, unique=True)
    assert str(caught.value) == told


def test_a_digest_of_digits_is_no_number() -> None:
    assert loads(b'{"a": ["12345678901234567890123", 12]}') == {
        "a": ["1" + "2345678901" * 2 + "23", 12]
    }


@pytest.mark.programs
def test_a_name_given_twice_behind_very_many() -> None:
    names = ",".join(f'"{number}":0' for number in range(300_000))
    found = spent(lambda: loads(f'{{{names},"299999":1}}'.encode(), unique=True))
    assert found.refused.startswith("'299999' is given twice")
    assert found.seconds < 3


def test_an_inode_number_may_have_64_bits() -> None:
    assert loads(b"[18446744073709551615]") == [2**64 - 1]


def test_a_name_given_twice_where_nobody_edits() -> None:
    assert loads(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.thorough
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**62), 2**64 - 1)
        | st.text()
        | st.floats(-1e9, 1e9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_what_was_written_is_read(value: Any) -> None:
    assert loads(json.dumps(value).encode(), unique=True) == value
