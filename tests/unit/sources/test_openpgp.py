"""Clear-signed lists: only what a pinned key has signed is used."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import pysequoia
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import few

from buildlib.model.errors import SourceError
from buildlib.sources.openpgp import load_certificate, verified, verified_payload

LIST = b"SHA512 (a) = 0123\n- a dashed line\n-----BEGIN something\nlast line\n"


@dataclass(frozen=True)
class Signer:
    """A key, and operations with it."""

    secret: pysequoia.Tsk

    @property
    def certificate(self) -> pysequoia.Cert:
        return self.secret.extract_certificate()

    @property
    def public(self) -> bytes:
        return str(self.certificate).encode()

    @property
    def fingerprint(self) -> str:
        return str(self.certificate.fingerprint)

    def sign(self, text: bytes) -> bytes:
        return bytes(pysequoia.sign(self.secret.signer(), text, mode=pysequoia.SignatureMode.CLEAR))


@cache
def signer(name: str) -> Signer:
    return Signer(pysequoia.Tsk.generate(f"{name} <{name}@example.org>"))


def check(message: bytes, *, key: bytes | None = None, fingerprint: str | None = None) -> bytes:
    own = signer("release")
    return verified_payload(
        message,
        own.public if key is None else key,
        fingerprint=fingerprint or own.fingerprint,
        where="hashes.asc",
    )


def refused(
    message: bytes, *, key: bytes | None = None, fingerprint: str | None = None
) -> SourceError:
    with pytest.raises(SourceError) as caught:
        check(message, key=key, fingerprint=fingerprint)
    assert caught.value.where == "hashes.asc"
    assert caught.value.why is None or "\n  " not in caught.value.why
    return caught.value


@pytest.fixture(scope="module")
def message() -> bytes:
    return signer("release").sign(LIST)


def test_a_good_signature_yields_the_text(message: bytes) -> None:
    assert b"- -----BEGIN something" in message  # dash-escaped where it is written,
    assert check(message).rstrip(b"\n") == LIST.rstrip(b"\n")  # and not where it is read


def test_fingerprints_are_taken_as_people_write_them(message: bytes) -> None:
    fingerprint = signer("release").fingerprint.upper()
    spaced = " ".join(fingerprint[at : at + 4] for at in range(0, 40, 4))
    assert check(message, fingerprint=spaced)


def test_binary_keys_are_read_too(message: bytes) -> None:
    assert check(message, key=bytes(signer("release").certificate))


def test_crlf(message: bytes) -> None:
    """A list with converted line ends is still valid."""
    text = check(message.replace(b"\n", b"\r\n"))
    assert text.replace(b"\r", b"").rstrip(b"\n") == LIST.rstrip(b"\n")


def test_text_around_the_block_is_not_used(message: bytes) -> None:
    evil = b"SHA512 (evil) = 6666\n"
    for around in (evil + message, message + evil, evil + b"\n" + message + b"\n" + evil):
        try:
            text = check(around)
        except SourceError:
            continue
        assert b"evil" not in text
        assert text.rstrip(b"\n") == LIST.rstrip(b"\n")


def test_a_second_block_is_not_used(message: bytes) -> None:
    other = signer("other").sign(b"SHA512 (evil) = 6666\n")
    for both in (message + other, other + message):
        try:
            text = check(both)
        except SourceError:
            continue
        assert b"evil" not in text


def test_headers_and_lines_slipped_into_the_block(message: bytes) -> None:
    evil = b"SHA512 (evil) = 6666\n"
    for at in (b"\n\n", b"\n-----BEGIN PGP SIGNATURE"):
        changed = message.replace(at, b"\n" + evil + at[1:], 1)
        assert changed != message
        try:
            text = check(changed)
        except SourceError:
            continue
        assert b"evil" not in text


def test_a_changed_text(message: bytes) -> None:
    error = refused(message.replace(b"0123", b"0124"))
    assert error.reason == "signature"
    assert error.hint


def test_another_key_signed() -> None:
    assert refused(signer("other").sign(LIST)).reason == "signature"


def test_a_key_file_with_another_fingerprint(message: bytes) -> None:
    """Someone who can change the key file in a mirror of the checkout cannot change the pin."""
    other = signer("other")
    error = refused(other.sign(LIST), key=other.public)
    assert error.reason == "signing-key"
    assert signer("release").fingerprint in (error.why or "")
    assert other.fingerprint in (error.why or "")


@pytest.mark.parametrize("key", [b"", b"no key", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"])
def test_a_key_that_cannot_be_read(message: bytes, key: bytes) -> None:
    error = refused(message, key=key)
    assert error.reason == "signing-key"
    assert error.why


@pytest.mark.parametrize(
    "text", [b"", LIST, b"<html>not found</html>", b"-----BEGIN PGP MESSAGE-----\n\n"]
)
def test_an_unsigned_list(text: bytes) -> None:
    assert refused(text).reason == "signature-missing"


def test_a_signature_that_is_cut_off(message: bytes) -> None:
    start = message.index(b"-----BEGIN PGP SIGNATURE-----")
    for end in (start - 20, start, start + 40, start + 120):
        assert refused(message[:end]).reason == "signature"


@few
@given(st.data())
def test_no_changed_byte_changes_the_text(data: st.DataObject) -> None:
    message = signer("release").sign(LIST)
    at = data.draw(st.integers(0, len(message) - 1))
    changed = bytearray(message)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        text = check(bytes(changed))
    except SourceError:
        return
    assert text.split() == LIST.split()


def test_when_it_was_signed(message: bytes) -> None:
    own, now = signer("release"), time.time()
    signed = verified(message, own.public, fingerprint=own.fingerprint, where="hashes.asc")
    assert now - 3600 < signed.time <= now + 60


def test_a_certificate_by_itself() -> None:
    own = signer("release")
    assert load_certificate(own.public, fingerprint=own.fingerprint, where="key") is not None
