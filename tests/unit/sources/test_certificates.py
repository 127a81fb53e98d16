"""Certificates in PEM form, and OpenSSL's hash of their subjects. The judge is openssl."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from pathlib import Path

import certifi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers.authority import authority

from buildlib.sources.certificates import certificates, name_hash


def pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def judged(ders: list[bytes]) -> list[str]:
    """What `openssl rehash` calls each."""
    with tempfile.TemporaryDirectory() as folder:
        for number, der in enumerate(ders):
            Path(folder, f"{number}.pem").write_bytes(pem(der))
        done = subprocess.run(["openssl", "rehash", folder], check=True, capture_output=True)
        assert not done.stderr, done.stderr
        found = {os.readlink(path): path.name for path in Path(folder).glob("*.[0-9]*")}
    return [found[f"{number}.pem"].partition(".")[0] for number in range(len(ders))]


@pytest.mark.programs
def test_those_of_mozilla() -> None:
    """The file of certifi, which requests uses: text between them, every kind of name."""
    found = certificates(Path(certifi.where()).read_bytes())
    assert len(found) > 100
    assert [name_hash(der) for der in found] == judged(list(found))


# Names that nobody would choose

_TYPES = {
    0x0C: "utf-8",
    0x13: "latin-1",
    0x14: "latin-1",
    0x16: "latin-1",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
    0x12: "ascii",  # NumericString: stays as it is
}
_LETTERS = st.text(st.sampled_from("aAzZ09 \t.-"), max_size=200)
_WIDE = st.text(st.sampled_from("aZ é Ä ß 日"), min_size=1, max_size=70)


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = 1 if length < 256 else 2
    return bytes([tag, 0x80 | size]) + length.to_bytes(size) + content


def value(kind: int, text: str) -> bytes:
    return tlv(kind, text.encode(_TYPES[kind], errors="ignore"))


_VALUES = st.one_of(
    st.builds(value, st.sampled_from([0x13, 0x16, 0x0C]), _LETTERS),
    st.builds(value, st.sampled_from([0x0C, 0x14, 0x1C, 0x1E]), _WIDE),
    st.builds(value, st.just(0x12), st.text("0123456789 ", max_size=9)),
)
_ATTRIBUTES = st.builds(
    lambda last, data: tlv(0x30, tlv(0x06, bytes([0x55, 4, last])) + data),
    st.sampled_from([3, 6, 10, 11]),
    _VALUES,
)
_RELATIVE = st.builds(
    lambda parts: tlv(0x31, b"".join(sorted(set(parts)))),
    st.lists(_ATTRIBUTES, min_size=1, max_size=3),
)
_NAMES = st.builds(b"".join, st.lists(_RELATIVE, max_size=4))


def with_subject(name: bytes, serial: int) -> bytes:
    """A certificate, as far as openssl looks: nothing checks its signature or its key."""
    ecdsa = tlv(0x30, tlv(0x06, bytes.fromhex("2a8648ce3d040302")))
    key = tlv(
        0x30,
        tlv(
            0x30,
            tlv(0x06, bytes.fromhex("2a8648ce3d0201"))
            + tlv(0x06, bytes.fromhex("2a8648ce3d030107")),
        )
        + tlv(0x03, b"\0\4" + bytes(64)),
    )
    time = tlv(0x17, b"260101000000Z") + tlv(0x17, b"360101000000Z")
    body = tlv(0xA0, tlv(0x02, b"\2")) + tlv(0x02, (0x1000 + serial).to_bytes(2)) + ecdsa
    body += tlv(0x30, b"") + tlv(0x30, time) + tlv(0x30, name) + key
    return tlv(0x30, tlv(0x30, body) + ecdsa + tlv(0x03, b"\0\0"))


@pytest.mark.programs
@settings(max_examples=12, deadline=None)
@given(st.lists(_NAMES, min_size=1, max_size=40))
def test_names_of_every_type(names: list[bytes]) -> None:
    ders = [with_subject(name, number) for number, name in enumerate(names)]
    assert [name_hash(der) for der in ders] == judged(ders)


@pytest.mark.programs
def test_an_authority_of_one_s_own(tmp_path: Path) -> None:
    certificate, _ = authority(tmp_path, "  Größe   der FLOTTE ")
    (der,) = certificates(b"some text\n" + certificate.read_bytes())
    assert [name_hash(der)] == judged([der])


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x82\x01\x00"])
def test_no_certificate(data: bytes) -> None:
    assert certificates(data) == ()


def test_what_is_no_certificate() -> None:
    whole = with_subject(tlv(0x31, tlv(0x30, tlv(0x06, b"\x55\4\3") + tlv(0x0C, b"a"))), 1)
    name_hash(whole)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match=r"[a-z]"):
            name_hash(whole[:size])
    with pytest.raises(ValueError, match="follows"):
        name_hash(whole + b"\0")
    for tag in (0x1F, 0x31):
        with pytest.raises(ValueError, match=r"[a-z]"):
            name_hash(bytes([tag]) + whole[1:])
    with pytest.raises(ValueError, match=r"[a-z]"):
        certificates(b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n")


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    for der in (data, tlv(0x30, tlv(0x30, data))):
        try:
            name_hash(der)
        except ValueError as error:
            assert str(error)  # noqa: PT017  either is right, but nothing else
