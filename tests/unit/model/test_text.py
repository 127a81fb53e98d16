"""Decoding of handwritten texts."""

from __future__ import annotations

import pytest

from buildlib.model.text import decoded


def test_a_byte_order_mark_is_left_out() -> None:
    assert decoded(b"\xef\xbb\xbfrelease = 1") == "release = 1"


def test_the_line_of_what_is_not_utf_8() -> None:
    with pytest.raises(ValueError, match=r"^line 2: byte 0xe9 is not UTF-8$"):
        decoded(b"# caf\xc3\xa9\n# caf\xe9\n")
