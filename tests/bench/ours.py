"""Our side of a benchmark, as a process of its own: `ours.py ingest|extract|fetch|summary …`."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

CHUNK = 1 << 20


def ingest(archive: str, store: str) -> None:
    """Every file of an archive into the store, hashed."""
    from buildlib.model.digest import Blob
    from buildlib.sources.archive.unpack import ingest as unpack
    from buildlib.store.blobs import Blobs
    from buildlib.store.packs import Packs

    folder = Path(store)
    folder.mkdir()
    packs: list[Blob] = []
    with Packs(folder, Blobs(folder)).writer(packs) as pack:
        unpack(Path(archive), pack, origin="bench", where="bench")


def extract(folder: str, archives: list[str]) -> None:
    """Source sets into a work folder."""
    from buildlib.sources.archive.unpack import extract as unpack

    unpack([(Path(archive), "bench") for archive in archives], Path(folder))


def fetch(url: str, sha512: str, sha256: str, size: str, store: str) -> None:
    """Download, verify and store one file."""
    from buildlib.sources.web.download import Pin
    from buildlib.sources.web.download import fetch as download
    from buildlib.store.blobs import Blobs

    folder = Path(store)
    folder.mkdir()
    download([url], Pin(sha512, sha256, int(size)), Blobs(folder), partial=folder / "partial")


def sha512(path: str) -> None:
    """SHA-512 alone, with the imports that a download needs."""
    import requests  # noqa: F401  both sides pay for it

    digest = hashlib.sha512()
    with open(path, "rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)


def summary(path: str, roots: list[str]) -> None:
    """A summary read; then, if there are roots, resolved: prints the seconds of CPU that took."""
    from buildlib.pkgsrc.repository import Repository
    from buildlib.pkgsrc.resolution.resolve import resolve
    from buildlib.pkgsrc.summary import parse
    from buildlib.sources.archive.compress import chunks

    repository = Repository(parse(chunks(Path(path), where=path)))
    if roots:
        started = time.process_time()
        packages = resolve(roots, repository).packages
        print(time.process_time() - started, len(packages))


def stage(folder: str, store: str) -> None:
    """Every package of a folder into a tree, its files into the store, hashed."""
    from buildlib.model.digest import Blob
    from buildlib.model.tree import Entry, tree_of
    from buildlib.pkgsrc.pkgdb import owners, register
    from buildlib.stages.system.packages import stage_package
    from buildlib.store.blobs import Blobs
    from buildlib.store.packs import Packs

    place = Path(store)
    place.mkdir()
    packs: list[Blob] = []
    entries: list[Entry] = []
    packages = []
    with Packs(place, Blobs(place)).writer(packs) as pack:
        for path in sorted(Path(folder).glob("*.tgz")):
            package, files = stage_package(path, pack, name=path.stem)
            packages.append(package)
            entries += files
        owners(packages)
        for data in register(packages).values():
            pack.add(data)
    tree_of(entries)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ingest", archive, store]:
            ingest(archive, store)
        case ["extract", target, *archives]:
            extract(target, archives)
        case ["fetch", url, sha512_pin, sha256_pin, size, store]:
            fetch(url, sha512_pin, sha256_pin, size, store)
        case ["sha512", path]:
            sha512(path)
        case ["summary", path, *roots]:
            summary(path, roots)
        case ["stage", packages, store]:
            stage(packages, store)
