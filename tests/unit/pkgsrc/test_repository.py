"""Searching a repository: the index must find the same as trying every name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.pkgsrc.pattern import compile_pattern, newest_first
from buildlib.pkgsrc.repository import NameIndex, Repository, is_in_provides
from buildlib.pkgsrc.summary import Summary

NAMES = [
    "foo-1.0",
    "foo-1.1nb2",
    "foo-2bar-1.0",
    "foobar-3",
    "bar-1.0",
    "p5-foo-0.1",
    "xentools420-4.20.1",
    "xentools418-4.18.3",
]


@pytest.mark.parametrize(
    "pattern",
    ["foo", "foo-1.0", "foo>=1.1", "fo*", "*", "{bar,foo}-[0-9]*", "?oo-[0-9]*", "foo-[0-9]*", "x"],
)
def test_index_misses_nothing(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    expected = newest_first(name for name in NAMES if compiled.matches(name))
    assert list(NameIndex(NAMES).matching(pattern)) == expected


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("ab-1.", max_size=6), max_size=12),
    st.text("ab-1.*?{},>=[]", max_size=7).filter(lambda text: text.count("{") == 0)
    | st.from_regex(r"[ab]{0,2}(-\[0-9\]\*|[<>]=?[0-9.]{0,3})?", fullmatch=True),
)
def test_index_misses_nothing_at_all(names: list[str], pattern: str) -> None:
    compiled = compile_pattern(pattern)
    expected = {name for name in names if compiled.matches(name)}
    assert set(NameIndex(names).matching(pattern)) == expected


def test_asking() -> None:
    repository = Repository(
        [
            Summary(pkgname="foo-1.0", pkgpath="devel/foo", provides=("/usr/pkg/lib/libfoo.so.1",)),
            Summary(pkgname="foo-1.10", pkgpath="devel/foo", comment="first"),
            Summary(pkgname="foo-1.10", pkgpath="devel/other", comment="second"),
            Summary(pkgname="py312-foo-1", pkgpath="devel/py-foo"),
        ]
    )
    assert len(repository) == 3
    assert "foo-1.0" in repository
    assert repository["foo-1.10"].comment == "first"
    assert repository.at("devel/foo") == ("foo-1.10", "foo-1.0")
    assert repository.at("devel/other") == ()
    assert repository.of_base("foo") == ("foo-1.10", "foo-1.0")
    assert repository.matching("foo<1.5") == ("foo-1.0",)
    assert repository.providing("/usr/pkg/lib/libfoo.so.1") == ("foo-1.0",)
    assert "foo-1.0" in repository.names
    assert "foo" not in repository.names


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("foo>=9", ("foo-1.1nb2", "foo-1.0")),
        ("foo-7", ("foo-1.1nb2", "foo-1.0")),
        ("xentool420", ("xentools420-4.20.1", "xentools418-4.18.3")),
        ("devel/fooo-1.0", ("devel/foo-1.0",)),
        ("{zzzz,qqqq}>1", ()),
    ],
)
def test_nearest(text: str, near: tuple[str, ...]) -> None:
    repository = Repository(Summary(pkgname=name, pkgpath=f"devel/{name}") for name in NAMES)
    assert repository.nearest(text)[: len(near)] == near


@pytest.mark.parametrize(
    ("library", "is_in"),
    [
        ("/usr/pkg/lib/libz.so", True),
        ("/usr/pkg/lib/libz.so.1", True),
        ("/usr/pkg/lib/libz.so.1.2.3", True),
        ("/usr/pkg/lib/libreadline.so.8.2a", False),
        ("/usr/pkg/lib/lua/5.4/lpeg.so", False),
        ("/usr/pkg/share/x.so", False),
        ("/usr/pkg/lib/libz.a", False),
        ("/usr/pkg/lib.so", False),
        ("/usr/lib/libz.so.1", False),
        ("/usr/pkgs/lib/libz.so.1", False),
        ("/usr/pkg/lib/libz.so.", False),
    ],
)
@pytest.mark.parametrize("prefix", ["/usr/pkg", "/usr/pkg/"])
def test_libraries_in_provides(library: str, is_in: bool, prefix: str) -> None:
    """Paths in a packing list have no slash at the beginning, so that lib/ alone is not /lib."""
    assert is_in_provides(library, prefix) is is_in
