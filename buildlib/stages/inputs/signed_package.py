"""Unwraps signed packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from buildlib.engine.stage import OutputRef, Outputs, SourceFile, Stage, StageContext
from buildlib.pkgsrc.package_file import unwrap
from buildlib.pkgsrc.trust import Authority, Signer, TrustedKey
from buildlib.sources.pkcs7 import Pkcs7, pinned


@dataclass(frozen=True)
class SignedPackage(Stage):
    """The package in `archive`, if every byte of it is signed. Output: `file`.

    name    of the archive's file, for messages
    key     an OpenPGP key; or, if `is_x509`, the certificate of the signer's authority
    """

    LIBRARIES = ("pysequoia",)

    archive: OutputRef
    name: str
    key: SourceFile
    fingerprint: str
    is_x509: bool = False

    def tools(self) -> tuple[str, ...]:
        """Certificates are openssl's matter."""
        return ("openssl",) if self.is_x509 else ()

    def run(self, context: StageContext) -> Outputs:
        """Verify the signature and store the signed package."""
        package = unwrap(
            context.path(self.archive),
            context.blobs,
            signer=self._signer(context),
            where=self.name,
        )
        return {"file": package}

    def _signer(self, context: StageContext) -> Signer:
        key = self.key.path.read_bytes()
        if not self.is_x509:
            return TrustedKey(key, self.fingerprint)

        def openssl(
            folder: Path, *words: str, on_line: Callable[[str], None] | None = None
        ) -> None:
            context.run("openssl", *words, cwd=folder, on_line=on_line)

        authority = pinned(key, fingerprint=self.fingerprint, where=self.key.name)
        return Authority(Pkcs7(authority, openssl, context.folder))
