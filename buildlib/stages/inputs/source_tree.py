"""Unpacked sources: a work folder that the toolchain and the kernels share.

Sources are not an output. They are unpacked only when something must be compiled, into a folder
named by the digests of the sets, and builds never write to it. If the folder was changed, it is
unpacked again before it is used.
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
    """The folder `usr/src` of the source sets `sets`, unpacked."""
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
            "the source sets do not contain usr/src/build.sh",
            where=", ".join(ref.stage for ref in sets),
            hint="check source_sets in the release definition",
            reason="no-build-sh",
        )
    return source


def emptied(folder: Path) -> None:
    """Delete what an interrupted attempt left, since it may have been changed since."""
    shutil.rmtree(folder)
    folder.mkdir()


def sources_key(digests: Sequence[str]) -> str:
    """The name of the work folder for the sets with these SHA-256 digests."""
    return digest_of(list(digests))
