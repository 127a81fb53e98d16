"""Content-addressed files.

A blob appears by one rename and is never written again. With its *seal* (`buildlib.store.seal`) one
`lstat` shows that nothing has written to it, which is enough to decide that a stage need not run.
Content that leaves the store is checked more thoroughly: unless it was written in this run, it is
read once and compared with its digest. A damaged blob is removed and MissingBlob is raised; then
the stage that made it runs again.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buildlib.host.atomic_files import STORED, NewFile, fresh_name, move, new_file, remove
from buildlib.host.reading import status_at
from buildlib.model.digest import Blob
from buildlib.model.errors import MissingBlob, StoreError
from buildlib.store.seal import Seal

CHUNK = 1 << 18  # bytes read at once; small enough to stay in the core's cache for hash and write


class BlobWriter:
    """A blob being written: `write` bytes, then read `blob`."""

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        self._hash.update(data)
        self._file.write(data)
        self.size += len(data)

    @property
    def blob(self) -> Blob:
        """Digest and size of what has been written so far."""
        return Blob(self._hash.hexdigest(), self.size)


class Blobs:
    """The blobs below one folder. Methods may be called from several threads."""

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self._root = str(folder / "blobs")
        self.tmp = folder / "tmp"
        for path in (folder / "blobs", self.tmp):
            path.mkdir(parents=True, exist_ok=True)
        self.seal = seal or Seal(folder)
        self._known: set[str] = set()  # written or verified in this run, so they may leave

    def where(self, sha256: str) -> str:
        """The path of a blob, present or not."""
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def fresh(self) -> str:
        """An unused path in `tmp`."""
        return fresh_name(self.tmp)

    def put(self, data: bytes) -> Blob:
        """Store `data`."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        if not self._is_whole(blob):
            with new_file(self.fresh(), mode=STORED) as file:
                file.write(data)
                self._keep(file, blob)
        return blob

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """Store what is written in the block, or nothing if the block raises."""
        with new_file(self.fresh(), mode=STORED) as file:
            writer = BlobWriter(file)
            yield writer
            if not self._is_whole(writer.blob):
                self._keep(file, writer.blob)

    def _keep(self, file: NewFile, blob: Blob) -> None:
        self.seal.put(file.descriptor)
        file.appear(self.where(blob.sha256), clearing=True)
        self._known.add(blob.sha256)

    def adopt(self, path: str | Path, *, blob: Blob | None = None) -> Blob:
        """Move a finished file on the same file system into the store.

        `blob` is its digest and size, if the caller computed them while writing.
        """
        with open(path, "rb") as file:
            if blob is None:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                blob = Blob(digest, os.fstat(file.fileno()).st_size)
            if self._is_whole(blob):
                os.unlink(path)
                return blob
            os.fchmod(file.fileno(), STORED)
            self.seal.put(file.fileno())
        move(path, self.where(blob.sha256), clearing=True)
        self._known.add(blob.sha256)
        return blob

    def copy_in(self, path: str | Path) -> Blob:
        """Store a copy of the file at `path`."""
        with open(path, "rb") as source, self.writer() as writer:
            while data := source.read(CHUNK):
                writer.write(data)
        return writer.blob

    def has(self, blob: Blob) -> bool:
        """Whether the blob is present and intact (one `lstat` while it is sealed)."""
        return self.seal.is_on(self.where(blob.sha256), blob.size) or self._reseal(blob)

    def _is_whole(self, blob: Blob) -> bool:
        """Whether the blob is present and may leave: written in this run, or verified now."""
        if not self.has(blob):
            return False
        if blob.sha256 not in self._known:
            path = self.where(blob.sha256)
            if not (self.seal.agrees(path) or self._reseal(blob)):
                return False
            self._known.add(blob.sha256)
        return True

    def path(self, blob: Blob) -> Path:
        """The path of an existing blob, for reading only. Raises MissingBlob."""
        if not self._is_whole(blob):
            raise MissingBlob(blob.sha256, why="it was deleted, or changed by another program")
        return Path(self.where(blob.sha256))

    def read(self, sha256: str) -> bytes:
        """The whole content, verified. For documents, not for images. Raises MissingBlob."""
        path = self.where(sha256)
        if not os.path.lexists(path):
            raise MissingBlob(sha256, why="it was deleted")
        data = Path(path).read_bytes() if _is_file(path) else b""
        if hashlib.sha256(data).hexdigest() != sha256:
            remove(path)
            raise MissingBlob(sha256, why="it was damaged")
        return data

    def open(self, blob: Blob) -> io.BufferedReader:
        """The content as an open file. Raises MissingBlob."""
        return open(self.path(blob), "rb")

    def copy_to(self, blob: Blob, file: NewFile) -> None:
        """Append the content to `file`, verifying its digest on the way. Raises MissingBlob."""
        digest = hashlib.sha256()
        with self.open(blob) as source:
            while data := source.read(CHUNK):
                digest.update(data)
                file.write(data)
        if digest.hexdigest() != blob.sha256:
            self.discard(blob.sha256)
            raise MissingBlob(blob.sha256, why="it was damaged")

    def place(self, blob: Blob, target: str | Path) -> None:
        """Put the content at `target`: as a hard link, or as a copy if that is impossible.

        The file is read-only and shared with the store. A program that writes to it anyway breaks
        the seal, which the next run notices.
        """
        source = self.path(blob)
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP}:
                raise
            shutil.copyfile(source, target)
        os.chmod(target, 0o444)  # whatever the umask was

    def discard(self, sha256: str) -> int:
        """Remove a blob if it exists. Return the number of bytes freed."""
        path = self.where(sha256)
        status = status_at(path)
        if status is None:
            return 0
        remove(path)
        return status.st_size

    def all(self) -> Iterator[str]:
        """The SHA-256 of every blob, in any order."""
        return names_below(self._root)

    def is_sound(self, sha256: str) -> bool:
        """Whether the blob's content still matches its name; reads all of it."""
        path = self.where(sha256)
        if not _is_file(path):
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def clear_tmp(self) -> None:
        """Remove what a killed run left behind. Only the holder of the lock may do so."""
        for path in self.tmp.iterdir():
            remove(path)  # may be gone already: a run with nothing to do may save its snapshot

    def _reseal(self, blob: Blob) -> bool:
        """Verify a blob whose seal is broken, then seal it again or remove it."""
        path = self.where(blob.sha256)
        try:
            if not os.path.lexists(path):
                return False
            if _is_file(path, blob.size) and self.is_sound(blob.sha256):
                self.seal.renew(path)
                self._known.add(blob.sha256)
                return True
            remove(path)
        except OSError as error:
            raise StoreError(
                "the store cannot be read", where=path, why=str(error), reason="store-io"
            ) from error
        return False


def _is_file(path: str, size: int | None = None) -> bool:
    status = status_at(path)
    return status is not None and stat.S_ISREG(status.st_mode) and size in {None, status.st_size}


def names_below(folder: str | Path) -> Iterator[str]:
    """The names in the subfolders of `folder` that begin with the subfolder's name."""
    for prefix in os.listdir(folder):
        if os.path.isdir(f"{folder}/{prefix}"):
            yield from (
                name for name in os.listdir(f"{folder}/{prefix}") if name.startswith(prefix)
            )
