"""Lists of digests in BSD form."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some
from support.spending import spent

from buildlib.model.errors import SourceError
from buildlib.sources.checksums import Checksum, format_list, lookup, parse

A, B = "a" * 128, "b" * 128


def test_the_forms_of_netbsd_and_of_its_tools() -> None:
    text = (
        f"SHA512 (base.tar.xz) = {A}\n"
        f"MD5 (sets/etc (1).tgz) = {'0' * 32}\r\n"
        f"sha512 (NetBSD-10.1/amd64/binary/sets/etc.tar.xz) = {B.upper()}  \n"
        f"SHA-256 (x) = {'1' * 64}\n"
        "# a note, and text that is no list\n"
        f"BLAKE9 (y) = abc"
    )
    assert parse(text.encode(), where="list") == (
        Checksum("SHA512", "base.tar.xz", A),
        Checksum("MD5", "sets/etc (1).tgz", "0" * 32),
        Checksum("SHA512", "NetBSD-10.1/amd64/binary/sets/etc.tar.xz", B),
        Checksum("SHA256", "x", "1" * 64),
        Checksum("BLAKE9", "y", "abc"),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is empty"),
        (b"\n\n <!DOCTYPE HTML PUBLIC>\n<html>", "HTML page"),
        (b"<html><body>404</body></html>", "HTML page"),
        (b"\x1f\x8b\x08\x00", "begins with b'\\x1f\\x8b"),
        (b"d41d8cd98f00b204e9800998ecf8427e  base.tgz\n", "begins with b'd41d8"),
        (b"SHA512 (a) = xyz\n", "begins with"),
    ],
)
def test_what_is_no_list(text: bytes, why: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(text, where="SHA512")
    assert caught.value.reason == "checksum-list"
    assert caught.value.where == "SHA512"
    assert why in (caught.value.why or "")


@pytest.mark.programs
@pytest.mark.parametrize(
    "text", [b"\n" * (32 << 20), b"X (a) = a\n" * 3_000_000], ids=["empty lines", "short lines"]
)
def test_a_list_of_very_many_lines(text: bytes) -> None:
    found = spent(lambda: parse(text, where="list"))
    assert "lines are allowed" in found.refused
    assert found.megabytes < 60
    assert found.seconds < 2


def test_only_a_newline_ends_a_line() -> None:
    assert [
        line.path for line in parse(f"MD5 (a\u2028b) = {'0' * 32}\v\n".encode(), where="list")
    ] == ["a\u2028b"]


def test_a_digest_of_a_wrong_length() -> None:
    with pytest.raises(SourceError) as caught:
        parse(f"SHA512 (a) = {A}\nSHA512 (b) = {A[:-1]}\n".encode(), where="list")
    assert caught.value.what == "a SHA512 digest of 127 digits"
    assert caught.value.where == "list, line 2"
    assert caught.value.reason == "checksum-list"


def test_lookup() -> None:
    lines = parse(
        f"SHA512 (NetBSD-10.1/amd64/binary/sets/base.tgz) = {A}\n"
        f"MD5 (NetBSD-10.1/amd64/binary/sets/base.tgz) = {'0' * 32}\n"
        f"SHA512 (other/database.tgz) = {B}\n".encode(),
        where="list",
    )
    assert lookup(lines, "amd64/binary/sets/base.tgz") == A
    assert lookup(lines, "base.tgz") == A
    assert lookup(lines, "base.tgz", "MD5") == "0" * 32
    assert lookup(lines, "ase.tgz") is None
    assert lookup(lines, "base.tgz", "SHA1") is None
    assert lookup(lines, "") is None


def test_an_ambiguous_path() -> None:
    lines = [Checksum("SHA512", "i386/base.tgz", A), Checksum("SHA512", "amd64/base.tgz", B)]
    with pytest.raises(SourceError) as caught:
        lookup(lines, "base.tgz")
    assert (caught.value.reason, caught.value.where) == ("checksum-list", "base.tgz")
    assert lookup(lines, "amd64/base.tgz") == B
    assert lookup([*lines[:1], Checksum("SHA512", "x/i386/base.tgz", A)], "base.tgz") == A


_names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs")),
    min_size=1,
    max_size=12,
)


@pytest.mark.thorough
@some
@given(st.dictionaries(_names, st.binary(min_size=64, max_size=64).map(bytes.hex), min_size=1))
def test_lists_come_back(digests: dict[str, str]) -> None:
    lines = parse(format_list("SHA512", digests), where="list")
    assert {line.path: line.digest for line in lines} == digests
    assert [line.path for line in lines] == sorted(digests)


@some
@given(st.binary(max_size=80))
def test_no_list_does_more_than_raise(text: bytes) -> None:
    with contextlib.suppress(SourceError):
        parse(text, where="list")


@pytest.mark.programs
def test_coreutils_checks_our_lists(tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"")
    empty = subprocess.run(["sha512sum", tmp_path / "a b"], capture_output=True, check=True)
    digest = empty.stdout.decode().split()[0]
    (tmp_path / "SHA512").write_bytes(format_list("SHA512", {"a b": digest}))
    subprocess.run(["sha512sum", "--status", "-c", "SHA512"], cwd=tmp_path, check=True)
