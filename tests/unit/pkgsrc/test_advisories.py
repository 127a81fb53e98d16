"""pkg-vulnerabilities: its form, checksums, signature, and the packages it affects."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pysequoia
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.machines.packages import certificate, signer

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.advisories import Advisory, about, format_list, parse, verified

BODY = """\
# $NetBSD: pkg-vulnerabilities,v 1.2 2026/01/01 00:00:00 someone Exp $
#
#FORMAT 1.1.0
#
# Note: this file is for the tools.
#CHECKSUM SHA512 {sha512}
#CHECKSUM SHA1 {sha1}

# package\ttype of exploit\turl
cfengine<1.5.3nb3\tremote-root-shell\tftp://example.org/cfengine
{{php5,php54}}-intl-[0-9]*\tdenial-of-service\thttps://example.org/php
xz>=5.6.0<5.6.2   \tbackdoor  \t  https://example.org/xz
old-[0-9]*\teol\thttps://example.org/eol
#broken<1\tis not read\thttps://example.org
"""


def summed(body: str, algorithm: str) -> str:
    """The checksum, reimplemented from the source of pkg_install."""
    lines = [
        line
        for line in body.splitlines(keepends=True)
        if not (line == "\n" or line.startswith(("Hash:", "# $NetBSD", "#CHECKSUM")))
    ]
    return hashlib.new(algorithm, "".join(lines).encode()).hexdigest()


def filled(body: str = BODY) -> bytes:
    # lines with sums are not summed, so placeholders are sufficient
    text = body.format(sha512="-", sha1="-")
    return body.format(sha512=summed(text, "sha512"), sha1=summed(text, "sha1")).encode()


LIST = filled()
EXPECTED = [
    ("cfengine<1.5.3nb3", "remote-root-shell", "ftp://example.org/cfengine", 10),
    ("{php5,php54}-intl-[0-9]*", "denial-of-service", "https://example.org/php", 11),
    ("xz>=5.6.0<5.6.2", "backdoor", "https://example.org/xz", 12),
    ("old-[0-9]*", "eol", "https://example.org/eol", 13),
]


def clear_signed(data: bytes, by: str = "packager") -> bytes:
    return bytes(pysequoia.sign(signer(by).signer(), data, mode=pysequoia.SignatureMode.CLEAR))


def check(data: bytes) -> bytes:
    return verified(
        data, str(certificate()).encode(), fingerprint=str(certificate().fingerprint), where="list"
    )


def test_every_line() -> None:
    assert list(parse(LIST, where="list")) == [Advisory(*row) for row in EXPECTED]


def test_as_it_is_signed() -> None:
    """The sums cover the list without the signature's lines; a second signature may follow."""
    message = clear_signed(LIST)
    rows = [row[:3] for row in EXPECTED]
    assert [(one.pattern, one.kind, one.url) for one in parse(message, where="list")] == rows
    second = message + b"-----BEGIN PKCS7-----\nabc\n-----END PKCS7-----\n"
    for data in (message, second):
        assert [
            (one.pattern, one.kind, one.url) for one in parse(check(data), where="list")
        ] == rows


@pytest.mark.parametrize(
    "data",
    [
        LIST,
        clear_signed(LIST, by="other"),
        clear_signed(LIST).replace(b"backdoor", b"backdoor2"),
        clear_signed(LIST)[:-100],
    ],
)
def test_what_another_signed(data: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        check(data)
    assert caught.value.reason in {"signature", "signature-missing"}


def test_what_stands_before_the_signed_text_is_refused() -> None:
    message = b"#FORMAT 1.1.0\nall-[0-9]*\tbad\thttps://example.org\n" + clear_signed(LIST)
    with pytest.raises(SourceError, match="not in the expected form"):
        check(message)


@pytest.mark.parametrize(
    ("data", "reason", "where"),
    [
        (LIST.replace(b"5.6.2", b"5.6.3"), "checksum", "list, line 6"),
        (LIST[:-60], "checksum", "list, line 6"),
        (LIST.replace(b"#FORMAT 1.1.0", b"#FORMAT 2.0.0"), "advisories", "list, line 3"),
        (LIST.replace(b"#FORMAT 1.1.0\n", b""), "checksum", "list, line 5"),
        (LIST.replace(b"CHECKSUM SHA1", b"CHECKSUM MD4"), "advisories", "list, line 7"),
        (b"#FORMAT 1.1.0\nxz<1 backdoor\n", "advisories", "list, line 2"),
        (b"xz<1 backdoor https://example.org\n", "advisories", "list, line 1"),
        (b"<!DOCTYPE html>\n", "advisories", "list, line 1"),
        (b"", "advisories", "list, line 1"),
    ],
)
def test_what_cannot_be_read(data: bytes, reason: str, where: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(data, where="list")
    assert (caught.value.reason, caught.value.where) == (reason, where)


def test_whom_it_is_about() -> None:
    advisories = parse(LIST, where="list")
    names = [
        "xz-5.6.1",
        "xz-5.6.2",
        "php54-intl-5.4",
        "php54-5.4",
        "cfengine-1.5.3nb3",
        "old-3",
        "cfengine-1.5.3nb2",
    ]
    found, unusable = about(advisories, names)
    assert [(one.advisory.kind, one.names) for one in found] == [
        ("remote-root-shell", ("cfengine-1.5.3nb2",)),
        ("denial-of-service", ("php54-intl-5.4",)),
        ("backdoor", ("xz-5.6.1",)),
        ("eol", ("old-3",)),
    ]
    assert unusable == []


def test_one_bad_pattern_hides_no_other() -> None:
    advisories = parse(format_list([("{a-[0-9]*", "x", "u"), ("a<2", "y", "v")]), where="list")
    found, unusable = about(advisories, ["a-1"])
    assert [one.advisory.kind for one in found] == ["y"]
    assert [one.pattern for one in unusable] == ["{a-[0-9]*"]


WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@pytest.mark.thorough
@given(
    st.lists(
        st.tuples(
            WORD.filter(
                lambda word: word[0] != "#" and word[:5] != "Hash:" and word[:5] != "-----"
            ),
            WORD,
            WORD,
        ),
        max_size=20,
    )
)
def test_what_is_written_is_read(rows: list[tuple[str, str, str]]) -> None:
    found = parse(format_list(rows), where="list")
    assert [(one.pattern, one.kind, one.url) for one in found] == rows
    about(found, ["a-1", "b-2nb3"])


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: LIST + tail))
def test_any_bytes(data: bytes) -> None:
    with suppress(SourceError):
        parse(data, where="list")
