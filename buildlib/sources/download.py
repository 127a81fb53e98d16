"""Files from mirrors: http(s) servers and local folders, tried in order.

What comes in is hashed while it comes in. It is kept under a name of its own until the pinned
digest matches; so a download that is cut goes on where it stopped, even after kill -9, and
nothing unverified enters the store.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from buildlib.sources.checksums import looks_like
from buildlib.store.blobs import CHUNK, Blobs
from buildlib.words.digest import Blob
from buildlib.words.errors import SourceError

TRIES = 3
_WORTH_RESUMING = frozenset({"cut", "connection", "timeout"})
# What a mirror says that has not got the file; some answer with a page and status 200.
ABSENT = frozenset({"not-found", "html"})
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0

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
    silence: float = SILENCE_SECONDS,
    tell: Tell | None = None,
) -> Blob:
    """Store the file `pin` describes from the first of `urls` that has it.

    A URL is http(s)://…, file:///…, or a path. `partial` is where the file grows; it is removed
    when what it holds turns out to be wrong. Raises SourceError telling what each URL answered.
    """
    failures: dict[str, SourceError] = {}
    for url in urls:
        for _ in range(TRIES):
            before = _size(partial)
            try:
                return _fetch_one(url, pin, blobs, partial, silence=silence, tell=tell)
            except SourceError as error:
                failures[url] = error
                if error.reason == "range":
                    partial.unlink(missing_ok=True)
                after = _size(partial)
                grown = after > before and error.reason in _WORTH_RESUMING
                # what was kept may have been wrong, from another mirror; now it is gone
                anew = before and not after
                if not (grown or anew):
                    break
    if not _size(partial):
        partial.unlink(missing_ok=True)
    raise _no_mirror(urls, failures, pinned=bool(pin.sha512))


def _no_mirror(
    urls: Sequence[str], failures: dict[str, SourceError], *, pinned: bool
) -> SourceError:
    """The one failure, or all of them in one."""
    if len(failures) == 1:
        return failures.popitem()[1]
    return SourceError(
        f"no mirror has {urls[0].rpartition('/')[2]}{' as it is pinned' * pinned}"
        if urls else "no mirror",
        why="\n".join(f"{url}: {error.what}"
                      + (f" ({error.why.splitlines()[0]})" if error.why else "")
                      for url, error in failures.items()),
        hint="try `mirror=URL`, or check the network",
        reason=_gravest([failures[url].reason for url in urls]) if failures else "no-mirror",
    )


def _gravest(reasons: Sequence[str]) -> str:
    """The reason to tell of several: a mirror that is ill may have what another has not."""
    return next((reason for reason in reversed(reasons) if reason not in ABSENT), reasons[-1])


def fetch_unpinned(
    urls: Sequence[str], *, limit: int = 64 << 20, silence: float = SILENCE_SECONDS
) -> bytes:
    """A small file that nothing pins yet, from the first of `urls` that has it, into memory.

    For making locks only. Raises SourceError telling what each URL answered.
    """
    failures: dict[str, SourceError] = {}
    for url in urls:
        try:
            return _small(url, limit, silence)
        except SourceError as error:
            failures[url] = error
    raise _no_mirror(urls, failures, pinned=False)


def _small(url: str, limit: int, silence: float) -> bytes:
    pieces, size = [], 0
    for piece in _pieces(url, 0, silence, lambda _total: None):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise SourceError("the file is too large to be a list", where=url, reason="size")
    data = b"".join(pieces)
    if "HTML" in looks_like(data[:200]):  # no digest tells it from the file
        raise _page(url, looks_like(data[:200]))
    return data


def begin(url: str, *, silence: float) -> None:
    """Begin to fetch, and leave it. Raises SourceError where that fails."""
    next(iter(_pieces(url, 0, silence, lambda _total: None)), None)


def _fetch_one(
    url: str, pin: Pin, blobs: Blobs, partial: Path, *, silence: float, tell: Tell | None
) -> Blob:
    hasher = _Hasher()
    try:
        # what nothing pins is not gone on with: the mirror may have another file by now
        kept = _rehash(partial, hasher, pin.size) if pin.sha512 else 0
        size = pin.size

        def expect(total: int | None) -> None:
            nonlocal size
            _expect(total, pin, url)
            size = max(size, -1 if total is None else total)

        with partial.open("r+b" if kept else "wb") as file:
            file.seek(kept)
            if kept != pin.size:
                for piece in _pieces(url, kept, silence, expect):
                    hasher.update(piece)
                    if 0 <= size < hasher.size:
                        break
                    file.write(piece)
                    if tell:
                        tell(hasher.size, max(size, 0))
            file.truncate()
    finally:
        found = hasher.finish()
    # what nothing pins, no digest tells from a page
    if found.size < size or not pin.allows(found) or (not pin.sha512 and _is_page(partial)):
        with partial.open("rb") as file:
            head = file.read(200)
        error = _wrong(found, pin, size, url, head)
        if error.reason != "cut":
            partial.unlink()
        raise error
    return blobs.adopt(partial, blob=Blob(found.sha256, found.size))


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
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _expect(total: int | None, pin: Pin, url: str) -> None:
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


def _cut(url: str, why: str) -> SourceError:
    return SourceError("the download was cut short", where=url, why=why,
                       hint="run again: what came is kept", reason="cut")


def _wrong(found: Pin, pin: Pin, size: int, url: str, head: bytes) -> SourceError:
    """What to say of a download that ended and is not what is pinned; `size` was expected."""
    if "HTML" in looks_like(head):
        return _page(url, looks_like(head))
    if found.size < size:
        return _cut(url, f"{found.size} of {size} bytes came")
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


def _page(url: str, why: str) -> SourceError:
    return SourceError("the mirror sent a page instead of the file", where=url, why=why,
                       hint="use another mirror (`mirror=URL`)", reason="html")


def _pieces(
    url: str, start: int, silence: float, expect: Callable[[int | None], None]
) -> Iterator[bytes]:
    """The file's bytes from `start` on; calls `expect` with its whole size, if that is known."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SourceError("no usable URL", where=url, why=str(error), reason="scheme") from error
    if parts.scheme in {"http", "https"}:
        return _http(url, start, silence, expect)
    if parts.scheme in {"", "file"}:
        return _local(unquote(parts.path) if parts.scheme else url, start, expect)
    raise SourceError(
        f"{parts.scheme}:// is not supported", where=url,
        hint="a mirror is an http(s) URL or a folder", reason="scheme",
    )


def _local(path: str, start: int, expect: Callable[[int | None], None]) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            expect(os.fstat(file.fileno()).st_size)
            file.seek(start)
            while piece := file.read(CHUNK):
                yield piece
    except OSError as error:
        raise SourceError(
            "the file cannot be read", where=path, why=error.strerror, reason="not-found"
        ) from error


def _http(
    url: str, start: int, silence: float, expect: Callable[[int | None], None]
) -> Iterator[bytes]:
    import requests
    import urllib3

    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, headers=headers, stream=True,
                          timeout=(CONNECT_SECONDS, silence)) as answer:
            _check_status(answer.status_code, answer.reason, url)
            skip = start if start and answer.status_code != 206 else 0  # the server knows no Range
            _check_size(answer.headers, start - skip, url, expect)
            # what has come is handed on at once, so that it is kept when the rest does not come
            while piece := answer.raw.read1(CHUNK):
                if skip:
                    cut = min(skip, len(piece))
                    piece, skip = piece[cut:], skip - cut
                if piece:
                    yield piece
    except requests.ConnectTimeout as error:
        raise SourceError(
            f"the server did not answer within {CONNECT_SECONDS:g} s", where=url,
            hint="use another mirror (`mirror=URL`)", reason="connection",
        ) from error
    except (urllib3.exceptions.TimeoutError, requests.Timeout) as error:
        raise SourceError(
            f"the server was silent for {silence:g} s", where=url,
            hint="run again: what came is kept; or use another mirror (`mirror=URL`)",
            reason="timeout",
        ) from error
    except (urllib3.exceptions.HTTPError, requests.RequestException) as error:
        if any(isinstance(cause, urllib3.exceptions.IncompleteRead) for cause in error.args):
            raise _cut(url, "the server promised more than it sent") from error
        raise SourceError(
            "the server cannot be reached or broke off", where=url,
            why=str(error).partition(" (Caused by ")[0],
            hint="run again: what came is kept; or use another mirror (`mirror=URL`)",
            reason="connection",
        ) from error


def _check_size(
    headers: Mapping[str, str], start: int, url: str, expect: Callable[[int | None], None]
) -> None:
    length = headers.get("Content-Length", "")
    try:
        expect(int(length) + start if length.isdigit() else None)
    except SourceError as error:
        if headers.get("Content-Type", "").startswith("text/html"):
            raise _page(url, f"{error.why}, as text/html") from error
        raise


def _check_status(status: int, reason: str, url: str) -> None:
    if status in {200, 206}:
        return
    if status == 416:
        raise SourceError("the server has less of the file than was kept", where=url,
                          hint="use another mirror (`mirror=URL`)", reason="range")
    raise SourceError(
        f"the server answered {status} {reason}".rstrip(),
        where=url,
        hint="older releases move to the archive; check the release's mirrors"
        if status == 404 else "try again later, or use another mirror",
        reason="not-found" if status in {404, 410} else "http-status",
    )
