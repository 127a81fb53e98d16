"""Checksum files for a product."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from buildlib.sources.checksums import format_list
from buildlib.stages.stage import From, Job, Outputs, Stage

CHUNK = 1 << 20


@dataclass(frozen=True)
class Checksums(Stage):
    """SHA-256 and SHA-512 of `file` in BSD form, under the name `name`. Output: `list`."""

    file: From
    name: str

    def run(self, job: Job) -> Outputs:
        """SHA-256 is the content's name already; SHA-512 needs a read."""
        blob = job.inputs[self.file].blob
        sha512 = hashlib.sha512()
        with job.blobs.open(blob) as file:
            while data := file.read(CHUNK):
                sha512.update(data)
        lines = (format_list("SHA256", {self.name: blob.sha256})
                 + format_list("SHA512", {self.name: sha512.hexdigest()}))
        return {"list": job.blobs.put(lines)}
