"""Files from mirrors: http(s) servers and local folders, tried in order.

What comes in is hashed while it comes in. It is kept under a name of its own until the pinned
digest matches; so a download that is cut goes on where it stopped, even after kill -9, and
nothing unverified enters the store.
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
# What is wrong before a server has answered anything that could be used.
NO_ANSWER = frozenset({"connection", "timeout", "scheme", "certificate", "tls", "proxy"})

Tell: TypeAlias = Callable[[int, int], None]  # bytes so far, bytes in all (0: unknown)


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file must be: SHA-512, and if they are known, SHA-256 (hex) and size (bytes).

    Of a binary package that is not locked, no more is known than its summary says: then `sha512`
    may be empty.
    """

    sha512: str
    sha256: str = ""
    size: int = -1

    def allows(self, found: Pin) -> bool:
        """Whether a file of which everything is known is the one that is pinned."""
        return (
            self.sha512 in {"", found.sha512}
            and self.sha256 in {"", found.sha256}
            and self.size in {-1, found.size}
        )


class _Hasher:
    """Both digests at once; SHA-512, the slower one, in a thread of its own."""

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

    A URL is http(s)://…, file:///…, or a path. `partial` is where the file grows; it is removed
    when what it holds turns out to be wrong. Where no size is pinned, `most` bytes are taken.
    `check` looks at a file before it is stored, and raises SourceError for one that is not right.
    Raises SourceError telling what each URL answered.
    """
    patience = patience or Patience()
    place = _Place(pin, blobs, partial, most, patience, tell, check)
    try:
        return first_that_has_it(urls, patience, lambda url: _resuming(url, place),
                                 pinned=bool(pin.sha512))
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
    """A file of at most `most` bytes that nothing pins yet, into memory; `check` as in `fetch`.

    For making locks only. Raises SourceError telling what each URL answered.
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
    """What a file must be, and where it goes: the arguments of `fetch`."""

    pin: Pin
    blobs: Blobs
    partial: Path
    most: int
    patience: Patience
    tell: Tell | None
    check: Callable[[Path], None] | None

    @property
    def limit(self) -> int:
        """The bytes that are taken."""
        return self.pin.size if self.pin.size >= 0 else self.most


def _resuming(url: str, place: _Place) -> Blob:
    """The file of one mirror; a download that is cut goes on where it stopped."""
    for number in range(1, RESUMES + 1):
        before = _size(place.partial)
        try:
            return _fetch_one(url, place)
        except SourceError as error:
            if error.reason == "range":
                place.partial.unlink(missing_ok=True)
            after = _size(place.partial)
            grown = after > before and error.reason in _WORTH_RESUMING
            # what was kept may have been wrong, from another mirror; now it is gone
            anew = before and not after
            if number == RESUMES or not (grown or anew):
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
    if "HTML" in looks_like(data[:200]):  # no digest tells it from the file
        raise page(url, looks_like(data[:200]))
    if size < whole:
        raise cut(url, f"{size} of {whole} bytes came")
    return data


def begin(url: str, *, seconds: float) -> None:
    """Begin to fetch, and leave it, in about so many seconds. Raises SourceError."""
    hurry = Patience(connect=seconds, silence=seconds, head=seconds)
    next(iter(_pieces(Wanted(url, hurry, most=FILE, pinned=True), lambda _total: None)), None)


def _fetch_one(url: str, place: _Place) -> Blob:
    pin, partial = place.pin, place.partial
    hasher = _Hasher()
    try:
        # what nothing pins is not gone on with: the mirror may have another file by now
        kept = _rehash(partial, hasher, place.limit) if pin.sha512 else 0
        size = pin.size

        def expect(total: int | None) -> None:
            nonlocal size
            _expect(total, pin, place.limit, url)
            size = max(size, -1 if total is None else total)

        with partial.open("r+b" if kept else "wb") as file:
            file.seek(kept)
            if kept != pin.size:
                wanted = Wanted(url, place.patience, start=kept, most=place.limit, size=pin.size,
                                pinned=bool(pin.sha512))
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
    """See that what came is the file; `size` was expected. Else remove what is of no use."""
    partial, pin = place.partial, place.pin
    error: SourceError | None = None
    # what nothing pins, no digest tells from a page
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
    """Hash what an earlier try left; its size. Nothing is kept that is longer than the file."""
    size = _size(partial)
    if 0 <= limit < size:
        return 0
    if size:
        with partial.open("rb") as file:
            while piece := file.read(CHUNK):
                hasher.update(piece)
    return size


def _size(path: Path) -> int:
    """Bytes that an earlier try left; what is no file there is taken away."""
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
    """Refuse a file of another size before a byte of it is read."""
    if total is not None and pin.size not in {-1, total}:
        raise SourceError(
            "the file has another size than the pinned one",
            where=url,
            why=f"pinned {pin.size} bytes, offered {total}",
            hint="the mirror has another file under this name; if the release was really made "
            "anew, run `doit lock` and read what it says",
            reason="size",
        )
    if total is not None and total > most:
        raise _too_large(url, most)


def _too_large(url: str, most: int) -> SourceError:
    return SourceError("the file is too large to be what it should be", where=url,
                       why=f"no more than {most} bytes are taken of what nothing pins",
                       hint="use another mirror (`mirror=URL`)", reason="size")


def _wrong(found: Pin, pin: Pin, size: int, url: str, head: bytes) -> SourceError:
    """What to say of a download that ended and is not what is pinned; `size` was expected."""
    if "HTML" in looks_like(head):
        return page(url, looks_like(head))
    if found.size < size:
        return cut(url, f"{found.size} of {size} bytes came")
    if 0 <= pin.size < found.size:
        return SourceError(
            "the file is longer than the pinned one", where=url,
            why=f"pinned {pin.size} bytes, more came", hint="the mirror has another file under "
            "this name; use another mirror (`mirror=URL`)", reason="size",
        )
    return SourceError(
        "the checksum does not match",
        where=url,
        why=f"SHA512 pinned {pin.sha512}\nSHA512 found  {found.sha512}" if pin.sha512
        else f"SHA256 pinned {pin.sha256}\nSHA256 found  {found.sha256}",
        hint="the file was removed; the mirror's copy is damaged or was changed. Use another "
        "mirror (`mirror=URL`)",
        reason="checksum",
    )


def _pieces(wanted: Wanted, expect: Expect) -> Iterator[bytes]:
    """The file's bytes from `start` on; calls `expect` with its whole size, if that is known."""
    url = wanted.url
    try:
        parts = parts_of(url)
    except ValueError as error:
        raise SourceError("no usable URL", where=url, why=str(error), reason="scheme",
                          hint="a mirror is an http(s) URL or a folder") from error
    if parts.scheme in {"http", "https"}:
        return server.pieces(wanted, expect)
    if parts.scheme == "file" and parts.netloc not in {"", "localhost"}:
        raise SourceError("a file: URL names no server", where=url, reason="scheme",
                          hint="file:///FOLDER, or the folder itself")
    if parts.scheme in {"", "file"}:
        return _local(unquote(parts.path) if parts.scheme else url, wanted.start, expect)
    raise SourceError(
        f"{short(parts.scheme)}:// is not supported", where=url,
        hint="a mirror is an http(s) URL or a folder", reason="scheme",
    )


def _local(path: str, start: int, expect: Expect) -> Iterator[bytes]:
    try:
        with open(open_regular(path), "rb") as file:  # noqa: PTH123  a descriptor
            expect(os.fstat(file.fileno()).st_size)
            file.seek(start)
            while piece := file.read(CHUNK):
                yield piece
    except (OSError, ValueError) as error:  # a name with a NUL, or that is no text
        raise SourceError(
            "the file cannot be read", where=path,
            why=getattr(error, "strerror", None) or str(error), reason="not-found"
        ) from error
