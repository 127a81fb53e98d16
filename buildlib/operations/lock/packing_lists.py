"""Searches the packing lists of pinned packages for libraries that are missing in PROVIDES.

PROVIDES contains only files in certain folders or with names that begin with `lib`. A Lua module
that another package links to is in REQUIRES but not in PROVIDES; its packing list has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from buildlib.model.digest import Blob
from buildlib.pkgsrc.install import written_by
from buildlib.pkgsrc.package_file import metadata, unwrap
from buildlib.pkgsrc.repository import library_path
from buildlib.pkgsrc.trust import Signer
from buildlib.store.store import Store


def notes(
    unlisted: Mapping[str, str], packages: Iterable[Blob], store: Store, signer: Signer | None
) -> list[str]:
    """A line for each library in `unlisted` that none of the pinned `packages` installs.

    unlisted  as in `Resolution`: library to a package that requires it
    """
    missing = dict(unlisted)
    for blob in packages:
        if not missing:
            break
        for library in _libraries(blob, store, signer):
            missing.pop(library, None)
    return [
        f"{name} requires {library}, which is in no package of the recipe"
        for library, name in missing.items()
    ]


def _libraries(blob: Blob, store: Store, signer: Signer | None) -> list[str]:
    """Full paths of the files in a package's packing list that may be libraries."""

    def listed(path: str) -> str:
        file = Path(path)
        if signer is not None:
            file = store.blobs.path(unwrap(file, store.blobs, signer=signer, where=path))
        written = written_by(metadata(file, where=path).plist, ())
        return "\n".join(library_path(f"/{one}") for one in written if ".so" in one)

    path = str(store.blobs.path(blob))
    return store.seen.memo(path, listed, kind="packing list").split("\n")
