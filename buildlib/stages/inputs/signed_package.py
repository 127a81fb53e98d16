"""Taking a signed package out of its wrapping."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, SourceFile, Stage, StageContext
from buildlib.pkgsrc.package_file import unwrap


@dataclass(frozen=True)
class SignedPackage(Stage):
    """The package in `archive`, if `key` has signed every byte of it. Output: `file`.

    name  of the archive's file, for errors
    """

    LIBRARIES = ("pysequoia",)

    archive: OutputRef
    name: str
    key: SourceFile
    fingerprint: str

    def run(self, context: StageContext) -> Outputs:
        """Check, and write what was signed."""
        package = unwrap(context.path(self.archive), context.blobs, key=self.key.path.read_bytes(),
                         fingerprint=self.fingerprint, where=self.name)
        return {"file": package}
