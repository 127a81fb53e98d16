"""The folder from which servers install binary packages over HTTP.

    DIR/All/                 packages, pkg_summary.gz, and index.html with a link to each package
    DIR/SHA512, SHA512.sig   digests of all files in All, and the signature of that list

The folder may be served while it is written to. Packages are written first, then the lists that
name them, and files that no list names any more are removed last: at every moment all packages
that pkg_summary.gz names exist. A kill leaves at most a hidden file, which the next run removes.
Only files named by an earlier list are ever removed; other files in the folder are kept.

Files are copies. A link into the store would have the store's fixed time, so pkgin would take a
new summary for the known one, and rsync a rebuilt package for the old one. The lists are never
older than a package, because pkg_chk ignores older lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from buildlib.host.atomic_files import leftovers, remove, serve_folder, sync
from buildlib.model.digest import Blob
from buildlib.model.errors import SourceError
from buildlib.operations.fleet.image_server import SIGNATURE_OF, Signer
from buildlib.operations.served_files import copy, is_file, write
from buildlib.sources import checksums
from buildlib.stages.images.package_repository import DIGESTS, FOLDER, INDEX, SUMMARY
from buildlib.store.store import Store

SIGNATURE = SIGNATURE_OF.format(DIGESTS)
_LISTS = tuple(f"{FOLDER}/{name}" for name in (SUMMARY, INDEX))


@dataclass(frozen=True, slots=True)
class Put:
    """The changes of a run: paths written, and paths removed."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def put(folder: Path, files: Mapping[str, Blob], store: Store, signer: Signer | None) -> Put:
    """Write the repository with `files` (path to content) to `folder`.

    Correct files are left alone. Without a signer no signature is written, but an existing one
    that still matches is kept. Raises GoldmasterError and OSError.
    """
    for place in (folder, folder / FOLDER):
        serve_folder(place)
        for rest in leftovers(place):
            remove(rest)
    packages = [path for path in files if path not in {*_LISTS, DIGESTS}]
    written = [path for path in packages if _place(folder / path, files[path], store)]
    lists = [path for path in _LISTS if _place(folder / path, files[path], store)]
    if written and not lists:  # a package was replaced
        for path in _LISTS:
            (folder / path).touch()
    written += lists
    sync(folder / FOLDER)
    removed = [
        path for path in _named(folder / DIGESTS) if path not in files and _remove(folder / path)
    ]
    sync(folder / FOLDER)
    if _place(folder / DIGESTS, files[DIGESTS], store):
        written.append(DIGESTS)
        if signer is None and _remove(folder / SIGNATURE):  # it signs the previous list
            removed.append(SIGNATURE)
    if signer is not None:
        signature = signer.sign(store.blobs.read(files[DIGESTS].sha256))
        if write(folder / SIGNATURE, signature):
            written.append(SIGNATURE)
    sync(folder)
    return Put(tuple(written), tuple(removed))


def several_versions(names: Iterable[str]) -> list[str]:
    """The package bases that have more than one version in `names` (PKGNAMEs)."""
    counts = Counter(name.rpartition("-")[0] for name in names)
    return sorted(base for base, count in counts.items() if count > 1)


def _place(path: Path, blob: Blob, store: Store) -> bool:
    """Copy the blob to `path` unless it is already there; returns whether it copied."""
    if is_file(path, blob.size) and store.seen.sha256(str(path)) == blob.sha256:
        return False
    copy(blob, path, store)
    return True


def _named(path: Path) -> list[str]:
    """The files of `All` that the list at `path` names; none if it cannot be read."""
    try:
        listed = checksums.parse(path.read_bytes(), where=str(path))
    except (OSError, SourceError):
        return []
    paths = [Path(line.path) for line in listed]
    return [str(path) for path in paths if path.parts[:-1] == (FOLDER,) and path.name != ".."]


def _remove(path: Path) -> bool:
    """Remove a file; returns whether it existed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
