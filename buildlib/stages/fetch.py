"""Fetching a pinned file from the release's mirrors."""

from __future__ import annotations

from dataclasses import dataclass

from buildlib.sources.download import Pin, fetch
from buildlib.stages.stage import Job, Outputs, Stage


@dataclass(frozen=True)
class Fetch(Stage):
    """The file at `path` (from the mirror's root), whatever mirror has it. Output: `file`."""

    PINNED = True

    path: str
    sha512: str
    sha256: str
    size: int

    def run(self, job: Job) -> Outputs:
        """Download, or take the rest of what an earlier run began."""
        urls = [f"{mirror.rstrip('/')}/{self.path}" for mirror in job.mirrors]
        job.partial.mkdir(parents=True, exist_ok=True)
        blob = fetch(
            urls,
            Pin(self.sha512, self.sha256, self.size),
            job.blobs,
            partial=job.partial / self.sha256,
            tell=lambda done, total: job.tell(done, total, "bytes"),
        )
        return {"file": blob}
