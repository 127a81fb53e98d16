"""Checksum files for a product."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from buildlib.engine.stage import From, Job, Outputs, Stage
from buildlib.sources.checksums import format_list
from buildlib.store.blobs import CHUNK


@dataclass(frozen=True)
class Checksums(Stage):
    """Digests of `files` (name to file) in BSD form. Outputs: lists `sha256` and `sha512`."""

    files: Mapping[str, From]

    def run(self, job: Job) -> Outputs:
        """SHA-256 is the content's name already; SHA-512 needs a read."""
        sha256 = {name: job.inputs[ref].blob.sha256 for name, ref in self.files.items()}
        sha512 = {name: _sha512(job, ref) for name, ref in self.files.items()}
        return {
            "sha256": job.blobs.put(format_list("SHA256", sha256)),
            "sha512": job.blobs.put(format_list("SHA512", sha512)),
        }


def _sha512(job: Job, ref: From) -> str:
    blob = job.inputs[ref].blob
    digest, done = hashlib.sha512(), 0
    with job.blobs.open(blob) as file:
        while data := file.read(CHUNK):
            digest.update(data)
            done += len(data)
            job.tell(done, blob.size, "bytes")
    return digest.hexdigest()
