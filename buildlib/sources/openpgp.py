"""OpenPGP: what a clear-signed message or a signed file says, if a pinned key signed it.

Only the payload the verifier hands out is used: text around a clear-signed block reads like part
of it and is signed by nobody. Source: RFC 9580, section 7 (cleartext signature framework).
"""

from __future__ import annotations

from buildlib.sources.checksums import looks_like
from buildlib.words.errors import SourceError


def verified_payload(message: bytes, key: bytes, *, fingerprint: str, where: str) -> bytes:
    """The text of a clear-signed `message`.

    key          the signer's certificate, armored or binary
    fingerprint  of the primary key, in hex; spaces do not count. It is what is trusted: a key
                 file with another fingerprint is refused, wherever it came from.
    Raises SourceError: `signing-key`, `signature-missing`, `signature`.
    """
    import pysequoia

    certificate = load_certificate(key, fingerprint=fingerprint, where=where)
    if b"-----BEGIN PGP SIGNED MESSAGE-----" not in message:
        raise SourceError(
            "the list is not signed",
            where=where,
            why="it has no clear-signed block",
            hint="nothing of it is used; fetch it from the release's own server",
            reason="signature-missing",
        )
    try:
        result = pysequoia.verify(bytes=message, store=lambda _ids: [certificate])
    except Exception as error:
        raise _not_good(error, "the list", where) from error
    assert result.bytes is not None  # it is for detached signatures only
    return bytes(result.bytes)


def check_detached(
    data: bytes, signature: bytes, key: bytes, *, fingerprint: str, where: str
) -> None:
    """Check a detached `signature` of `data`, armored or binary; key as in `verified_payload`.

    Raises SourceError: `signing-key`, `signature`.
    """
    import pysequoia

    certificate = load_certificate(key, fingerprint=fingerprint, where=where)
    try:
        pysequoia.verify(bytes=data, store=lambda _ids: [certificate],
                         signature=pysequoia.Sig.from_bytes(signature))
    except Exception as error:  # the library has no narrower one
        raise _not_good(error, "the file", where) from error


def load_certificate(key: bytes, *, fingerprint: str, where: str) -> object:
    """The certificate in `key` that has the pinned fingerprint; others beside it do not count.

    Raises SourceError (`signing-key`).
    """
    import pysequoia

    wanted = fingerprint.replace(" ", "").lower()
    try:
        certificates = pysequoia.Cert.split_bytes(key)
    except Exception as error:
        raise SourceError(
            "the signing key cannot be read", where=where, why=_first_line(error),
            reason="signing-key",
        ) from error
    if not certificates:
        raise SourceError("the signing key cannot be read", where=where,
                          why=looks_like(key[:200]), reason="signing-key")
    for certificate in certificates:
        if certificate.fingerprint == wanted:
            found: object = certificate
            return found
    raise SourceError(
        "the signing key is not the pinned one",
        where=where,
        why="\n".join([f"pinned {wanted}", *(f"found  {certificate.fingerprint}"
                                             for certificate in certificates)]),
        hint="do not trust this key; if the release's key has changed, confirm the new "
        "fingerprint by another way before you change the release definition",
        reason="signing-key",
    )


def _not_good(error: Exception, what: str, where: str) -> SourceError:
    return SourceError(
        "the signature is not good", where=where, why=_first_line(error),
        hint=f"{what} was changed, or another key signed it; nothing of it is used",
        reason="signature",
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]  # the rest is the library's stack


def signed_at(message: bytes) -> int:
    """When a clear-signed message was signed, as its signature says; seconds since 1970.

    Meant for a message that `verified_payload` has taken. Raises SourceError.
    """
    import pysequoia

    armor = message[message.rfind(b"-----BEGIN PGP SIGNATURE-----") :]
    try:
        created = pysequoia.Sig.from_bytes(armor).created
    except Exception as error:
        raise SourceError("the signature cannot be read", why=_first_line(error),
                          reason="signature") from error
    return int(created.timestamp()) if created else 0
