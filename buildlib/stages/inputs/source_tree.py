"""Unpacked sources: a work folder that the toolchain and the kernels share.

Sources are not an output. They are unpacked only when something must be compiled, straight into
a folder named by the digests of the sets, and never written to by a build. A folder that was
touched is not compiled: it is unpacked anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from buildlib.engine.stage import OutputRef, StageContext
from buildlib.model.digest import digest_of
from buildlib.model.errors import SourceError
from buildlib.sources.archive.unpack import extract


def source_folder(context: StageContext, sets: Sequence[OutputRef]) -> Path:
    """The folder that holds `usr/src` of the source sets `sets`."""
    archives = [(context.path(ref), ref.stage) for ref in sets]
    total = sum(path.stat().st_size for path, _ in archives)

    def fill(folder: Path) -> None:
        emptied(folder)
        extract(
            archives,
            folder,
            tell=lambda done: context.tell(done, total, "bytes", "unpacking sources"),
        )

    key = sources_key([context.inputs[ref].blob.sha256 for ref in sets])
    source = context.workspaces.get("src", key, fill, tell=context.note) / "usr" / "src"
    if not (source / "build.sh").is_file():
        raise SourceError(
            "the source sets hold no usr/src/build.sh",
            where=", ".join(ref.stage for ref in sets),
            hint="check source_sets in the release definition",
            reason="no-build-sh",
        )
    return source


def emptied(folder: Path) -> None:
    """Take away what an earlier try left: nobody knows what else came in since."""
    shutil.rmtree(folder)
    folder.mkdir()


def sources_key(digests: Sequence[str]) -> str:
    """What the work folder of the sets with these SHA-256 digests is named by."""
    return digest_of(list(digests))
