"""Downloading one file over HTTP. Any unusable answer becomes an error.

The server is not trusted, so everything has a limit: size and time of the headers, speed of the
body, overhead, number of redirects. Bodies of redirects are not read. Nothing is decompressed.

Redirects may only lead to http and https; from https to http only if a digest pins the file. User
name and password of a URL are sent to its server and to no other.

Sources: RFC 9110 (14, 15), RFC 9112 (6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from buildlib.host.environment import now
from buildlib.model.errors import SourceError
from buildlib.model.numbers import number_or_none
from buildlib.model.urls import parts_of
from buildlib.sources.web.causes import Request, cause, check_proxy, short, status_error
from buildlib.sources.web.limits import HOPS, Patience, TemporaryError
from buildlib.sources.web.watch import Watch, watched_session

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 18
Expect: TypeAlias = Callable[[int | None], None]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)\Z")
# Files that servers send unchanged but declare as encoded (Apache's AddEncoding x-gzip .gz .tgz).
_PACKED = (".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz")
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"  # allowed in a URL, besides letters and digits


@dataclass(frozen=True, slots=True)
class Wanted:
    """The file to download: at `url`, from byte `start` on.

    most    maximum size in bytes, whatever size the server announces
    size    its size in bytes, or -1 if unknown
    pinned  whether a digest pins it
    """

    url: str
    patience: Patience
    start: int = 0
    most: int = 0
    size: int = -1
    pinned: bool = False


def pieces(wanted: Wanted, expect: Expect) -> Iterator[bytes]:
    """The file's bytes, in pieces of at most CHUNK.

    Calls `expect` with the whole file's size before the first piece; None if it is unknown.
    Raises SourceError; TemporaryError for a temporary failure.
    """
    import struct
    from http.client import HTTPException

    from urllib3.exceptions import HTTPError

    watch = Watch(wanted.url, wanted.patience)
    request = Request(wanted.url, wanted.patience)
    trail: list[str] = []
    try:
        with watched_session(watch) as session:
            request = replace(request, proxy=_proxy_of(wanted.url))
            check_proxy(request)
            answer = _answer(session, wanted, request, trail)
            try:
                yield from _body(answer, wanted, request, watch, expect)
            finally:
                answer.close()
    # All exceptions that these libraries are known to raise for invalid answers; OSError covers
    # those of requests, the system and TLS, ValueError those of encodings.
    except (
        OSError,
        HTTPError,
        HTTPException,
        ValueError,
        LookupError,
        AttributeError,
        AssertionError,
        OverflowError,
        struct.error,
    ) as error:
        explained = cause(error, replace(request, begun=watch.begun))
        if len(trail) > 1:  # name the server that failed
            explained.why = "; ".join(
                [*filter(None, [explained.why]), f"the mirror redirects to {short(trail[-1])}"]
            )
        raise explained from error
    finally:
        watch.close()


def _body(
    answer: requests.Response, wanted: Wanted, request: Request, watch: Watch, expect: Expect
) -> Iterator[bytes]:
    headers = answer.headers
    if answer.status_code not in {200, 206}:
        raise _refusal(answer, request)
    length = total = _length(headers, wanted.url)
    partly = answer.status_code == 206
    if partly:
        total = _whole(headers, wanted, length)
    encoding = _encoding(headers)
    if encoding and not wanted.pinned and not urlsplit(wanted.url).path.endswith(_PACKED):
        raise _compressed(encoding, wanted.url)
    try:
        expect(total)
    except SourceError as error:
        raise _other_size(error, headers, wanted.url) from error
    watch.expect_body(wanted.most if total is None else total)
    skip = 0 if partly else wanted.start  # the server does not support ranges
    came = wanted.start - skip
    # yield each piece at once, so that it is kept if the rest does not arrive
    while piece := answer.raw.read1(CHUNK):
        watch.moved(len(piece))
        came += len(piece)
        if skip:
            dropped = min(skip, len(piece))
            piece, skip = piece[dropped:], skip - dropped
        if piece:
            yield piece
    if encoding and came < wanted.size:
        raise _compressed(encoding, wanted.url)


def _proxy_of(url: str) -> str:
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(url, get_environ_proxies(url)) or ""


def _answer(
    session: requests.Session, wanted: Wanted, request: Request, trail: list[str]
) -> requests.Response:
    """The first answer that is not a redirect; requested URLs are appended to `trail`."""
    headers = {"Accept-Encoding": "identity"}
    if wanted.start:
        headers["Range"] = f"bytes={wanted.start}-"
    parts = urlsplit(wanted.url)
    home, auth = _origin(parts), _auth(parts)
    url = _bare(parts)
    while True:
        trail.append(url)
        answer = session.get(
            url,
            headers=headers,
            stream=True,
            allow_redirects=False,
            auth=auth if _origin(urlsplit(url)) == home else None,
            timeout=(request.patience.connect, request.patience.silence),
        )
        if answer.status_code not in _REDIRECTS:
            return answer
        answer.close()
        url = _target(answer, url, wanted)
        if url in trail or len(trail) > HOPS:
            raise _nowhere(
                "the server redirects in a loop"
                if url in trail
                else f"the server redirects more than {HOPS} times",
                wanted,
                to=url,
            )


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _auth(parts: SplitResult) -> Any:
    """User name and password of a URL, as bytes, because they may contain non-ASCII letters."""
    if "@" not in parts.netloc:
        return None
    name, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return unquote(name).encode(), unquote(password).encode()


def _bare(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _target(answer: requests.Response, url: str, wanted: Wanted) -> str:
    """The target of a redirect. Raises SourceError for a target that must not be followed."""
    header = answer.headers.get("Location", "")
    if not header:
        raise _nowhere(
            f"the server answered {answer.status_code} without the file's location", wanted
        )
    # http.client decodes the header as Latin-1; this restores the bytes
    location = quote(header.encode("latin-1", "replace"), safe=_UNQUOTED)
    try:
        parts = parts_of(urljoin(url, location))
        target = _bare(parts)
    except ValueError as error:
        raise _nowhere(
            "the server redirects to an invalid URL", wanted, to=location, why=str(error)
        ) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _nowhere("the server redirects to a URL that is not http(s)", wanted, to=location)
    if url.startswith("https:") and parts.scheme == "http" and not wanted.pinned:
        raise _nowhere(
            "the server redirects from https to http",
            wanted,
            to=location,
            why="no digest pins this file, so it could be changed on the way",
        )
    return target


def _nowhere(what: str, wanted: Wanted, *, to: str = "", why: str = "") -> SourceError:
    lines = [*([f"to {short(to)}"] if to else []), *([why] if why else [])]
    return SourceError(
        what,
        where=wanted.url,
        why="\n".join(lines) or None,
        hint="use another mirror (`mirror=URL`)",
        reason="redirect",
    )


def _refusal(answer: requests.Response, request: Request) -> SourceError:
    error = status_error(answer.status_code, answer.reason or "", request)
    if isinstance(error, TemporaryError):
        error.after = _after(answer.headers.get("Retry-After", ""))
    return error


def _after(text: str) -> float | None:
    """The delay in seconds of a Retry-After header: a number or a date (RFC 9110, 10.2.3)."""
    text = text.strip()
    number = number_or_none(text)
    if number is not None or not text:
        return number
    if text.isascii() and text.isdigit():
        return float("inf")  # a number that is too large
    from email.utils import mktime_tz, parsedate_tz

    try:
        date = parsedate_tz(text)
        return max(0.0, mktime_tz(date) - now()) if date else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _length(headers: Mapping[str, str], url: str) -> int | None:
    """The length of a body, or None if its end marks it. Raises SourceError if it is invalid."""
    coding = headers.get("Transfer-Encoding", "").lower()
    if coding == "chunked":
        return None  # it overrides Content-Length: RFC 9112, 6.3
    if coding not in {"", "identity"}:  # http.client would not decode it
        raise SourceError(
            "the server sent the file in a form that was not requested",
            where=url,
            why=f"Transfer-Encoding: {short(coding)}",
            hint="use another mirror (`mirror=URL`)",
            reason="encoding",
        )
    text = headers.get("Content-Length")
    if text is None:
        return None
    lengths = {number_or_none(part.strip()) for part in text.split(",")}
    length = lengths.pop()
    if lengths or length is None:
        raise SourceError(
            "the server sent an invalid length of the file",
            where=url,
            why=f"Content-Length: {short(text)}",
            hint="use another mirror (`mirror=URL`)",
            reason="length",
        )
    return length


def _whole(headers: Mapping[str, str], wanted: Wanted, length: int | None) -> int | None:
    """Size of the whole file in bytes, of which `length` bytes are sent; None if it is unknown.

    Raises SourceError (`range`) if this is not the requested part.
    """
    text = headers.get("Content-Range", "")
    found = _RANGE.match(text.strip())
    first, last, total = map(number_or_none, found.groups()) if found else (None, None, None)
    if (
        first is None
        or last is None
        or first != wanted.start
        or last < first
        or (found and found[3] != "*" and (total is None or last != total - 1))
        or length not in {None, last - first + 1}
    ):
        raise SourceError(
            "the server sent a part of the file that was not requested",
            where=wanted.url,
            why=f"requested bytes {wanted.start}-; Content-Range: {short(text) or 'none'}",
            hint="use another mirror (`mirror=URL`)",
            reason="range",
        )
    return total


def _encoding(headers: Mapping[str, str]) -> str:
    """The compression that the server declares, or an empty text."""
    text = headers.get("Content-Encoding", "").strip().lower()
    return "" if text in {"", "identity"} else short(text)


def _other_size(error: SourceError, headers: Mapping[str, str], url: str) -> SourceError:
    if headers.get("Content-Type", "").startswith("text/html"):
        return page(url, f"{error.why}, as text/html")
    encoding = _encoding(headers)
    return _compressed(encoding, url) if encoding else error


def _compressed(encoding: str, url: str) -> SourceError:
    return SourceError(
        "the server sent the file compressed, although this was not requested",
        where=url,
        why=f"Content-Encoding: {encoding}",
        reason="encoding",
        hint="a proxy on the way may do this; use https:// to prevent it, or another mirror "
        "(`mirror=URL`)",
    )


def page(url: str, why: str) -> SourceError:
    """The error for an HTML page, which many servers send instead of a missing file."""
    return SourceError(
        "the mirror sent a page instead of the file",
        where=url,
        why=why,
        hint="use another mirror (`mirror=URL`)",
        reason="html",
    )
