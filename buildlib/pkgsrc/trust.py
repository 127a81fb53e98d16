"""Who must have signed the packages of a repository."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.signed import GPG, X509, Wrapped
from buildlib.sources.openpgp import check_detached
from buildlib.sources.pkcs7 import Pkcs7

_NAMES = {GPG: "an OpenPGP key", X509: "an X.509 certificate"}


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """An OpenPGP key, and its fingerprint."""

    key: bytes
    fingerprint: str

    def check(self, wrapped: Wrapped, *, where: str) -> None:
        """Check who signed a package. Raises SourceError."""
        _check_kind(wrapped, GPG, "packages.key", where)
        check_detached(
            wrapped.hashes, wrapped.signature, self.key, fingerprint=self.fingerprint, where=where
        )


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority whose certificates sign packages."""

    pkcs7: Pkcs7

    def check(self, wrapped: Wrapped, *, where: str) -> None:
        """Check who signed a package. Raises SourceError."""
        _check_kind(wrapped, X509, "packages.certificate", where)
        self.pkcs7.check(wrapped.hashes, wrapped.signature, where=where)


Signer: TypeAlias = TrustedKey | Authority


def _check_kind(wrapped: Wrapped, kind: str, key: str, where: str) -> None:
    if wrapped.kind != kind:
        raise SourceError(
            f"the package is signed with {_NAMES[wrapped.kind]}",
            where=where,
            why=f"the release definition names {_NAMES[kind]} ({key})",
            hint="packages.key is for OpenPGP, packages.certificate for X.509",
            reason="signature",
        )
