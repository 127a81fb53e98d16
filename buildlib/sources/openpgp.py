"""OpenPGP: verifies clear-signed messages and signed files with a pinned key.

    -----BEGIN PGP SIGNED MESSAGE-----
    Hash: SHA512

    the text, dash-escaped
    -----BEGIN PGP SIGNATURE-----
    …
    -----END PGP SIGNATURE-----

A message must not contain anything else: text around it, or a second signature after the first,
looks like part of it but is not signed. If a signature block has several signatures, only those
that are valid on their own count. Source: RFC 9580, section 7 (cleartext signature framework).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buildlib.host.environment import now
from buildlib.model.errors import SourceError
from buildlib.model.looks import LINES_MAX, looks_like

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_SIGNATURES = 8  # limit for a block


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed text, and the time of its signature (seconds since 1970)."""

    text: bytes
    time: int


def verified_payload(message: bytes, key: bytes, *, fingerprint: str, where: str) -> bytes:
    """The text of a clear-signed `message`; see `verified`."""
    return verified(message, key, fingerprint=fingerprint, where=where).text


def verified(message: bytes, key: bytes, *, fingerprint: str, where: str) -> Signed:
    """The signed text of a clear-signed `message`.

    key          the signer's certificate, armored or binary
    fingerprint  of the primary key, in hex; spaces are ignored. All trust depends on it: a key
                 file with another fingerprint is rejected, wherever it came from.
    Raises SourceError: `signing-key`, `signature-missing`, `signature`, `clock`.
    """
    import pysequoia

    certificate = load_certificate(key, fingerprint=fingerprint, where=where)
    if _BEGIN not in message:
        raise SourceError(
            "the list is not signed",
            where=where,
            why="it has no clear-signed block",
            hint="nothing of it is used; fetch it from the release's own server",
            reason="signature-missing",
        )
    text, armor = _parts(message, where)
    good: list[Signed] = []
    failed: list[Exception] = []
    signatures = _signatures(armor, where)
    for packet in signatures:
        try:  # armor it again, because the library cannot write everything that it can read
            one = pysequoia.armor(bytes(packet), pysequoia.ArmorKind.Signature).encode()
            result = pysequoia.verify(bytes=text + one, store=lambda _ids: [certificate])
        except Exception as error:  # noqa: BLE001  the library has no narrower one
            failed.append(error)
            continue
        assert result.bytes is not None  # it is for detached signatures only
        good.append(Signed(bytes(result.bytes), int(packet.signature_created.timestamp())))
    if not good:
        raise _not_good(failed[0], "the list", where, certificate, signatures) from failed[0]
    return max(good, key=lambda signed: signed.time)


def _parts(message: bytes, where: str) -> tuple[bytes, bytes]:
    """A message split before its signature block. Raises SourceError for any other form."""
    if message.count(b"\n") > LINES_MAX:
        raise _other_form(where, f"it has more than {LINES_MAX} lines")
    message = message.strip() + b"\n"
    lines = message.split(b"\n")
    marks = [
        (number, line.rstrip()) for number, line in enumerate(lines) if line.startswith(b"-----")
    ]
    if [mark for _, mark in marks] != [_BEGIN, _SIGNATURE, _END]:
        raise _other_form(where, "it contains another text, signature or block")
    if (marks[0][0], marks[2][0]) != (0, len(lines) - 2):
        raise _other_form(where, "there is text before or after it")
    for line in lines[1:]:
        if not line.strip():
            break
        if not line.startswith(b"Hash:"):
            raise _other_form(where, f"invalid header {line[:40]!r}")
    at = message.index(b"\n" + _SIGNATURE) + 1
    return message[:at], message[at:]


def _signatures(armor: bytes, where: str) -> list[Any]:
    """The signatures in a block, as packets."""
    from pysequoia.packet import PacketPile

    try:
        packets = list(PacketPile.from_bytes(armor))
    except Exception as error:  # the library has no narrower one
        raise SourceError(
            "the signature cannot be read",
            where=where,
            why=_first_line(error),
            hint="fetch the list again",
            reason="signature",
        ) from error
    if not 0 < len(packets) <= _SIGNATURES or {*map(_kind, packets)} != {"Signature"}:
        raise _other_form(where, "its signature block has something else than signatures")
    if any(packet.signature_created is None for packet in packets):
        raise _other_form(where, "a signature does not say when it was made")
    return packets


def _other_form(where: str, why: str) -> SourceError:
    return SourceError(
        "the signed list is not in the expected form",
        where=where,
        why=f"it is not one clear-signed block with one signature block: {why}",
        hint="nothing of it is used; fetch it from the release's own server",
        reason="signature",
    )


def check_detached(
    data: bytes, signature: bytes, key: bytes, *, fingerprint: str, where: str
) -> None:
    """Check a detached `signature` of `data`, armored or binary; key as in `verified_payload`.

    Raises SourceError: `signing-key`, `signature`, `clock`.
    """
    import pysequoia

    certificate = load_certificate(key, fingerprint=fingerprint, where=where)
    signatures: list[Any] = []
    try:
        signatures.append(pysequoia.Sig.from_bytes(signature))
        pysequoia.verify(bytes=data, store=lambda _ids: [certificate], signature=signatures[0])
    except Exception as error:  # the library has no narrower one
        raise _not_good(error, "the file", where, certificate, signatures) from error


def load_certificate(key: bytes, *, fingerprint: str, where: str) -> object:
    """The certificate in `key` that has the pinned fingerprint; others are ignored.

    Raises SourceError (`signing-key`).
    """
    import pysequoia

    wanted = fingerprint.replace(" ", "").lower()
    try:
        certificates = pysequoia.Cert.split_bytes(key)
    except Exception as error:
        raise SourceError(
            "the signing key cannot be read",
            where=where,
            why=_first_line(error),
            reason="signing-key",
        ) from error
    if not certificates:
        raise SourceError(
            "the signing key cannot be read",
            where=where,
            why=looks_like(key[:200]),
            reason="signing-key",
        )
    for certificate in certificates:
        if certificate.fingerprint == wanted:
            found: object = certificate
            return found
    raise SourceError(
        "the signing key is not the pinned one",
        where=where,
        why="\n".join(
            [
                f"pinned {wanted}",
                *(f"found  {certificate.fingerprint}" for certificate in certificates),
            ]
        ),
        hint="do not trust this key; if the release's key has changed, confirm the new "
        "fingerprint in another way before you change the release definition",
        reason="signing-key",
    )


def _not_good(
    error: Exception, what: str, where: str, certificate: object, signatures: list[Any]
) -> SourceError:
    """The error if no signature is valid; if this host's clock is behind them, it says so."""
    keys = set(_key_ids(certificate))
    ahead = [
        made
        for signature in signatures
        if (made := _made(signature)) > now() and signature.issuer_key_id in keys
    ]
    if ahead:
        return SourceError(
            "the signature is from the future",
            where=where,
            why=f"signed at {_date(min(ahead))}, but this host's clock says {_date(now())}",
            hint=f"set the clock if it is wrong; if it is right, {what} was forged: nothing of it "
            "is used",
            reason="clock",
        )
    return SourceError(
        "the signature is not good",
        where=where,
        why=_first_line(error),
        hint=f"{what} was changed or signed with another key; nothing of it is used",
        reason="signature",
    )


def _key_ids(certificate: Any) -> Iterator[str]:
    from pysequoia.packet import PacketPile

    for packet in PacketPile.from_bytes(bytes(certificate)):
        if _kind(packet) in {"PublicKey", "PublicSubkey"}:
            yield packet.key_id


def _kind(packet: Any) -> str:
    """The name of a packet's tag; empty for a tag unknown to the library."""
    try:
        return str(packet.tag).rpartition(".")[2]
    except Exception:  # noqa: BLE001  the library has no narrower one
        return ""


def _made(signature: Any) -> float:
    """Creation time of a signature; packets and signatures use different names for it."""
    made = getattr(signature, "signature_created", None) or getattr(signature, "created", None)
    return float(made.timestamp()) if made else 0.0


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]  # the rest is the library's backtrace
