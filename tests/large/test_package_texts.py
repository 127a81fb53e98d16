"""The cost of summaries, lists and patterns from untrusted sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from support.spending import spent

from buildlib.config.accounts import Accounts
from buildlib.model.errors import SourceError
from buildlib.pkgsrc import summary
from buildlib.pkgsrc.accounts import Lists, enter
from buildlib.pkgsrc.advisories import parse as parse_advisories
from buildlib.pkgsrc.package import read_package
from buildlib.pkgsrc.pattern import compile_pattern
from buildlib.pkgsrc.pkginstall import Declarations, parse_install
from buildlib.pkgsrc.plist import parse_plist
from buildlib.pkgsrc.summary import parse
from buildlib.pkgsrc.unapplied import actions_of
from buildlib.pkgsrc.version import key

NAME = b"PKGNAME=a-1\n"


def tiny() -> Iterator[bytes]:
    for block in range(5900):
        yield b"".join(b"PKGNAME=%d-\n\n" % (block * 1000 + one) for one in range(1000))


def wide() -> Iterator[bytes]:
    """A character of four bytes makes all other characters of its string take four bytes."""
    for number in range(1000):
        yield b"PKGNAME=a%d-1\nDESCRIPTION=\xf0\x9f\x98\x80" % number + b"x" * 1_000_000 + b"\n\n"


SUMMARIES: dict[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "5.9 million packages": (tiny, "more packages than any repository has"),
    "a description first": (lambda: [b"DESCRIPTION=x\n" * 1_000_000, NAME], ""),
    "a description and dependencies": (
        lambda: [NAME, b"DESCRIPTION=y\nDEPENDS=ab\n" * 300_000],
        "",
    ),
    "a line without end": (lambda: (b"x" * 100_000 for _ in range(200)), "is too long"),
    "wide text": (wide, "more packages than any repository has"),
    "wide lines": (
        lambda: [NAME, b"DESCRIPTION=\xf0\x9f\x98\x80", b"x" * 15_000_000, b"\n\n"],
        "its text takes",
    ),
    "unknown variables": (lambda: [NAME, *(b"%d=\n" % one for one in range(300_000))], ""),
    "a name of 5,000 letters": (lambda: [b"PKGNAME=" + b"a" * 5000 + b"-1\n"], "is invalid"),
    "a version of 5,000 digits": (lambda: [b"PKGNAME=a-" + b"1" * 5000], "is invalid"),
    "a size of 5,000 digits": (lambda: [NAME, b"FILE_SIZE=" + b"1" * 5000], "is invalid"),
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
    (found,) = parse([b"DESCRIPTION=x\n" * 1_000_000, NAME])
    assert found.description == "\n".join("x" * 1_000_000)


PATTERNS = {
    "alternatives": "{a,b}" * 200,
    "braces": "{" * 1000,
    "deep ones": "{a," * 340,
    "one in another": "{x" * 200 + ",}" * 200,
    "stars": "*a" * 500,
    "question marks": "?*" * 500,
    "globs": "{" + ",".join(["*a[b-c]*"] * 110) + "}",
    "long ones": "{a,b}" * 9 + "x" * 900,
    "closed ones": "{a,b}" * 9 + "}" * 900,
    "sets": "[a-z]*" * 170,
    "numbers": "a>=" + "1" * 1000,
    "dots": "a>=" + "1." * 500,
    "too long": "a" * 5000,
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
    found = [
        str(one.exact)
        for one in compile_pattern("{a{b,c},d,}e{f,g}}{,}").alternatives
        if hasattr(one, "exact")
    ]
    assert found == ["abef}", "abeg}", "acef}", "aceg}", "def}", "deg}", "ef}", "eg}"]


def test_a_number_of_5000_digits_in_a_version() -> None:
    with pytest.raises(SourceError) as caught:
        key("1" * 5000)
    assert caught.value.reason == "version"


HEAD = b"@name a-1\n@cwd /usr/pkg\n"
META = {"+CONTENTS": HEAD, "+COMMENT": b"a", "+DESC": b"a"}


def advisories(body: bytes) -> object:
    return parse_advisories(b"#FORMAT 1.1.0\n" + body, where="list")


def beyond(script: bytes) -> object:
    return actions_of(script, parse_plist(HEAD), Declarations())


def install(script: bytes) -> object:
    return parse_install(script, prefix="/usr/pkg")


def accounts(passwd: bytes) -> object:
    return enter(Lists(b"", passwd, b""), [], Accounts())


def info(data: bytes) -> object:
    return read_package({**META, "+BUILD_INFO": data}, where="a")


OPENED = b"${CAT} > ./+DIRS << 'EOF'\n"
SUM = b"#CHECKSUM SHA1 da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
TEXTS: dict[str, tuple[Callable[[bytes], object], bytes, str]] = {
    "a list of many files": (parse_plist, HEAD + b"a\n" * 300_001, "files and directives"),
    "a list of empty lines": (parse_plist, HEAD + b"\n" * 1_000_001, "1,000,000 lines"),
    "a deep path in a list": (parse_plist, HEAD + b"a/" * 1_000_000, "longer than 1024"),
    "here-documents": (beyond, OPENED * 60_000 + b"EOF\n", ""),
    "here-documents without end": (beyond, OPENED * 60_000, ""),
    "a long line of a script": (beyond, b": ${A=" + b"(" * 1_000_000, ""),
    "a long word of a declaration": (install, b"# DIR: " + b"a" * 4_000_000 + b" m", "too long"),
    "a quoted word of a declaration": (install, b"# DIR: " + b"\\a" * 200_000 + b" m", "too long"),
    "a deep path in a declaration": (install, b"# DIR: " + b"a/" * 100 + b" m", "too long"),
    "declarations": (
        install,
        b"".join(b"# DIR: %d m\n" % one for one in range(20_000)),
        "too many declarations",
    ),
    "a script of 5 MB": (install, b"\n" * 5_000_000, "a script of 5000000 bytes"),
    "a number of 5,000 digits in a declaration": (
        install,
        b"# GROUP: a:" + b"1" * 5000,
        "not the number",
    ),
    "variables": (info, b"".join(b"%d=\n" % one for one in range(200_000)), "are allowed"),
    "a size of 5,000 digits": (
        lambda data: read_package({**META, "+SIZE_PKG": data}, where="a"),
        b"1" * 5000,
        "not a size",
    ),
    "numbers of users": (accounts, "a:*:\u00b2:0\nb:*:".encode() + b"1" * 5000 + b":0:\n", ""),
    "a list of empty advisories": (advisories, b"\n" * 400_000, "too long"),
    "an advisory of many words": (advisories, b"a b c " + b"d " * 2_000_000, ""),
    "checksums": (advisories, SUM * 20_000, "the checksum does not match"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_a_text_costs(case: str) -> None:
    read, data, refused = TEXTS[case]
    found = spent(lambda: read(data))
    assert found.seconds < 5
    assert found.megabytes < 150
    assert refused in found.refused if refused else not found.refused


def test_the_checksum_of_a_list_is_made_once() -> None:
    from buildlib.pkgsrc.advisories import format_list

    first, line, rest = format_list([("a<1", "x", "u")] * 10_000).split(b"\n", 2)
    data = first + b"\n" + (line + b"\n") * 5000 + rest
    assert spent(lambda: parse_advisories(data, where="x")).seconds < 3
    assert len(parse_advisories(data, where="x")) == 10_000
