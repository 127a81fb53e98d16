"""Fetching files from mirrors: http(s) servers and local folders, tried in order.

A file is hashed while it arrives. It is kept under a temporary name until the pinned digest
matches; so an interrupted download resumes where it stopped, even after kill -9, and nothing
unverified enters the store.
"""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from buildlib.host.reading import open_regular
from buildlib.model.digest import Blob
from buildlib.model.errors import SourceError
from buildlib.model.looks import looks_like
from buildlib.model.urls import parts_of
from buildlib.sources.web import server
from buildlib.sources.web.asking import first_that_has_it
from buildlib.sources.web.causes import cut, short
from buildlib.sources.web.limits import FILE, Patience
from buildlib.sources.web.server import Expect, Wanted, page
from buildlib.store.blobs import CHUNK, Blobs

RESUMES = 3
_WORTH_RESUMING = frozenset({"cut", "connection", "timeout"})
# Reasons of failures before a server has sent a usable answer.
NO_ANSWER = frozenset({"connection", "timeout", "scheme", "certificate", "tls", "proxy"})

Tell: TypeAlias = Callable[[int, int], None]  # bytes so far, bytes in total (0: unknown)


@dataclass(frozen=True, slots=True)
class Pin:
    """The expected file: SHA-512, and if known, SHA-256 (hex) and size (bytes).

    For a binary package that is not locked, only the data of its summary is known; then `sha512`
    may be empty.
    """

    sha512: str
    sha256: str = ""
    size: int = -1

    def allows(self, found: Pin) -> bool:
        """Whether `found`, the complete data of a file, matches."""
        return (
            self.sha512 in {"", found.sha512}
            and self.sha256 in {"", found.sha256}
            and self.size in {-1, found.size}
        )


class _Hasher:
    """Computes both digests at once; SHA-512, the slower one, in a separate thread."""

    def __init__(self) -> None:
        self._sha512 = hashlib.sha512()
        self._sha256 = hashlib.sha256()
        self._queue: queue.Queue[bytes] = queue.Queue(16)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self.size = 0

    def update(self, data: bytes) -> None:
        self._queue.put(data)
        self._sha256.update(data)
        self.size += len(data)

    def finish(self) -> Pin:
        self._queue.put(b"")
        self._thread.join()
        return Pin(self._sha512.hexdigest(), self._sha256.hexdigest(), self.size)

    def _work(self) -> None:
        while data := self._queue.get():
            self._sha512.update(data)


def fetch(
    urls: Sequence[str],
    pin: Pin,
    blobs: Blobs,
    *,
    partial: Path,
    most: int = FILE,
    patience: Patience | None = None,
    tell: Tell | None = None,
    check: Callable[[Path], None] | None = None,
) -> Blob:
    """Store the file `pin` describes from the first of `urls` that has it.

    A URL is http(s)://…, file:///…, or a path. The file is downloaded to `partial`, which is
    removed if its content proves to be wrong. If no size is pinned, `most` is the limit in bytes.
    `check` may inspect a file before it is stored, and raises SourceError if it is wrong.
    Raises SourceError with the failure of each URL.
    """
    patience = patience or Patience()
    place = _Place(pin, blobs, partial, most, patience, tell, check)
    try:
        return first_that_has_it(
            urls, patience, lambda url: _resuming(url, place), pinned=bool(pin.sha512)
        )
    finally:
        if not _size(partial):
            partial.unlink(missing_ok=True)


def fetch_unpinned(
    urls: Sequence[str],
    *,
    most: int,
    patience: Patience | None = None,
    check: Callable[[bytes], object] | None = None,
) -> bytes:
    """Fetch a file of at most `most` bytes that is not pinned into memory; `check` as in `fetch`.

    Only for making locks. Raises SourceError with the failure of each URL.
    """
    patience = patience or Patience()

    def once(url: str) -> bytes:
        data = _small(url, most, patience)
        if check is not None:
            check(data)
        return data

    return first_that_has_it(urls, patience, once, pinned=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """The arguments of `fetch`: the expected file, and where it is stored."""

    pin: Pin
    blobs: Blobs
    partial: Path
    most: int
    patience: Patience
    tell: Tell | None
    check: Callable[[Path], None] | None

    @property
    def limit(self) -> int:
        """Maximum size in bytes."""
        return self.pin.size if self.pin.size >= 0 else self.most


def _resuming(url: str, place: _Place) -> Blob:
    """Fetch the file from one mirror; an interrupted download resumes where it stopped."""
    for number in range(1, RESUMES + 1):
        before = _size(place.partial)
        try:
            return _fetch_one(url, place)
        except SourceError as error:
            if error.reason == "range":
                place.partial.unlink(missing_ok=True)
            after = _size(place.partial)
            grown = after > before and error.reason in _WORTH_RESUMING
            # the partial file may have been wrong, from another mirror; now it is removed
            restarted = before and not after
            if number == RESUMES or not (grown or restarted):
                raise
    raise AssertionError


def _small(url: str, most: int, patience: Patience) -> bytes:
    found: list[bytes] = []
    size, whole = 0, -1

    def expect(total: int | None) -> None:
        nonlocal whole
        _expect(total, Pin(""), most, url)
        whole = -1 if total is None else total

    for piece in _pieces(Wanted(url, patience, most=most), expect):
        found.append(piece)
        size += len(piece)
        if size > most:
            raise _too_large(url, most)
    data = b"".join(found)
    if "HTML" in looks_like(data[:200]):  # there is no digest that would detect this
        raise page(url, looks_like(data[:200]))
    if size < whole:
        raise cut(url, f"{size} of {whole} bytes were received")
    return data


def begin(url: str, *, seconds: float) -> None:
    """Start a download and abandon it, in about `seconds` seconds. Raises SourceError."""
    hurry = Patience(connect=seconds, silence=seconds, head=seconds)
    next(iter(_pieces(Wanted(url, hurry, most=FILE, pinned=True), lambda _total: None)), None)


def _fetch_one(url: str, place: _Place) -> Blob:
    pin, partial = place.pin, place.partial
    hasher = _Hasher()
    try:
        # an unpinned file is not resumed, because the mirror may have another file by now
        kept = _rehash(partial, hasher, place.limit) if pin.sha512 else 0
        size = pin.size

        def expect(total: int | None) -> None:
            nonlocal size
            _expect(total, pin, place.limit, url)
            size = max(size, -1 if total is None else total)

        with partial.open("r+b" if kept else "wb") as file:
            file.seek(kept)
            if kept != pin.size:
                wanted = Wanted(
                    url,
                    place.patience,
                    start=kept,
                    most=place.limit,
                    size=pin.size,
                    pinned=bool(pin.sha512),
                )
                for piece in _pieces(wanted, expect):
                    hasher.update(piece)
                    if hasher.size > (size if size >= 0 else place.limit):
                        break
                    file.write(piece)
                    if place.tell:
                        place.tell(hasher.size, max(size, 0))
            file.truncate()
    finally:
        found = hasher.finish()
    _judge(found, size, url, place)
    return place.blobs.adopt(partial, blob=Blob(found.sha256, found.size))


def _judge(found: Pin, size: int, url: str, place: _Place) -> None:
    """Check that the expected file has arrived; `size` was announced. Remove it if it is wrong."""
    partial, pin = place.partial, place.pin
    error: SourceError | None = None
    # for an unpinned file there is no digest that would detect a page
    if found.size < size or not pin.allows(found) or (not pin.sha512 and _is_page(partial)):
        with partial.open("rb") as file:
            error = _wrong(found, pin, size, url, file.read(200))
    elif found.size > place.limit:
        error = _too_large(url, place.limit)
    elif place.check is not None:
        try:
            place.check(partial)
        except SourceError as wrong:
            error = wrong
    if error is not None:
        if error.reason != "cut":
            partial.unlink()
        raise error


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return "HTML" in looks_like(file.read(200))


def _rehash(partial: Path, hasher: _Hasher, limit: int) -> int:
    """Hash the partial file of an earlier try. Return its size, or 0 if it is too long to keep."""
    size = _size(partial)
    if 0 <= limit < size:
        return 0
    if size:
        with partial.open("rb") as file:
            while piece := file.read(CHUNK):
                hasher.update(piece)
    return size


def _size(path: Path) -> int:
    """Size of an earlier try's partial file; anything that is not a file is removed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    if stat.S_ISREG(status.st_mode):
        return status.st_size
    if stat.S_ISDIR(status.st_mode):
        shutil.rmtree(path)
    else:
        path.unlink()
    return 0


def _expect(total: int | None, pin: Pin, most: int, url: str) -> None:
    """Reject a file of a wrong size before reading it."""
    if total is not None and pin.size not in {-1, total}:
        raise SourceError(
            "the file's size differs from the pinned one",
            where=url,
            why=f"pinned {pin.size} bytes, offered {total}",
            hint="the mirror has another file under this name; if the release was really "
            "reissued, run `doit lock` and read its output",
            reason="size",
        )
    if total is not None and total > most:
        raise _too_large(url, most)


def _too_large(url: str, most: int) -> SourceError:
    return SourceError(
        "the file is larger than expected",
        where=url,
        why=f"the limit for unpinned files is {most} bytes",
        hint="use another mirror (`mirror=URL`)",
        reason="size",
    )


def _wrong(found: Pin, pin: Pin, size: int, url: str, head: bytes) -> SourceError:
    """The error for a finished download that does not match the pin; `size` was announced."""
    if "HTML" in looks_like(head):
        return page(url, looks_like(head))
    if found.size < size:
        return cut(url, f"{found.size} of {size} bytes were received")
    if 0 <= pin.size < found.size:
        return SourceError(
            "the file is longer than the pinned one",
            where=url,
            why=f"pinned {pin.size} bytes, received more",
            hint="the mirror has another file under this name; use another mirror (`mirror=URL`)",
            reason="size",
        )
    return SourceError(
        "the checksum does not match",
        where=url,
        why=f"SHA512 pinned {pin.sha512}\nSHA512 found  {found.sha512}"
        if pin.sha512
        else f"SHA256 pinned {pin.sha256}\nSHA256 found  {found.sha256}",
        hint="the file was removed; the mirror's copy is damaged or was changed. Use another "
        "mirror (`mirror=URL`)",
        reason="checksum",
    )


def _pieces(wanted: Wanted, expect: Expect) -> Iterator[bytes]:
    """The file's bytes from `start` on; calls `expect` with its total size, if known."""
    url = wanted.url
    try:
        parts = parts_of(url)
    except ValueError as error:
        raise SourceError(
            "the URL is invalid",
            where=url,
            why=str(error),
            reason="scheme",
            hint="a mirror is an http(s) URL or a folder",
        ) from error
    if parts.scheme in {"http", "https"}:
        return server.pieces(wanted, expect)
    if parts.scheme == "file" and parts.netloc not in {"", "localhost"}:
        raise SourceError(
            "a file: URL cannot name a server",
            where=url,
            reason="scheme",
            hint="write file:///FOLDER, or the folder itself",
        )
    if parts.scheme in {"", "file"}:
        return _local(unquote(parts.path) if parts.scheme else url, wanted.start, expect)
    raise SourceError(
        f"{short(parts.scheme)}:// is not supported",
        where=url,
        hint="a mirror is an http(s) URL or a folder",
        reason="scheme",
    )


def _local(path: str, start: int, expect: Expect) -> Iterator[bytes]:
    try:
        with open(open_regular(path), "rb") as file:  # noqa: PTH123  a descriptor
            expect(os.fstat(file.fileno()).st_size)
            file.seek(start)
            while piece := file.read(CHUNK):
                yield piece
    except (OSError, ValueError) as error:  # ValueError: the name has a NUL or cannot be encoded
        raise SourceError(
            "the file cannot be read",
            where=path,
            why=getattr(error, "strerror", None) or str(error),
            reason="not-found",
        ) from error
