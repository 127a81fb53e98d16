"""An authority that certifies packagers, and signatures as `pkg_admin x509-sign-package` makes."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from pathlib import Path

PURPOSES = "codeSigning,emailProtection"


class Authority:
    """An authority, and those whom it has certified."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        folder.mkdir()
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", "ca.key", "-out", "ca.pem", "-subj", f"/CN={name}", "-days", "9999"),
        )

    @property
    def certificate(self) -> bytes:
        return (self.folder / "ca.pem").read_bytes()

    @property
    def fingerprint(self) -> str:
        der = ssl.PEM_cert_to_DER_cert(self.certificate.decode())
        return hashlib.sha256(der).hexdigest()

    def certify(
        self, name: str, *, purposes: str = PURPOSES, ca: bool = False, days: int = 99
    ) -> None:
        more = f"extendedKeyUsage={purposes}\n" if purposes else ""
        (self.folder / "x").write_text(f"basicConstraints=CA:{'TRUE' if ca else 'FALSE'}\n{more}")
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}"),
        )
        self._openssl(
            *("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-extfile", "x", "-out", f"{name}.pem", "-days", str(days)),
        )

    def sign(self, name: str, data: bytes, *more: str) -> bytes:
        """As `pkg_admin x509-sign-package`: detached, binary, without attributes."""
        (self.folder / "data").write_bytes(data)
        self._openssl(
            *("smime", "-sign", "-binary", "-noattr", "-outform", "PEM", "-in", "data"),
            *("-signer", f"{name}.pem", "-inkey", f"{name}.key", "-out", "signature", *more),
        )
        return (self.folder / "signature").read_bytes()

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
