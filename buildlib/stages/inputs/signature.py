"""Verifies that the lock's pins are the digests that the release's signers published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, SourceFile, Stage, StageContext
from buildlib.model.errors import SourceError
from buildlib.sources import checksums
from buildlib.sources.openpgp import verified_payload


@dataclass(frozen=True)
class Signature(Stage):
    """The signed list and the mirror's lists, compared with the lock's digests.

    list     the clear-signed list; `key` and `fingerprint` of its signer
    lists    path of a SHA512 file, from the release's folder, to the file
    pins     path of a set, from the release's folder, to its SHA-512 in the lock
    Output: `verified`, a BSD list of the digests that are signed.
    """

    LIBRARIES = ("pysequoia",)

    list: OutputRef
    key: SourceFile
    fingerprint: str
    lists: Mapping[str, OutputRef]
    pins: Mapping[str, str]

    def run(self, context: StageContext) -> Outputs:
        """Verify the signature, then every pin."""
        payload = verified_payload(
            context.read(self.list),
            self.key.path.read_bytes(),
            fingerprint=self.fingerprint,
            where=f"{self.list.stage}, key {self.key.name}",
        )
        signed = checksums.parse(payload, where=self.list.stage)
        for path, pinned in self.pins.items():
            _compare(path, pinned, checksums.lookup(signed, path), "the signed list")
        for name, ref in self.lists.items():
            folder = name.rpartition("/")[0]
            listed = checksums.parse(context.read(ref), where=name)
            for path, pinned in self.pins.items():
                if path.rpartition("/")[0] == folder:
                    base = path.rpartition("/")[2]
                    _compare(path, pinned, checksums.lookup(listed, base), name)
        return {"verified": context.blobs.put(checksums.format_list("SHA512", self.pins))}


def _compare(path: str, pinned: str, found: str | None, where: str) -> None:
    if found is None:
        raise SourceError(
            f"{path} is not in {where}",
            hint="check `path` and the sets in the release definition",
            reason="not-listed",
        )
    if found != pinned:
        raise SourceError(
            f"the lock and {where} have different digests for {path}",
            why=f"lock   {pinned}\nlist   {found}",
            hint="the release was rebuilt or the lock edited; `doit lock` writes a new lock",
            reason="lock-mismatch",
        )
