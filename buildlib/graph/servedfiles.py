"""Files in a folder that a server serves while it is written to: each appears by one rename."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from buildlib.store.store import Store
from buildlib.words.digest import Blob


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def beside(path: Path) -> Path:
    """Where a file is written before it is renamed."""
    return path.with_name(f".{path.name}.new")


def copy(blob: Blob, target: Path, store: Store) -> None:
    """A copy of its own: the folder outlives the store, and others may write to it."""
    shutil.copyfile(store.blobs.path(blob), target)
    target.chmod(0o644)
    sync(target)


def replace(path: Path, data: bytes) -> None:
    """Have `data` at `path` by one rename."""
    write(beside(path), data)
    beside(path).replace(path)


def write(path: Path, data: bytes) -> None:
    """Have `data` at `path`, on the disk."""
    path.write_bytes(data)
    path.chmod(0o644)
    sync(path)


def sync(path: Path) -> None:
    """Have a file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
