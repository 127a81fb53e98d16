"""What strangers' summaries, lists and patterns may cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from support.spending import spent

from buildlib.sources.pkgsrc import summary
from buildlib.sources.pkgsrc.pattern import compile_pattern
from buildlib.sources.pkgsrc.summary import parse
from buildlib.sources.pkgsrc.version import key
from buildlib.words.errors import SourceError

NAME = b"PKGNAME=a-1\n"


def tiny() -> Iterator[bytes]:
    for block in range(5900):
        yield b"".join(b"PKGNAME=%d-\n\n" % (block * 1000 + one) for one in range(1000))


def wide() -> Iterator[bytes]:
    """A character that takes four bytes makes all others of its string do so."""
    for number in range(1000):
        yield b"PKGNAME=a%d-1\nDESCRIPTION=\xf0\x9f\x98\x80" % number + b"x" * 1_000_000 + b"\n\n"


SUMMARIES: dict[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "5.9 million packages": (tiny, "more packages than any repository has"),
    "a description first": (lambda: [b"DESCRIPTION=x\n" * 1_000_000, NAME], ""),
    "a description and dependencies": (lambda: [NAME, b"DESCRIPTION=y\nDEPENDS=ab\n" * 300_000],
                                       ""),
    "a line without end": (lambda: (b"x" * 100_000 for _ in range(200)), "without end"),
    "wide text": (wide, "more packages than any repository has"),
    "wide lines": (lambda: [NAME, b"DESCRIPTION=\xf0\x9f\x98\x80", b"x" * 15_000_000, b"\n\n"],
                   "its text takes"),
    "unknown variables": (lambda: [NAME, *(b"%d=\n" % one for one in range(300_000))], ""),
    "a name of 5,000 letters": (lambda: [b"PKGNAME=" + b"a" * 5000 + b"-1\n"], "cannot be"),
    "a version of 5,000 digits": (lambda: [b"PKGNAME=a-" + b"1" * 5000], "cannot be"),
    "a size of 5,000 digits": (lambda: [NAME, b"FILE_SIZE=" + b"1" * 5000], "cannot be"),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_what_a_summary_costs(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, refused = SUMMARIES[case]
    monkeypatch.setattr(summary, "PACKAGES_MAX", 30_000)  # as many as there are, for the time
    found = spent(lambda: list(parse(make())))
    assert found.seconds < 8
    assert found.megabytes < 270
    assert refused in found.refused if refused else not found.refused


def test_a_description_of_a_million_lines_is_all_there() -> None:
    found, = parse([b"DESCRIPTION=x\n" * 1_000_000, NAME])
    assert found.description == "\n".join("x" * 1_000_000)


PATTERNS = {
    "alternatives": "{a,b}" * 200, "braces": "{" * 1000, "deep ones": "{a," * 340,
    "one in another": "{x" * 200 + ",}" * 200, "stars": "*a" * 500, "question marks": "?*" * 500,
    "globs": "{" + ",".join(["*a[b-c]*"] * 110) + "}", "long ones": "{a,b}" * 9 + "x" * 900,
    "closed ones": "{a,b}" * 9 + "}" * 900, "sets": "[a-z]*" * 170, "numbers": "a>=" + "1" * 1000,
    "dots": "a>=" + "1." * 500, "too long": "a" * 5000,
}


@pytest.mark.parametrize("case", PATTERNS)
def test_what_a_pattern_costs(case: str) -> None:
    names = [f"{'ab' * 120}-{number}" for number in range(50)]

    def match() -> None:
        compiled = compile_pattern(PATTERNS[case])
        for name in names:
            compiled.matches(name)

    found = spent(match)
    assert found.seconds < 0.5
    assert found.megabytes < 20


def test_alternatives_keep_their_order() -> None:
    found = [str(one.exact) for one in compile_pattern("{a{b,c},d,}e{f,g}}{,}").alternatives
             if hasattr(one, "exact")]
    assert found == ["abef}", "abeg}", "acef}", "aceg}", "def}", "deg}", "ef}", "eg}"]


def test_a_number_of_5000_digits_in_a_version() -> None:
    with pytest.raises(SourceError) as caught:
        key("1" * 5000)
    assert caught.value.reason == "version"
