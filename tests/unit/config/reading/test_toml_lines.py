"""The line of every key of a TOML document."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildlib.config.reading.toml_lines import key_lines

FORMS = {
    "bare keys": ("a = 1\nb = 2\n", {"a": 1, "b": 2}),
    "a dotted key": ("\na.b.c = 1\na . d = 2\n", {"a": 2, "a.b": 2, "a.b.c": 2, "a.d": 3}),
    "quoted keys": ('"q.r" = 1\n\'s t\' = 2\n"\\u0061" = 3', {"q.r": 1, "s t": 2, "a": 3}),
    "comments": ("# a = 1\n\na = 1 # b = 2\nc = 3", {"a": 3, "c": 4}),
    "signs in a string": ('a = "[x] = {# \\" "\nb = \'[=#\'\nc = 1', {"a": 1, "b": 2, "c": 3}),
    "long strings": (
        'a = """\nb = 1\n""\\"""" # x\nc = \'\'\'\nd = 1\'\'\'\'\ne = 2',
        {"a": 1, "c": 4, "e": 6},
    ),
    "a list": (
        'a = [\n  "x", # one\n\n  [2,\n 3],\n]\nb = 1',
        {"a": 1, "a[0]": 2, "a[1]": 4, "a[1][0]": 4, "a[1][1]": 5, "b": 7},
    ),
    "an inline table": (
        "a = {b = 1, c.d = [2]}\ne = 1",
        {"a": 1, "a.b": 1, "a.c": 1, "a.c.d": 1, "a.c.d[0]": 1, "e": 2},
    ),
    "tables": ("[a]\nb = 1\n[a.c]\nd = 2", {"a": 1, "a.b": 2, "a.c": 3, "a.c.d": 4}),
    "arrays of tables": (
        "[[t]]\nn = 1\n[[t]]\nn = 2\n[t.s]\nm = 3\n[[t.u]]\n[[t.u]]\nk = 1",
        {
            "t": 1,
            "t[0]": 1,
            "t[0].n": 2,
            "t[1]": 3,
            "t[1].n": 4,
            "t[1].s": 5,
            "t[1].s.m": 6,
            "t[1].u": 7,
            "t[1].u[0]": 7,
            "t[1].u[1]": 8,
            "t[1].u[1].k": 9,
        },
    ),
    "numbers and times": (
        "a = -2.5e-3\nb = 1979-05-27T07:32:00.5Z\nc = [1.5, 2.5]\nd = 1979-05-27 07:32:00",
        {"a": 1, "b": 2, "c": 3, "c[0]": 3, "c[1]": 3, "d": 4},
    ),
    "lines of Windows": ("a = 1\r\n[b]\r\nc = 2\r\n", {"a": 1, "b": 2, "b.c": 3}),
    "nothing": ("", {}),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form(name: str) -> None:
    text, lines = FORMS[name]
    tomllib.loads(text)  # it is TOML
    assert key_lines(text) == lines


def keys_of(value: object, path: str = "") -> set[str]:
    """Every key of a document, as errors name it."""
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, item in value.items():
            found |= keys_of(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found |= keys_of(item, f"{path}[{number}]")
    return found


KEYS = st.sampled_from(["a", "b-c", '"d"', "'e f'"])
SCALARS = st.sampled_from(["1", "-1.5", "true", '"x]"', "'{'", '"""\n#"""', "1979-05-27", "0x1F"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # x\n".join(items) + "\n]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {item}" for key, item in table.items()) + "}"
        )
    ),
    max_leaves=8,
)
STATEMENTS = st.lists(
    st.one_of(
        st.tuples(KEYS, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"),
        KEYS.map(lambda key: f"[t.{key}]"),
        KEYS.map(lambda key: f"[[l.{key}]]"),
        st.just("# a = 1"),
    ),
    max_size=6,
)


@pytest.mark.thorough
@given(STATEMENTS)
def test_every_key_has_the_line_of_its_statement(statements: list[str]) -> None:
    text = "\n".join(statements)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    assert lines.keys() == keys_of(document)
    for line in lines.values():
        assert 1 <= line <= text.count("\n") + 1
