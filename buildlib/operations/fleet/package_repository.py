"""The folder that servers install binary packages from, over HTTP.

    DIR/All/                 packages, pkg_summary.gz, and index.html with a link to each package
    DIR/SHA512, SHA512.sig   digests of all that is in All, and the signature of that list

It is written to while it is served. Packages come first, then the lists that name them, then what
no list names any more goes: at every moment each package that pkg_summary.gz names is there. A kill
leaves a hidden file at most, which the next run removes. Only what an earlier list named is ever
removed: what others put beside it stays.

Files are copies. A link into the store would have the store's fixed time, by which pkgin would
take a new summary for the one it knows, and rsync a package built anew for the old one. The lists
are never older than a package: pkg_chk would not believe them.
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
    """What a run has changed: paths that are new or other than before, and those that went."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def put(folder: Path, files: Mapping[str, Blob], store: Store, signer: Signer | None) -> Put:
    """Have the repository that `files` (path to content) are in `folder`.

    What is there and right is left alone. Without a signer there is no signature, but one that
    is there and fits stays. Raises GoldmasterError and OSError.
    """
    for place in (folder, folder / FOLDER):
        serve_folder(place)
        for rest in leftovers(place):
            remove(rest)
    packages = [path for path in files if path not in {*_LISTS, DIGESTS}]
    written = [path for path in packages if _place(folder / path, files[path], store)]
    lists = [path for path in _LISTS if _place(folder / path, files[path], store)]
    if written and not lists:  # a package was mended
        for path in _LISTS:
            (folder / path).touch()
    written += lists
    sync(folder / FOLDER)
    removed = [path for path in _named(folder / DIGESTS)
               if path not in files and _remove(folder / path)]
    sync(folder / FOLDER)
    if _place(folder / DIGESTS, files[DIGESTS], store):
        written.append(DIGESTS)
        if signer is None and _remove(folder / SIGNATURE):  # it is of the list that was there
            removed.append(SIGNATURE)
    if signer is not None:
        signature = signer.sign(store.blobs.read(files[DIGESTS].sha256))
        if write(folder / SIGNATURE, signature):
            written.append(SIGNATURE)
    sync(folder)
    return Put(tuple(written), tuple(removed))


def several_versions(names: Iterable[str]) -> list[str]:
    """The bases of which `names` (PKGNAMEs) have more than one version."""
    counts = Counter(name.rpartition("-")[0] for name in names)
    return sorted(base for base, count in counts.items() if count > 1)


def _place(path: Path, blob: Blob, store: Store) -> bool:
    """Have a copy of the blob at `path`; whether it was not there."""
    if is_file(path, blob.size) and store.seen.sha256(str(path)) == blob.sha256:
        return False
    copy(blob, path, store)
    return True


def _named(path: Path) -> list[str]:
    """The files of `All` that the list at `path` names; none where it cannot be read."""
    try:
        listed = checksums.parse(path.read_bytes(), where=str(path))
    except (OSError, SourceError):
        return []
    paths = [Path(line.path) for line in listed]
    return [str(path) for path in paths if path.parts[:-1] == (FOLDER,) and path.name != ".."]


def _remove(path: Path) -> bool:
    """Remove a file; whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
