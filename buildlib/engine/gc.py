"""Garbage collection: removes what no last build needs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from buildlib.store.store import Store


@dataclass(frozen=True, slots=True)
class Removed:
    """Number of removed files, and their size in bytes."""

    files: int
    size: int


def collect(store: Store) -> Removed:
    """Remove records of outdated builds, content that no record names, and work folders.

    Call it with the store's lock held. Everything removed can be made again.
    """
    keep = set(store.records.all_last().values())
    blobs: set[str] = set()
    packs: set[str] = set()
    for key in list(store.records.all()):
        record = store.records.get(key) if key in keep else None
        if record is None:
            store.records.drop(key)
            continue
        for output in record.outputs.values():
            blobs |= {output.blob.sha256, *(blob.sha256 for blob in output.files)}
            packs |= {pack.sha256 for pack in output.packs}
    sizes = [store.blobs.discard(name) for name in list(store.blobs.all()) if name not in blobs]
    sizes += [store.packs.discard(name) for name in list(store.packs.all()) if name not in packs]
    store.blobs.clear_tmp()
    for glance in store.folder.glob("glance-*.json"):
        glance.unlink()
    shutil.rmtree(store.build / "work", ignore_errors=True)
    shutil.rmtree(store.build / "failed", ignore_errors=True)
    shutil.rmtree(store.build / "partial", ignore_errors=True)
    return Removed(len(sizes), sum(sizes))
