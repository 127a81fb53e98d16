"""Fetches a pinned file from the release's mirrors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from buildlib.engine.stage import Outputs, Stage, StageContext
from buildlib.model.digest import Blob
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.web import limits
from buildlib.sources.web.download import Pin, fetch
from buildlib.store.blobs import Blobs


@dataclass(frozen=True)
class Fetch(Stage):
    """The file at `path` (from the mirror's root) from any of the mirrors. Output: `file`.

    sha256, size  from the lock: empty and -1 if it has none
    """

    PINNED = True

    path: str
    sha512: str
    sha256: str
    size: int

    def run(self, context: StageContext) -> Outputs:
        """Download the file, or resume an earlier run's download."""
        if kept := self._kept(context.blobs):
            return {"file": kept}
        mirrors = context.service(Mirrors)
        urls = mirrors.urls(self.path)
        context.partial.mkdir(parents=True, exist_ok=True)
        blob = fetch(
            urls,
            Pin(self.sha512, self.sha256, self.size),
            context.blobs,
            partial=context.partial / self.sha512,
            most=limits.FILE,
            patience=replace(mirrors.patience, say=context.note),
            tell=lambda done, total: context.tell(done, total, "bytes"),
        )
        return {"file": blob}

    def materials(self) -> Mapping[str, str]:
        """The file and its digest."""
        return {self.path: f"sha512 {self.sha512}"}

    def _kept(self, blobs: Blobs) -> Blob | None:
        """The file, if creating the lock already stored it."""
        blob = Blob(self.sha256, self.size)
        if not self.sha256 or self.size < 0 or not blobs.has(blob):
            return None
        with blobs.open(blob) as file:
            right = hashlib.file_digest(file, "sha512").hexdigest() == self.sha512
        return blob if right else None
