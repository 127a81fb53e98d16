"""Checksum files for a product."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.sources.checksums import format_list
from buildlib.store.blobs import CHUNK


@dataclass(frozen=True)
class Checksums(Stage):
    """Digests of `files` (name to file) in BSD form. Outputs: lists `sha256` and `sha512`."""

    files: Mapping[str, OutputRef]

    def run(self, context: StageContext) -> Outputs:
        """Build both lists; a blob's name is its SHA-256, so only SHA-512 needs a read."""
        sha256 = {name: context.inputs[ref].blob.sha256 for name, ref in self.files.items()}
        sha512 = {name: _sha512(context, ref) for name, ref in self.files.items()}
        return {
            "sha256": context.blobs.put(format_list("SHA256", sha256)),
            "sha512": context.blobs.put(format_list("SHA512", sha512)),
        }


def _sha512(context: StageContext, ref: OutputRef) -> str:
    blob = context.inputs[ref].blob
    digest, done = hashlib.sha512(), 0
    with context.blobs.open(blob) as file:
        while data := file.read(CHUNK):
            digest.update(data)
            done += len(data)
            context.tell(done, blob.size, "bytes")
    return digest.hexdigest()
