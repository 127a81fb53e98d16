"""Patterns: a table with quirks of pkg_install, and a naive glob for comparison."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.pattern import (
    ALTERNATIVES_MAX,
    best,
    compile_pattern,
    expand,
    matches,
)

# pkg_install, lib/opattern.c (pkg_match), lib/dewey.c (dewey_match); fnmatch(3) of NetBSD
TABLE = [
    # ranges
    ("foo>1", "foo-1.1", True),
    ("foo>1", "foo-1.0", False),
    ("foo>1", "foo-1.0nb1", True),
    ("foo>=1", "foo-1.0", True),
    ("foo<1", "foo-1.0alpha1", True),
    ("foo<=1", "foo-1.0nb1", False),
    ("foo>=1<2", "foo-1.9nb3", True),
    ("foo>=1<2", "foo-2.0", False),
    ("foo>=1<2", "foo-2.0rc1", True),
    ("foo>=1<=2", "foo-2.0", True),
    ("foo>1nb3", "foo-1.0nb2", False),
    ("foo>=1", "bar-1.0", False),
    ("foo>=1", "foo-bar-1.0", False),
    ("foo-bar>=1", "foo-bar-1.0", True),
    ("foo>=1", "foo", False),
    ("librsvg>=2.12<2.41", "librsvg-2.12alpha", False),
    # an empty bound or version is 0
    ("foo>=", "foo-", True),
    ("foo>", "foo-0", False),
    ("foo>", "foo-0nb1", True),
    # only one lower and then one upper bound: the rest is skipped as part of a version
    ("foo<2>1", "foo-1.5", True),
    ("foo<2>1", "foo-0.5", True),
    ("foo>1>2", "foo-1.5", False),  # the bound is a 1 and a 2, as of 1.2 without the dot
    # == and != are known to dewey.c but never found, as the search is for < and >
    ("foo==1.0", "foo-1.0", False),
    # letters in unknown words
    ("foo>1.1", "foo-1.1blah2", True),
    ("foo>1.1c2", "foo-1.1blah2", False),
    # globs match the whole name
    ("foo-[0-9]*", "foo-1.0", True),
    ("foo-[0-9]*", "foo-bar-1.0", False),
    ("foo-[0-9]*", "foo-2bar-1.0", True),
    ("fo*-[0-9]*", "foo-1.0", True),
    ("foo-1.[1-3]", "foo-1.4", False),
    ("foo-1.[!1-3]", "foo-1.4", True),
    ("foo-1.[^1-3]", "foo-1.3", False),
    ("foo-[3-1]*", "foo-2", False),
    ("foo-1.?", "foo-1.22", False),
    ("foo-1.?", "foo-1.2", True),
    ("*", "foo-1", True),
    ("*", ".foo-1", False),
    ("?foo-1", ".foo-1", False),
    (".*", ".foo-1", True),
    ("[.]*", ".foo-1", True),
    # a bracket ends at the first ], except at its start; an unclosed one matches nothing
    ("foo-[]1]*", "foo-1", True),
    ("foo-[]1]*", "foo-]", True),
    ("foo-[!]", "foo-1", False),
    ("foo-[!]1]", "foo-2", True),
    ("foo-[x", "foo-x", False),
    ("foo-[x/y]", "foo-x", False),
    ("foo-[x/y]", "foo-[x/y]", True),
    ("foo-[1\\]]", "foo-]", True),
    # unless the appended version closes it
    ("foo-[0-9", "foo-1", True),
    ("foo-\\*", "foo-*", True),
    ("foo\\-1", "foo-1", False),
    ("foo\\-1", "foo-1-2", True),
    ("foo-*\\", "foo-1\\", False),
    ("foo-1\\", "foo-1\\", True),
    # names and bases
    ("foo-1.0", "foo-1.0", True),
    ("foo-1.0", "foo-1.0nb1", False),
    ("foo", "foo-1.0", True),
    ("foo", "foo", True),
    ("foo", "foo-bar-1.0", False),
    ("foo", "foo-2bar-1.0", True),
    ("fo?", "foo-1.0", True),
    ("", "-1", True),
    # alternatives
    ("{foo,bar}-[0-9]*", "bar-1.0", True),
    ("{foo,bar}-[0-9]*", "baz-1.0", False),
    ("{foo,bar}>=2", "bar-1.0", False),
    ("mpg123{,-esound,-nas}>=0.59", "mpg123-1", True),
    ("mpg123{,-esound,-nas}>=0.59", "mpg123-nas-1", True),
    ("a-{b,c}-{d{e,f},g}-h>=1", "a-b-df-h-2", True),
    ("a-{b,c}-{d{e,f},g}-h>=1", "a-c-g-h-2", True),
    ("a-{b,c}-{d{e,f},g}-h>=1", "a-b-d-h-2", False),
    ("foo{>=2,<1}", "foo-3", True),
    ("foo{>=2,<1}", "foo-1.5", False),
    ("{foo}", "foo-1", True),
    ("foo{}-1", "foo-1", True),
    # a closing brace without an opening one is a character
    ("{foo,bar}}>1", "foo}-2", True),
    ("foo}", "foo}-1", True),
]


@pytest.mark.parametrize(("pattern", "name", "expected"), TABLE)
def test_table(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{foo", "not closed"),
        ("foo}b{ar>1", "not closed"),
        ("{a,{b,c}-1", "not closed"),
        ("{a,b}" * 30, "alternatives"),
        ("{" * 300 + "a" + "}" * 300 + "{a,b}" * 12, "alternatives"),
        ("a" * 1025, "longer"),
    ],
)
def test_unusable(text: str, why: str) -> None:
    with pytest.raises(SourceError) as caught:
        compile_pattern(text)
    assert caught.value.reason == "pattern"
    assert caught.value.why is not None
    assert why in caught.value.why


def test_many_stars_take_linear_time() -> None:
    assert not matches("*a" * 400 + "b", "a" * 2000 + "-1c")


def test_expand_keeps_the_order() -> None:
    assert expand("{b,a{2,1}}-{x,}") == ["b-x", "b-", "a2-x", "a2-", "a1-x", "a1-"]


@pytest.mark.parametrize(
    ("pattern", "names", "expected"),
    [
        ("foo>1<3", ["foo-1.1", "foo-3.0", "foo-2.0", "foo-1.9"], "foo-2.0"),
        ("foo>1", ["foo-1", "bar-2"], None),
        ("foo", [], None),
        ("{foo,bar}-[0-9]*", ["foo-1.0", "bar-1.1"], "bar-1.1"),
        # pkg_order: of equal versions the name first in the alphabet
        ("{foo,bar}-[0-9]*", ["foo-1.0", "bar-1.0"], "bar-1.0"),
        ("mpg123{,-nas,-esound}>=0", ["mpg123-nas-1", "mpg123-esound-1", "mpg123-1"], "mpg123-1"),
        ("foo", ["foo-1.0", "foo-1"], "foo-1"),
    ],
)
def test_best(pattern: str, names: list[str], expected: str | None) -> None:
    assert best(pattern, names) == expected
    assert best(pattern, reversed(names)) == expected


def naive_glob(pattern: str, text: str) -> bool:
    """fnmatch(3) by trying everything, for patterns of letters, stars and question marks."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive_glob(pattern[1:], text[cut:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and naive_glob(pattern[1:], text[1:])


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(st.text("ab-1*?", max_size=8), st.text("ab-1", max_size=8))
@example("*a*b*", "xaabxb")
def test_same_as_naive_glob(pattern: str, name: str) -> None:
    if not set(pattern) & set("*?"):
        pattern += "*"
    versioned = pattern + "-*"
    expected = naive_glob(pattern, name) or any(
        naive_glob(pattern, name[:at]) and name[at + 1 : at + 2] == "1"
        for at in range(len(name))
        if name[at] == "-"
    )
    assert matches(pattern, name) is (expected or name in {pattern, versioned})


TREES = st.recursive(
    st.text("ab-1>", max_size=3),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: "{" + ",".join(parts) + "}")
        | st.tuples(inner, inner).map("".join)
    ),
    max_leaves=6,
)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(TREES, st.text("ab-1", max_size=6))
def test_alternatives_are_the_union(pattern: str, name: str) -> None:
    plain = expand(pattern)
    assert len(plain) <= ALTERNATIVES_MAX
    assert not any("{" in text for text in plain)
    assert matches(pattern, name) is any(matches(text, name) for text in plain)


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(st.text("ab-19{},<>=*?[]!^\\.", max_size=20), st.text("ab-19.]", max_size=10))
def test_fuzz(pattern: str, name: str) -> None:
    try:
        matches(pattern, name)
    except SourceError as error:
        assert error.reason == "pattern"  # noqa: PT017  most of them match or do not


@settings(max_examples=100, deadline=None)
@given(st.text("ab1", min_size=1, max_size=4), st.lists(st.integers(0, 40), max_size=8))
def test_best_is_a_maximum(base: str, minors: list[int]) -> None:
    names = [f"{base}-1.{minor}" for minor in minors]
    assert best(base, names) == (f"{base}-1.{max(minors)}" if minors else None)
