"""Checks PKCS #7 signatures by the certificates of a pinned authority.

The host's openssl does it, as pkg_install's libcrypto does on a server, with the same rules: the
chain ends at the authority, and the signer's certificate is for signing code and e-mail and for
nothing else, and is not an authority itself. Authorities that the host trusts do not count.
Source: pkgsrc pkgtools/pkg_install/files/lib/pkcs7.c 1.7 of 2018-04-05, easy_pkcs7_verify().
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from buildlib.model.errors import SourceError, ToolError

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\r?\n?"
)
_PURPOSES = {"Code Signing", "E-mail Protection"}
_MOST = 16  # certificates in a signature


class Openssl(Protocol):
    """Runs openssl."""

    def __call__(
        self, folder: Path, /, *words: str, on_line: Callable[[str], None] | None = None
    ) -> None:
        """Run it in `folder`. Raises ToolError."""


@dataclass(frozen=True)
class Pkcs7:
    """Checks signatures by the authority with the pinned certificate.

    authority    the certificate, in PEM form
    folder       where openssl's files are for a moment
    check_times  whether certificates must be valid today: when something is pinned, not when what
                 was pinned is used again
    """

    authority: bytes
    openssl: Openssl
    folder: Path
    check_times: bool = False

    def check(self, data: bytes, signature: bytes, *, where: str) -> None:
        """Check a detached `signature`, in PEM form. Raises SourceError (`signature`)."""
        folder = self.folder / f"signature-{hashlib.sha256(data + signature).hexdigest()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            for certificate in self._signers(folder, data, signature, where):
                self._check_purpose(folder, certificate, where)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _signers(self, folder: Path, data: bytes, signature: bytes, where: str) -> list[bytes]:
        for name, content in (("ca", self.authority), ("data", data), ("signature", signature)):
            (folder / name).write_bytes(content)
        times = () if self.check_times else ("-no_check_time",)
        try:
            self.openssl(
                folder,
                *("smime", "-verify", "-binary", "-inform", "PEM", "-in", "signature"),
                *("-content", "data", "-CAfile", "ca", "-no-CApath", "-no-CAstore", *times),
                *("-signer", "signers", "-out", "content"),
            )
        except ToolError as error:
            raise _bad(_reason(error.tail), where) from error
        signers = _CERTIFICATE.findall((folder / "signers").read_bytes())
        if not 0 < len(signers) <= _MOST:
            raise _bad(f"it has {len(signers)} signers", where)
        return signers

    def _check_purpose(self, folder: Path, certificate: bytes, where: str) -> None:
        (folder / "one").write_bytes(certificate)
        lines: list[str] = []
        self.openssl(
            folder,
            *("x509", "-in", "one", "-noout", "-ext", "basicConstraints,extendedKeyUsage"),
            on_line=lines.append,
        )
        text = "\n".join(lines)
        if "CA:TRUE" in text:
            raise _bad("the signer's certificate is that of an authority", where)
        found = re.search(r"Extended Key Usage:[^\n]*\n\s*(.+)", text)
        purposes = set(map(str.strip, found[1].split(","))) if found else set()
        if purposes != _PURPOSES:
            listed = ", ".join(sorted(purposes)) or "nothing"
            raise _bad(
                f"the signer's certificate is for {listed}; "
                f"it must be for {' and '.join(sorted(_PURPOSES))}, and nothing else",
                where,
            )


def pinned(certificates: bytes, *, fingerprint: str, where: str) -> bytes:
    """The certificate with the pinned SHA-256 fingerprint, in PEM form. Raises SourceError."""
    import ssl

    wanted = re.sub(r"[\s:]", "", fingerprint).lower()
    found = []
    for certificate in _CERTIFICATE.findall(certificates):
        try:
            der = ssl.PEM_cert_to_DER_cert(certificate.decode("ascii").strip())
        except ValueError:
            continue
        found.append(hashlib.sha256(der).hexdigest())
        if found[-1] == wanted:
            return bytes(certificate)
    raise SourceError(
        "the packages' certificate is not the pinned one",
        where=where,
        why="\n".join([f"pinned {wanted}", *(f"found  {one}" for one in found)])
        if found
        else "the file has no certificate in PEM form",
        hint="`openssl x509 -in FILE -noout -sha256 -fingerprint` shows a fingerprint; confirm it "
        "in another way before you change the release definition",
        reason="signing-key",
    )


def _reason(tail: tuple[str, ...]) -> str:
    """What openssl said, without its numbers of errors and lines."""
    known = [line.rpartition("Verify error:")[2] for line in tail if "Verify error:" in line]
    if known:
        return known[0]
    names = [line.split(":") for line in tail if line.count(":") > 4]
    return names[0][5] if names else "openssl does not accept it"


def _bad(why: str, where: str) -> SourceError:
    return SourceError(
        "the signature is not valid",
        where=where,
        why=why,
        hint="do not use this file; fetch it again from another mirror",
        reason="signature",
    )
