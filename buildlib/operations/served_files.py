"""Files in a folder that a server may serve while it is written to."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from buildlib.host.atomic_files import SERVED, beside, new_file, write_file
from buildlib.host.reading import status_at
from buildlib.model.digest import Blob
from buildlib.store.store import Store


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_file(path: Path, size: int) -> bool:
    """Whether there is a file of that size; makes it readable for others."""
    status = status_at(path)
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_size != size:
        return False
    if stat.S_IMODE(status.st_mode) != SERVED:
        path.chmod(SERVED)
    return True


def copy(blob: Blob, target: Path, store: Store) -> None:
    """Copy the blob to `target`: the folder outlives the store, and others may write to it."""
    with new_file(beside(target), mode=SERVED) as file:
        store.blobs.copy_to(blob, file)
        file.appear(target, durable=True)


def write(path: Path, data: bytes) -> bool:
    """Write `data` to `path` durably unless it is already there; returns whether it wrote."""
    if is_file(path, len(data)) and path.read_bytes() == data:
        return False
    write_file(path, data, mode=SERVED, durable=True)
    return True
