"""pkg_summary(5): read, written, decompressed, and with all kinds of errors."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.readers.archives import gz

from buildlib.model.errors import GoldmasterError, SourceError
from buildlib.pkgsrc.summary import _LISTS, _ORDER, _TEXTS, Summary, format_summary, parse
from buildlib.sources.archive.compress import chunks

XZ = b"""\
PKGNAME=xz-5.4.6nb1
DEPENDS=gettext-lib>=0.22
DEPENDS={libiconv,libc}-[0-9]*
CONFLICTS=lzma-[0-9]*
COMMENT=General-purpose data compression software
SIZE_PKG=2184101
BUILD_DATE=2024-12-29 22:03:08 +0000
CATEGORIES=archivers
HOMEPAGE=https://xz.tukaani.org/xz-utils/
LICENSE=gnu-gpl-v2 AND public-domain
MACHINE_ARCH=x86_64
OPSYS=NetBSD
OS_VERSION=10.1
PKGPATH=archivers/xz
PKGTOOLS_VERSION=20091115
PROVIDES=/usr/pkg/lib/liblzma.so.5
REQUIRES=/usr/lib/libc.so.12
REQUIRES=/usr/lib/libpthread.so.1
FILE_NAME=xz-5.4.6nb1.tgz
FILE_SIZE=591234
FILE_CKSUM=sha512 00ff
DESCRIPTION=XZ Utils is free general-purpose data compression software.
DESCRIPTION=
DESCRIPTION=Homepage=https://xz.tukaani.org/

"""
DIGEST = b"PKGPATH=pkgtools/digest\nPKGNAME=digest-20080510\nautomatic=yes\n\n"


def test_a_package() -> None:
    (xz,) = parse(BytesIO(XZ))
    assert xz == Summary(
        pkgname="xz-5.4.6nb1",
        pkgpath="archivers/xz",
        comment="General-purpose data compression software",
        depends=("gettext-lib>=0.22", "{libiconv,libc}-[0-9]*"),
        conflicts=("lzma-[0-9]*",),
        provides=("/usr/pkg/lib/liblzma.so.5",),
        requires=("/usr/lib/libc.so.12", "/usr/lib/libpthread.so.1"),
        file_name="xz-5.4.6nb1.tgz",
        file_size=591234,
        file_cksum="sha512 00ff",
        size_pkg=2184101,
        machine_arch="x86_64",
        opsys="NetBSD",
        os_version="10.1",
        build_date="2024-12-29 22:03:08 +0000",
        categories="archivers",
        homepage="https://xz.tukaani.org/xz-utils/",
        license="gnu-gpl-v2 AND public-domain",
        pkgtools_version="20091115",
        description=(
            "XZ Utils is free general-purpose data compression software.\n\n"
            "Homepage=https://xz.tukaani.org/"
        ),
    )
    assert xz.archive == "xz-5.4.6nb1.tgz"
    assert format_summary([xz]) == XZ


def test_what_is_missing_has_a_default() -> None:
    (digest,) = parse([DIGEST])
    assert digest == Summary(pkgname="digest-20080510", pkgpath="pkgtools/digest")
    assert digest.archive == "digest-20080510.tgz"  # pkg_summary(5), FILE_NAME


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_pieces_of_any_size(size: int) -> None:
    data = XZ + b"\n\n" + DIGEST + XZ.rstrip(b"\n")
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    assert [summary.pkgname for summary in parse(pieces)] == [
        "xz-5.4.6nb1",
        "digest-20080510",
        "xz-5.4.6nb1",
    ]


def test_description_in_the_middle() -> None:
    (one,) = parse([b"PKGNAME=a-1\nDESCRIPTION=x\nDESCRIPTION=y\nPKGPATH=c/a\n\n"])
    assert (one.description, one.pkgpath) == ("x\ny", "c/a")


@pytest.mark.parametrize(
    ("bad", "line", "text"),
    [
        (b"PKGNAME=a-1\nnonsense\n\n", 27, "nonsense"),
        (b"<!DOCTYPE html>\n<html>\n", 26, "web page"),
        (b"PKGPATH=a/b\n\n", 26, "PKGNAME is missing"),
        (b"PKGNAME=a\n\n", 26, "PKGNAME=a"),
        (b"PKGNAME=a-1\nPKGPATH=c/a\nPKGNAME=b-1\n\n", 28, "2 times"),
        (b"PKGNAME=../a-1\n\n", 26, "../a-1"),
        (b"PKGNAME=a 1-1\n\n", 26, "a 1-1"),
        (b"PKGNAME=a-1\r\n\n", 26, "\\r"),
        (b"PKGNAME=a-1\nFILE_NAME=../x\n\n", 27, "../x"),
        (b"PKGNAME=a-1\nFILE_NAME=.\n\n", 27, "FILE_NAME=."),
        (b"PKGNAME=a-1\nCOMMENT=x\nFILE_SIZE=many\n\n", 28, "many"),
        (b"PKGNAME=a-1\nSIZE_PKG=" + b"9" * 5000 + b"\n\n", 27, "not a number"),
        ("PKGNAME=a-1\nSIZE_PKG=\u0663\n\n".encode(), 27, "not a number"),
    ],
)
def test_errors_have_the_line(bad: bytes, line: int, text: str) -> None:
    packages = parse([XZ + bad], where="here")
    assert next(packages).pkgname == "xz-5.4.6nb1"
    with pytest.raises(SourceError) as caught:
        list(packages)
    assert caught.value.reason == "summary"
    assert caught.value.where == f"here, line {line}"
    assert text in str(caught.value)


@pytest.mark.parametrize("name", [name for name in _ORDER if name not in _TEXTS | _LISTS])
def test_a_variable_that_stands_once(name: str) -> None:
    value = {"PKGNAME": "a-1", "FILE_NAME": "a-1.tgz"}.get(name, "1")
    data = f"PKGNAME=a-1\n{name}={value}\nDEPENDS=b\nDEPENDS=c\n{name}={value}\n\n"
    with pytest.raises(SourceError) as caught:
        list(parse([data.encode()]))
    assert caught.value.where == "pkg_summary, line 5"
    assert (caught.value.why or "").startswith(f"{name} is given ")


def test_line_of_a_later_package() -> None:
    with pytest.raises(SourceError) as caught:
        list(parse([b"\n\n" + DIGEST + b"\n" + DIGEST + b"PKGNAME=a-1\nx=1\ny\n"]))
    assert caught.value.where == "pkg_summary, line 14"


def test_no_end_of_a_package() -> None:
    def endless() -> Iterator[bytes]:
        yield from [b"X=" + b"y" * (1 << 20) + b"\n"] * 20

    with pytest.raises(SourceError) as caught:
        list(parse(endless()))
    assert caught.value.reason == "summary"


@pytest.mark.parametrize("pack", [bytes, gz, bz2.compress, lzma.compress])
def test_open(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    packed = pack(XZ * 3)
    path = tmp_path / "pkg_summary.gz"  # whatever it is called
    path.write_bytes(packed)
    assert len(list(parse(chunks(path, where="pkg_summary.gz")))) == 3


@pytest.mark.parametrize("pack", [gz, bz2.compress, lzma.compress])
def test_open_damaged(pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    packed, path = pack(XZ * 300), tmp_path / "pkg_summary.gz"
    for broken in (packed[:-20], packed[:30] + b"\xff" * 40 + packed[70:]):
        path.write_bytes(broken)
        with pytest.raises(SourceError) as caught:
            list(parse(chunks(path, where="pkg_summary.gz")))
        assert caught.value.reason == "damaged"


def test_format_sorts_and_refuses() -> None:
    b, a = Summary(pkgname="b-1"), Summary(pkgname="a-1")
    assert format_summary([b, a]) == format_summary([a, b]) == b"PKGNAME=a-1\n\nPKGNAME=b-1\n\n"
    for wrong in (
        Summary(pkgname="a"),
        Summary(pkgname="a-1", homepage="x\ny"),
        Summary(pkgname="a-1", depends=("x\ny",)),
    ):
        with pytest.raises(SourceError) as caught:
            format_summary([wrong])
        assert caught.value.reason == "summary"


WORDS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)
LISTS = st.lists(WORDS, max_size=3).map(tuple)
NUMBERS = st.none() | st.integers(0, 10**12)
SUMMARIES = st.builds(
    Summary,
    pkgname=st.from_regex(r"[a-z0-9_+.]{1,8}-[0-9a-z.]{0,6}", fullmatch=True),
    pkgpath=WORDS,
    comment=WORDS,
    depends=LISTS,
    conflicts=LISTS,
    supersedes=LISTS,
    provides=LISTS,
    requires=LISTS,
    file_size=NUMBERS,
    size_pkg=NUMBERS,
    license=WORDS,
    description=st.lists(WORDS, max_size=4).map("\n".join),
)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(st.lists(SUMMARIES, max_size=4))
def test_roundtrip(summaries: list[Summary]) -> None:
    ordered = sorted(summaries, key=lambda summary: summary.pkgname)
    assert list(parse([format_summary(summaries)])) == ordered


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([XZ, DIGEST, b"PKGNAME=", b"\n", b"=", b"\xff"]) | st.binary()))
def test_fuzz(parts: list[bytes]) -> None:
    for stream in (parts, [b"".join(parts)]):
        try:
            list(parse(stream))
        except GoldmasterError as error:
            assert error.reason in {"summary", "damaged", "compression"}  # noqa: PT017  either is right
