"""Content-addressed files.

A blob appears by one rename and is never written again. It carries a *seal*, a fixed modification
time: a program that writes to a blob breaks the seal, and one `lstat` tells. A blob with a broken
seal is hashed again; one that is no longer what its name says is removed, and whoever asked gets
MissingBlob, upon which the stage that made it runs again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buildlib.words.digest import Blob
from buildlib.words.errors import MissingBlob, StoreError

SEAL_NS = 1_000_000_000 * 10**9
CHUNK = 1 << 18  # bytes read at once: what hashes and writes them finds them in the core's cache


def is_sealed(target: str, size: int | None = None) -> bool:
    """Whether the file is as it was stored: a file, of `size` bytes, with the seal's time."""
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return False
    return (
        status.st_mtime_ns == SEAL_NS
        and size in {None, status.st_size}
        and stat.S_ISREG(status.st_mode)
    )


def distrust(target: str) -> None:
    """Break the seal of a blob or pack, so that the next look at it reads every byte."""
    with contextlib.suppress(OSError):
        os.chmod(target, 0o444)
        os.utime(target)


def _appear(scratch: str | Path, target: str) -> None:
    """The one rename; the folder is made for its first blob."""
    try:
        os.rename(scratch, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(scratch, target)


class BlobWriter:
    """A blob being written: `write` bytes, then read `blob`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        self._hash.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.size += len(data)

    @property
    def blob(self) -> Blob:
        """What has been written so far."""
        return Blob(self._hash.hexdigest(), self.size)


class Blobs:
    """The blobs below one folder. Methods may be called from several threads."""

    def __init__(self, folder: Path) -> None:
        self._root = str(folder / "blobs")
        self.tmp = folder / "tmp"
        self._number = itertools.count()
        self._label = os.urandom(4).hex()
        for path in (folder / "blobs", self.tmp):
            path.mkdir(parents=True, exist_ok=True)

    def where(self, sha256: str) -> str:
        """The path of a blob, present or not."""
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def fresh(self) -> str:
        """A path in `tmp` that nothing uses."""
        return f"{self.tmp}/{os.getpid()}-{self._label}-{next(self._number)}"

    def put(self, data: bytes) -> Blob:
        """Store `data`."""
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.where(sha256)
        if not is_sealed(target, len(data)):
            scratch = self.fresh()
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.utime(descriptor, ns=(SEAL_NS, SEAL_NS))
                _appear(scratch, target)
            except BaseException:
                os.unlink(scratch)
                raise
            finally:
                os.close(descriptor)
        return Blob(sha256, len(data))

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """Store what is written in the block; nothing where the block raises."""
        scratch = self.fresh()
        descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o444)
        try:
            writer = BlobWriter(descriptor)
            yield writer
            os.utime(descriptor, ns=(SEAL_NS, SEAL_NS))
            _appear(scratch, self.where(writer.blob.sha256))
        except BaseException:
            os.unlink(scratch)
            raise
        finally:
            os.close(descriptor)

    def adopt(self, path: str | Path, *, blob: Blob | None = None) -> Blob:
        """Move a finished file on the same file system into the store.

        `blob` says what it is where the caller hashed it while writing.
        """
        with open(path, "rb") as file:
            if blob is None:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                blob = Blob(digest, os.fstat(file.fileno()).st_size)
            os.fchmod(file.fileno(), 0o444)
        os.utime(path, ns=(SEAL_NS, SEAL_NS))
        _appear(path, self.where(blob.sha256))
        return blob

    def copy_in(self, path: str | Path) -> Blob:
        """Store a copy of the file at `path`."""
        with open(path, "rb") as source, self.writer() as writer:
            while data := source.read(CHUNK):
                writer.write(data)
        return writer.blob

    def has(self, blob: Blob) -> bool:
        """Whether the blob is there and is what its name says (one `lstat` while it is sealed)."""
        target = self.where(blob.sha256)
        return is_sealed(target, blob.size) or self._reseal(target, blob)

    def path(self, blob: Blob) -> Path:
        """The path of a blob that is there, to be read only. Raises MissingBlob."""
        if not self.has(blob):
            raise MissingBlob(blob.sha256, why="it was deleted, or changed by something else")
        return Path(self.where(blob.sha256))

    def read(self, sha256: str) -> bytes:
        """The whole content, hashed again. For documents, not for images. Raises MissingBlob."""
        try:
            with open(self.where(sha256), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            raise MissingBlob(sha256, why="it was deleted") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            os.unlink(self.where(sha256))
            raise MissingBlob(sha256, why="it was damaged")
        return data

    def open(self, blob: Blob) -> io.BufferedReader:
        """The content as an open file. Raises MissingBlob."""
        return open(self.path(blob), "rb")

    def place(self, blob: Blob, target: str | Path) -> None:
        """Make `target` have the content: a hard link, or a copy where links cannot go.

        The file is read-only and shared with the store; a program that writes to it all the same
        breaks the seal, which the next run notices.
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
        """Remove a blob if it is there; the bytes that are free now."""
        try:
            size = os.lstat(self.where(sha256)).st_size
            os.unlink(self.where(sha256))
        except FileNotFoundError:
            return 0
        return size

    def all(self) -> Iterator[str]:
        """The SHA-256 of every blob, in no order."""
        for prefix in os.listdir(self._root):
            yield from os.listdir(f"{self._root}/{prefix}")

    def is_sound(self, sha256: str) -> bool:
        """Whether the blob's bytes, all of them, still are what its name says."""
        with open(self.where(sha256), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def clear_tmp(self) -> None:
        """Remove what a run that was killed left behind. Only the holder of the lock may."""
        for path in self.tmp.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # a run with nothing to do may save what it saw

    @staticmethod
    def _is_file(target: str, size: int) -> bool:
        status = os.lstat(target)
        return stat.S_ISREG(status.st_mode) and status.st_size == size

    def _reseal(self, target: str, blob: Blob) -> bool:
        try:
            if not os.path.lexists(target):
                return False
            if self._is_file(target, blob.size) and self.is_sound(blob.sha256):
                os.utime(target, ns=(SEAL_NS, SEAL_NS))
                return True
            if os.path.isdir(target):
                shutil.rmtree(target)
            else:
                os.unlink(target)
        except OSError as error:
            raise StoreError(
                "the store cannot be read", where=target, why=str(error), reason="store-io"
            ) from error
        return False
