"""The TOML reader: places in its errors, and limits that are checked before parsing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildlib.model.toml import DEEPEST, LARGEST, loads

PLAIN = b'a = 1\n[b]\nc = "x.y.[[[{"\nd.e = [[1, 2], {f = 1.5}]\n'


def test_what_tomllib_reads_is_read() -> None:
    assert loads(PLAIN) == tomllib.loads(PLAIN.decode())


def test_a_byte_order_mark_and_line_ends_of_windows() -> None:
    assert loads(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n") == {"a": 1, "b": 2}


REFUSED = {
    "not closed": (b"a = 1\nb = [1, 2", "line 2: Unclosed array"),
    "no value": (b"a = 1\nb = \n", "line 2, column 5: Invalid value"),
    "Latin-1": (b"a = 1\nb = '\xe9'", "line 2: byte 0xe9 is not UTF-8"),
    "5,000 digits": (b"a = " + b"9" * 5000, "a number is more than 9223372036854775807"),
    "65 bits": (b"[b]\na = [[9223372036854775808]]", "b.a: a number is more than 9223"),
    "too large": (b"#" * (LARGEST + 1), f"larger than {LARGEST} bytes"),
    "lists": (
        b"b = 1\na = " + b"[" * 20_000,
        "line 2: lists and tables are nested more than 16 deep",
    ),
    "tables": (
        b"a = " + b"{a = " * 20_000,
        "line 1: lists and tables are nested more than 16 deep",
    ),
    "lists on lines": (
        b"a = " + b"[\n" * 17,
        "line 17: lists and tables are nested more than 16 deep",
    ),
    "dots": (b".".join([b"a"] * 20_000) + b" = 1", "line 1: a key has more than 16 parts"),
    "dots with blanks": (b"a . " * 20 + b"a = 1", "line 1: a key has more than 16 parts"),
    "dots in a header": (
        b"[" + b".".join([b"a"] * 20_000) + b"]",
        "line 1: a key has more than 16 parts",
    ),
    "quoted dots": (b"'a'.\"b\"." * 10 + b"c = 1", "line 1: a key has more than 16 parts"),
    "dots in a table": (b"a = {" + b"b." * 20 + b"c = 1}", "line 1: a key has more than 16 parts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    data, told = REFUSED[case]
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        loads(data)
    assert str(caught.value).startswith(told)


TAKEN = {
    "depth": b"a = " + b"[" * DEEPEST + b"]" * DEEPEST,
    "parts": b".".join([b"a"] * DEEPEST) + b" = 1",
    "fractions": b"a = [" + b"1.5, " * 100 + b"]",
    "brackets in strings": b'a = """'
    + b'[{."\\"' * 50
    + b"\"\"\"\nb = '''"
    + b"[{.''" * 50
    + b"x'''\nc = '"
    + b"[." * 50
    + b"'\nd = \""
    + b'[.\\"' * 50
    + b'"',
    "brackets in comments": b"a = 1  #" + b"[." * 50 + b"\n",
    "quotes at the end": b'a = """x"""""\nb = [[[[[[[[]]]]]]]]',
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_only_looks_deep(case: str) -> None:
    assert loads(TAKEN[case]) == tomllib.loads(TAKEN[case].decode())


def loaded(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError:
        return None


@given(st.lists(st.sampled_from([*"[]{}.=,\n\"'#\\a1 ", '"""', "'''"]), max_size=30).map("".join))
def test_it_takes_all_that_tomllib_takes(text: str) -> None:
    assert loaded(tomllib.loads, text) == loaded(lambda text: loads(text.encode()), text)


def test_each_bracket_ends_one_level() -> None:
    """A list beside the deep one does not hide how deep that is."""
    deep = "[" * (DEEPEST - 1) + "[]," + "[" * 2
    with pytest.raises(ValueError, match="nested more than"):
        loads(f"a = {deep}{']' * (DEEPEST + 1)}\n".encode())
    flat = "[" * (DEEPEST - 1) + "[],[]" + "]" * (DEEPEST - 1)
    assert loads(f"a = {flat}\n".encode())
