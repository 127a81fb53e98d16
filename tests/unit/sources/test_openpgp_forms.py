"""A clear-signed message is one block and nothing else; only verified text is used."""

from __future__ import annotations

import time
from functools import cache

import pysequoia
import pytest
from pysequoia.packet import PacketPile
from support.spending import spent

from buildlib.model.errors import SourceError
from buildlib.sources import openpgp
from buildlib.sources.openpgp import Signed, check_detached, verified

TEXT = b"SHA512 (a) = 0123\n- dashed\n"
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
EVIL = b"SHA512 (evil) = 6666\n"


@cache
def signer(name: str) -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(f"{name} <{name}@example.org>")


def message(name: str = "release", text: bytes = TEXT) -> bytes:
    """Cached, because a second later the bytes would differ."""
    return _message(name, text)


@cache
def _message(name: str, text: bytes) -> bytes:
    return bytes(pysequoia.sign(signer(name).signer(), text, mode=pysequoia.SignatureMode.CLEAR))


def block(data: bytes) -> bytes:
    """The signature block of a message."""
    return data[data.index(SIGNATURE) :]


def packets(name: str) -> list[bytes]:
    return [bytes(packet) for packet in PacketPile.from_bytes(block(message(name)))]


def with_packets(*signatures: bytes) -> bytes:
    """The message with these signatures in a single block."""
    head = message()[: message().index(SIGNATURE)]
    armor = pysequoia.armor(b"".join(signatures), pysequoia.ArmorKind.Signature)
    return head + armor.encode()


def check(data: bytes) -> Signed:
    certificate = signer("release").extract_certificate()
    return verified(
        data, str(certificate).encode(), fingerprint=certificate.fingerprint, where="hashes.asc"
    )


def refused(data: bytes) -> SourceError:
    with pytest.raises(SourceError) as caught:
        check(data)
    assert caught.value.where == "hashes.asc"
    assert caught.value.hint
    return caught.value


AROUND = {
    "a second signature behind": lambda good: good + block(message("other")),
    "a second signature before": lambda good: block(message("other")) + good,
    "a second signature inside": lambda good: good.replace(
        SIGNATURE, block(message("other")) + SIGNATURE
    ),
    "its own signature again": lambda good: good + block(good),
    "another message behind": lambda good: good + message("other", EVIL),
    "another message before": lambda good: message("other", EVIL) + good,
    "the same message twice": lambda good: good + good,
    "text behind": lambda good: good + EVIL,
    "text before": lambda good: EVIL + good,
    "text between": lambda good: good.replace(SIGNATURE, SIGNATURE + b"\n" + EVIL, 1),
    "a key behind": lambda good: good + str(signer("other").extract_certificate()).encode(),
    "an odd header": lambda good: good.replace(b"\n\n", b"\nComment: SHA512 (evil) = 6\n\n", 1),
    "no end": lambda good: good.replace(b"-----END PGP SIGNATURE-----", b""),
    "no signature": lambda good: good[: good.index(SIGNATURE)],
    "bytes that are no text": lambda good: good + b"\xff\x00",
    "an undashed line": lambda good: good.replace(b"\n- - dashed", b"\n-----dashed"),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_stands_beside_it(name: str) -> None:
    """Once, the date of a lock was that of the last block in the file."""
    changed = AROUND[name](message())
    assert changed != message()
    assert refused(changed).reason == "signature"


@pytest.mark.parametrize(
    "change",
    [
        lambda good: good.replace(b"\n", b"\r\n"),
        lambda good: b"\n\n" + good + b"\n\n ",
        lambda good: good.replace(b"-----\n", b"----- \t\n"),
        lambda good: good.rstrip(),
    ],
    ids=["CRLF", "empty lines around", "blanks behind the marks", "no last newline"],
)
def test_what_changes_nothing(change: object) -> None:
    assert callable(change)
    signed = check(change(message()))
    assert signed.text.replace(b"\r", b"").rstrip(b"\n") == TEXT.rstrip(b"\n")


def test_of_several_signatures_the_good_one_counts() -> None:
    """When a key is replaced, both sign for a while; and anyone can add a signature."""
    (own,), (other,) = packets("release"), packets("other")
    expected = check(message())
    for signatures in ((own, other), (other, own), (other, other, own)):
        assert check(with_packets(*signatures)) == expected
    assert refused(with_packets(other)).reason == "signature"
    assert "something else" in (refused(with_packets(own, *[other] * 8)).why or "")
    literal = bytes.fromhex("cb0b6200000000006576696c")  # a packet of another kind
    assert refused(with_packets(own, literal)).reason == "signature"


def test_packets_that_the_library_has_no_word_for() -> None:
    """The library reads them, and raises when they are inspected or written."""
    (own,) = packets("release")
    issuer = b"\x16\x21\x04"  # length, kind and version of the fingerprint of who signed
    odd = own.replace(issuer, issuer[:2] + b"\x84")
    assert odd != own
    assert check(with_packets(odd, own)) == check(message())
    assert refused(with_packets(odd)).reason == "signature"
    unknown = bytes.fromhex("f80141")  # of kind 56
    assert "something else" in (refused(with_packets(own, unknown)).why or "")


ODD = bytes([0xC0 | 60, 3]) + b"abc"  # a packet of a kind for private use


@pytest.mark.parametrize("packet", [ODD, bytes([0xC0 | 27, 3]) + b"abc"], ids=["private", "new"])
def test_packets_of_a_kind_that_nobody_knows(packet: bytes) -> None:
    assert refused(with_packets(*packets("release"), packet)).reason == "signature"
    certificate = signer("release").extract_certificate()
    with pytest.raises(SourceError) as caught:
        verified(
            message("other"),
            bytes(certificate) + packet,
            fingerprint=certificate.fingerprint,
            where="hashes.asc",
        )
    assert caught.value.reason == "signature"
    assert (
        verified(
            message(),
            bytes(certificate) + packet,
            fingerprint=certificate.fingerprint,
            where="hashes.asc",
        ).text
        == TEXT
    )


@pytest.mark.programs
@pytest.mark.parametrize("line", [b"\n", b"-----\n"])
def test_a_message_of_very_many_lines(line: bytes) -> None:
    data = message().replace(b"\n\n", b"\n\n" + line * 5_000_000, 1)
    found = spent(lambda: check(data))
    assert "lines" in found.refused
    assert found.megabytes < 60
    assert found.seconds < 2


def test_a_clock_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not reported as tampering, because nothing was changed."""
    early = time.time() - 500 * 86400
    monkeypatch.setattr(openpgp, "now", lambda: early)
    spoilt = message().replace(b"0123", b"0124")  # the library's own clock is right
    error = refused(spoilt)
    assert error.reason == "clock"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert (error.why or "").startswith(f"signed at {day}")
    assert time.strftime("%Y-%m-%d", time.gmtime(early)) in (error.why or "")
    assert "set the clock" in (error.hint or "")
    assert refused(message("other")).reason == "signature", "another key's date says nothing"
    certificate = signer("release").extract_certificate()
    detached = pysequoia.sign(
        signer("release").signer(), b"data", mode=pysequoia.SignatureMode.DETACHED
    )
    with pytest.raises(SourceError) as caught:
        check_detached(
            b"other",
            detached,
            str(certificate).encode(),
            fingerprint=certificate.fingerprint,
            where="a.tgz",
        )
    assert caught.value.reason == "clock"
