"""Hard cases of versions and patterns, each with its source.

Where a manual page and the program differ, the program counts: it is what pkg_add does. All rows
were also tried on pkg_install's own functions, built from NetBSD's sources, and so were a million
patterns and versions made at random; what differs there is told at the end.
"""

from __future__ import annotations

import pytest

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.pattern import best, matches
from buildlib.pkgsrc.version import compare

MANUAL = "pkg_info(1), PACKAGE WILDCARDS"
COMPONENT = "pkg_install, lib/dewey.c: mkcomponent"
VTEST = "pkg_install, lib/dewey.c: vtest"
MATCH = "pkg_install, lib/dewey.c: dewey_match"
PATTERN = "pkg_install, lib/opattern.c: pkg_match"
BRACES = "pkg_install, lib/opattern.c: alternate_match"
ORDER = "pkg_install, lib/opattern.c: pkg_order"
GLOB = "NetBSD, lib/libc/gen/fnmatch.c 1.26: fnmatchx"
BRACKET = "NetBSD, lib/libc/gen/fnmatch.c 1.26: rangematch"
PAIRS = "pkgsrc, pkgtools/pkg_summary-utils/files/tests/pkgsrc-dewey-test.txt"

OLDER, EQUAL, NEWER = -1, 0, 1
VERSIONS = [
    ("1.3alpha2", "1.3beta1", OLDER, MANUAL),
    ("1.3beta1", "1.3rc1", OLDER, MANUAL),
    ("1.3rc3", "1.3", OLDER, MANUAL),
    ("1.3rc3", "1.2.9", NEWER, MANUAL),
    ("1.3pre3", "1.3rc3", EQUAL, MANUAL),
    ("1.2e", "1.2.5", EQUAL, MANUAL),
    ("1.2pl3", "1.2.3", EQUAL, MANUAL),
    ("1.2_3", "1.2.3", EQUAL, MANUAL),
    # a dot is a number, too: before a word it adds a 0
    ("1.3.rc1", "1.3", OLDER, COMPONENT),
    ("1.3.rc1", "1.3rc1", NEWER, COMPONENT),
    ("1.3..1", "1.3.1", OLDER, COMPONENT),
    # case is ignored in words and letters
    ("1.0RC1", "1.0rc1", EQUAL, COMPONENT),
    ("1.0B", "1.0b", EQUAL, COMPONENT),
    # words are matched before letters: `preview` is pre, v, i, e, w; `alph` is four letters
    ("1preview", "1prefix", NEWER, COMPONENT),
    ("1alph", "1alpha", NEWER, COMPONENT),
    ("1p1", "1pl1", NEWER, COMPONENT),
    ("1r2", "1rc2", NEWER, COMPONENT),
    # nb is removed anywhere; the last one counts; without digits it is nb0
    ("1.0nb2", "1.0nb10", OLDER, VTEST),
    ("1.0nb99", "1.0.0.1", OLDER, VTEST),
    ("1nb2.5", "1.5nb2", EQUAL, COMPONENT),
    ("1nb2nb1", "1nb1", EQUAL, COMPONENT),
    ("1nb", "1", EQUAL, COMPONENT),
    # n and b apart are letters, and so is the b of `1.0b1nb2`
    ("1.0n1b2", "1.0nb2", NEWER, COMPONENT),
    ("1.0b1nb2", "1.0.2.1nb2", NEWER, COMPONENT),
    # leading zeros do not matter, nor do trailing zeros and dots
    ("1.01", "1.1", EQUAL, COMPONENT),
    ("1.0.0", "1", EQUAL, VTEST),
    ("1....", "1", EQUAL, VTEST),
    ("", "0.0nb0", EQUAL, VTEST),
    # but words after zeros do, because the zeros are numbers before them
    ("1.0.0beta1", "1.0beta1", NEWER, VTEST),
    ("0alpha", "", OLDER, VTEST),
    ("20240101", "1.0", NEWER, VTEST),
    # characters other than letters, digits, dots and underscores are skipped
    ("1.2+3", "1.2", NEWER, COMPONENT),
    ("1.2+3", "1.2~3", EQUAL, COMPONENT),
    ("1-2", "12", OLDER, COMPONENT),
    ("1:0", "1", EQUAL, COMPONENT),
    # test pairs of pkgsrc's own copy
    ("1.1beta3", "1.1beta10", OLDER, PAIRS),
    ("1.stable2.3", "1_stable2_3", EQUAL, PAIRS),
    ("0001beta00023rc000456", "1beta23rc456", EQUAL, PAIRS),
    ("1znb5", "1.26nb5", EQUAL, PAIRS),
    # that copy differs from pkg_install: it drops the zeros before the word
    ("1.0alpha1", "1.0.0.0alpha1", OLDER, COMPONENT),
]


@pytest.mark.parametrize(("a", "b", "expected", "source"), VERSIONS)
def test_versions(a: str, b: str, expected: int, source: str) -> None:
    assert compare(a, b) == expected, source
    assert compare(b, a) == -expected, source


MATCHES = [
    ("name>=1.3", "name-1.3", True, MANUAL),
    ("name>=1.3", "name-1.3rc3", False, MANUAL),
    ("name>=1.3<2", "name-2rc1", True, MANUAL),  # rc1 of 2 is below 2
    ("name>=1.3<2alpha", "name-2rc1", False, MATCH),
    # the version begins at the last hyphen of the name; the base is everything before it
    ("py312-foo>=1", "py312-foo-1", True, MATCH),
    ("py312>=1", "py312-foo-1", False, MATCH),
    ("name>=1", "name-2-1", False, MATCH),
    ("name-2>=1", "name-2-1", True, MATCH),
    ("name>=1", "name", False, MATCH),
    ("name>=1-2", "name-12", True, MATCH),
    # an upper bound only after a lower one; the rest belongs to its version
    ("name>1<3", "name-2", True, MATCH),
    ("name<3>1", "name-0.5", True, MATCH),
    ("name>=1<3<2", "name-2.5", True, MATCH),
    ("name>=1>=2", "name-1.5", False, MATCH),
    ("name<=3", "name-3nb1", False, MATCH),
    ("name<", "name-0alpha", True, MATCH),
    ("name>=<2", "name-1", True, MATCH),
    # no stars in a base that has a range, and no other tests
    ("na*>=1", "name-1", False, PATTERN),
    ("name==1", "name-1", False, PATTERN),
    ("name!=1", "name-2", False, PATTERN),
    # a glob is tried unchanged, then the name itself, then with an appended version
    ("name", "name-1.0", True, PATTERN),
    ("name", "name-lib-1.0", False, PATTERN),
    ("name", "name-3d-1.0", True, PATTERN),
    ("name-1", "name-1-2", True, PATTERN),
    ("name-1", "name-1nb1", False, PATTERN),
    ("na*", "name", True, PATTERN),
    ("name-[0-9]*", "name-3d-1.0", True, PATTERN),
    ("name-[0-9]*", "name-", False, PATTERN),
    ("na?e", "name-1", True, PATTERN),
    ("name-1.*", "name-1.", True, PATTERN),
    ("name-*-[0-9]*", "name-1", False, PATTERN),
    # a backslash alone is not a glob: it is compared literally, but before the version it quotes
    ("name\\-1", "name-1", False, PATTERN),
    ("name\\", "name-1", True, PATTERN),
    # braces are expanded first; their parts may be anything
    ("{name,eman}>=1", "eman-1", True, BRACES),
    ("name{>=1<2,-3*}", "name-3.5", True, BRACES),
    ("name{,-lib}-[0-9]*", "name-lib-1", True, BRACES),
    ("{a,b{c,d}}-1", "bd-1", True, BRACES),
    ("{a,b}{c,d}-1", "bc-1", True, BRACES),
    ("name-{1,2}.{0,5}", "name-2.5", True, BRACES),
    ("{}name", "name-1", True, BRACES),
    ("{a,}", "-1", True, BRACES),
    ("a,b", "a-1", False, BRACES),
    ("[{a,b}]c", "bc-1", True, BRACES),
    # a star or question mark matches everything, even hyphens, but no leading dot
    ("*", "name-1", True, GLOB),
    ("*", ".name-1", False, GLOB),
    ("*-1", "a-b-1", True, GLOB),
    ("?ame", ".ame-1", False, GLOB),
    ("name-?.?", "name-1.10", False, GLOB),
    ("name-\\1*", "name-1.0", True, GLOB),
    ("**name", "name-1", True, GLOB),
    # sets: ! and ^ negate, a bracket may be first, a hyphen last, and quoted ones are literal
    ("name-[!2]", "name-1", True, BRACKET),
    ("name-[^2]", "name-2", False, BRACKET),
    ("name-[]]", "name-]", True, BRACKET),
    ("name-[!]]", "name-]", False, BRACKET),
    ("name-[1-]", "name--", True, BRACKET),
    ("name-[1\\-3]", "name-2", False, BRACKET),
    ("name-[2-1]", "name-1", False, BRACKET),
    ("name-[[:digit:]]", "name-1", False, BRACKET),  # classes are not known
    ("name-[[:digit:]]", "name-d]", True, BRACKET),
    ("name-[1", "name-[1", True, PATTERN),
    ("name-[0-9", "name-5", True, BRACKET),  # the version added has the bracket that ends it
    ("name-[0-9", "name-x", False, BRACKET),
]


@pytest.mark.parametrize(("pattern", "name", "expected", "source"), MATCHES)
def test_patterns(pattern: str, name: str, expected: bool, source: str) -> None:
    assert matches(pattern, name) is expected, source


BEST = [
    ("name", ["name-1.9", "name-1.10"], "name-1.10", ORDER),
    ("name>=1<2", ["name-1.9", "name-2.0", "name-2.0rc1"], "name-2.0rc1", ORDER),
    # versions are compared regardless of the base, equal ones by the whole name
    ("{a,b}-[0-9]*", ["a-2", "b-10"], "b-10", ORDER),
    ("{b,a}-[0-9]*", ["b-1", "a-1"], "a-1", ORDER),
    ("name", ["name-1.0", "name-1"], "name-1", ORDER),
    ("name", ["name-3d-1", "name-2"], "name-2", ORDER),
    ("name>=3", ["name-1", "name-2"], None, ORDER),
]


@pytest.mark.parametrize(("pattern", "names", "expected", "source"), BEST)
def test_best(pattern: str, names: list[str], expected: str | None, source: str) -> None:
    assert best(pattern, names) == expected, source
    assert best(pattern, names[::-1]) == expected, source


def test_where_we_differ() -> None:
    """Intended differences, where pkg_install's result is arbitrary or it crashes.

    Numbers beyond C's int wrap around there; braces that are not closed end the program, but only
    when a name comes to them; behind a quoted end it reads memory that belongs to something else.
    """
    assert compare("20240101123456", "1") == NEWER
    with pytest.raises(SourceError):
        matches("other{", "name-1")
    assert not matches("name-?\\", "name-1")
