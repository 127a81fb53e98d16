"""The order of versions: a table, and a second implementation that pads like dewey.c."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.version import compare, components, key, split_pkgname

# Sources: pkg_install, lib/dewey.c; the test pairs of pkgsrc's copy in awk, in the folder
# pkgtools/pkg_summary-utils/files/tests. Where the copy differs (1.0.0.0alpha1), dewey.c is used.
EQUAL, OLDER = 0, -1
TABLE = [
    ("1", "1", EQUAL),
    ("1", "1.0", EQUAL),
    ("1", "", 1),
    ("0", "", EQUAL),
    ("1.9", "1.10", OLDER),
    ("22", "101", OLDER),
    ("1.1", "1.1.1", OLDER),
    ("0001.00023", "1.23", EQUAL),
    # the words before a release; rc and pre are the same
    ("1.1alpha3", "1.1beta1", OLDER),
    ("1.1beta10", "1.1rc1", OLDER),
    ("1.1beta3", "1.1beta10", OLDER),
    ("1.1rc3", "1.1pre3", EQUAL),
    ("1.1pre3", "1.1", OLDER),
    ("1.1alpha", "1.1alpha0", EQUAL),
    ("1.1BETA1", "1.1beta1", EQUAL),
    # pl, _ and . are the same, and a letter is a dot and its number
    ("1.1", "1pl1", EQUAL),
    ("1.1", "1_1", EQUAL),
    ("1.1", "1a", EQUAL),
    ("1.1A", "1.1.a", 1),  # .a is a dot, then a letter with a dot of its own
    ("1.1A", "1.1a", EQUAL),
    ("1zzz", "1.26.26.26", EQUAL),
    ("1.0z", "1.0.27", OLDER),
    ("1.0pl1", "1.0.0.0pl1", 1),
    ("1.1stable", "1.1StAbLe", EQUAL),
    # words count at their position: zeros before them are not skipped
    ("1.0alpha1", "1.0.0.0alpha1", OLDER),
    # the revision comes last, whatever follows it
    ("1.1", "1.1nb1", OLDER),
    ("1.1nb2", "1.1nb10", OLDER),
    ("1.1nb9", "1.1.1", OLDER),
    ("1.1nb", "1.1nb0", EQUAL),
    ("1.1NB3", "1.1nb3", EQUAL),
    ("1z", "1.26nb5", OLDER),
    ("1.26nb5", "1z5", OLDER),
    ("1nb3.5", "1.5nb3", EQUAL),
    ("1nb3nb4", "1nb4", EQUAL),
    # anything else is skipped
    ("1~2", "1-2", EQUAL),
    ("1é2", "1:2", EQUAL),
    # a time to the second does not overflow here
    ("20250101123456", "20250101123455", 1),
]


@pytest.mark.parametrize(("a", "b", "expected"), TABLE)
def test_table(a: str, b: str, expected: int) -> None:
    assert compare(a, b) == expected
    assert compare(b, a) == -expected


def test_components() -> None:
    assert components("1.0alpha2c_3nb17") == ([1, 0, 0, -3, 2, 0, 3, 0, 3], 17)


def test_too_long_is_an_error() -> None:
    with pytest.raises(SourceError) as caught:
        key("1" * 1025)
    assert caught.value.reason == "version"
    assert key("9" * 1024)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foo-1.0nb2", ("foo", "1.0nb2")),
        ("p5-Foo-Bar-0.1", ("p5-Foo-Bar", "0.1")),
        ("foo-", ("foo", "")),
    ],
)
def test_split(name: str, expected: tuple[str, str]) -> None:
    assert split_pkgname(name) == expected


@pytest.mark.parametrize("name", ["foo", "", "-1.0"])
def test_split_needs_both(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        split_pkgname(name)
    assert caught.value.reason == "pkgname"


VERSIONS = st.lists(
    st.sampled_from(
        ["0", "1", "2", "10", ".", "_", "alpha", "beta", "rc", "pre", "pl", "nb", "a", "z", "-"]
    ),
    max_size=7,
).map("".join)


def padded_compare(a: str, b: str) -> int:
    """The comparison as in dewey.c: both sequences padded with zeros, then the revision."""
    words = {"alpha": -3, "beta": -2, "rc": -1, "pre": -1, "pl": 0, ".": 0, "_": 0}

    def row(text: str) -> tuple[list[int], int]:
        numbers, revision = [], 0
        while text:
            digits = re.match("[0-9]+", text)
            word = next((word for word in words if text.startswith(word)), "")
            if digits:
                numbers.append(int(digits[0]))
                text = text[digits.end() :]
            elif word:
                numbers.append(words[word])
                text = text[len(word) :]
            elif text.startswith("nb"):
                count = re.match("nb([0-9]*)", text)
                assert count
                revision = int(count[1] or 0)
                text = text[count.end() :]
            else:
                if text[0].isalpha():
                    numbers += [0, ord(text[0]) - 96]
                text = text[1:]
        return numbers, revision

    (left, left_nb), (right, right_nb) = row(a), row(b)
    width = max(len(left), len(right))
    x = (left + [0] * (width - len(left)), left_nb)
    y = (right + [0] * (width - len(right)), right_nb)
    return (x > y) - (x < y)


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(VERSIONS, VERSIONS)
def test_same_as_padding(a: str, b: str) -> None:
    assert compare(a, b) == padded_compare(a, b)


@settings(max_examples=100, deadline=None)
@given(st.lists(VERSIONS, min_size=3, max_size=3))
def test_total_order(three: list[str]) -> None:
    a, b, c = sorted(three, key=key)
    assert compare(a, b) <= 0
    assert compare(b, c) <= 0
    assert compare(a, c) <= 0
    assert compare(a, b) == -compare(b, a)


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_anything_is_a_version(text: str) -> None:
    assert compare(text, text) == 0
