"""One file of a server over HTTP, as it comes in; or an error, whatever the server sends.

A stranger decides what is read here, so all of it has a limit: how long the head of an answer may
be and take, how slowly a body may come, how much may come beside it, how often one is sent
elsewhere. Bodies of redirects are not read. Nothing is decompressed.

Redirects lead to http and https only; from https to http only for what a digest pins. Name and
password of a URL go to its server and to no other.

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
from buildlib.sources.web.causes import Asked, cause, check_proxy, short, status_error
from buildlib.sources.web.limits import HOPS, Passing, Patience
from buildlib.sources.web.watch import Watch, watched_session

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 18
Expect: TypeAlias = Callable[[int | None], None]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)\Z")
# Files that servers call encoded, and send as they are (Apache's AddEncoding x-gzip .gz .tgz).
_PACKED = (".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz")
_AS_IT_IS = "!#$%&'()*+,/:;=?@[]~"  # in a URL beside letters and digits


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask for: the file at `url` from byte `start` on.

    most    bytes at which the file is too large, whatever it says of itself
    size    its bytes, where they are known
    pinned  whether a digest tells it from every other
    """

    url: str
    patience: Patience
    start: int = 0
    most: int = 0
    size: int = -1
    pinned: bool = False


def pieces(wanted: Wanted, expect: Expect) -> Iterator[bytes]:
    """The file's bytes, in pieces of at most CHUNK.

    Calls `expect` with the whole file's size before the first, None where it is not told.
    Raises SourceError; Passing where it may be had in a moment.
    """
    import struct
    from http.client import HTTPException

    from urllib3.exceptions import HTTPError

    watch = Watch(wanted.url, wanted.patience)
    asked = Asked(wanted.url, wanted.patience)
    trail: list[str] = []
    try:
        with watched_session(watch) as session:
            asked = replace(asked, proxy=_proxy_of(wanted.url))
            check_proxy(asked)
            answer = _answer(session, wanted, asked, trail)
            try:
                yield from _body(answer, wanted, asked, watch, expect)
            finally:
                answer.close()
    # All that these libraries raise for what strangers send, as far as anybody has seen it;
    # OSError has those of requests, of the system and of TLS, ValueError those of encodings.
    except (OSError, HTTPError, HTTPException, ValueError, LookupError, AttributeError,
            AssertionError, OverflowError, struct.error) as error:
        told = cause(error, replace(asked, begun=watch.begun))
        if len(trail) > 1:  # else the wrong server is looked for
            told.why = "; ".join([*filter(None, [told.why]),
                                  f"the mirror redirects to {short(trail[-1])}"])
        raise told from error
    finally:
        watch.close()


def _body(
    answer: requests.Response, wanted: Wanted, asked: Asked, watch: Watch, expect: Expect
) -> Iterator[bytes]:
    headers = answer.headers
    if answer.status_code not in {200, 206}:
        raise _refusal(answer, asked)
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
    skip = 0 if partly else wanted.start  # the server knows no ranges
    came = wanted.start - skip
    # what has come is handed on at once, so that it is kept when the rest does not come
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
    session: requests.Session, wanted: Wanted, asked: Asked, trail: list[str]
) -> requests.Response:
    """The first answer that is no redirect; the URLs that were asked go onto `trail`."""
    headers = {"Accept-Encoding": "identity"}
    if wanted.start:
        headers["Range"] = f"bytes={wanted.start}-"
    parts = urlsplit(wanted.url)
    home, auth = _origin(parts), _auth(parts)
    url = _bare(parts)
    while True:
        trail.append(url)
        answer = session.get(
            url, headers=headers, stream=True, allow_redirects=False,
            auth=auth if _origin(urlsplit(url)) == home else None,
            timeout=(asked.patience.connect, asked.patience.silence))
        if answer.status_code not in _REDIRECTS:
            return answer
        answer.close()
        url = _target(answer, url, wanted)
        if url in trail or len(trail) > HOPS:
            raise _nowhere("the server redirects in a circle" if url in trail else
                           f"the server redirects more than {HOPS} times", wanted, to=url)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _auth(parts: SplitResult) -> Any:
    """Name and password of a URL, as bytes: they may have letters of any script."""
    if "@" not in parts.netloc:
        return None
    name, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return unquote(name).encode(), unquote(password).encode()


def _bare(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _target(answer: requests.Response, url: str, wanted: Wanted) -> str:
    """Where a redirect leads. Raises SourceError where nobody should go there."""
    told = answer.headers.get("Location", "")
    if not told:
        raise _nowhere(f"the server answered {answer.status_code} and does not say where the file "
                       "is", wanted)
    # bytes as they are sent, which http.client takes for Latin-1
    location = quote(told.encode("latin-1", "replace"), safe=_AS_IT_IS)
    try:
        parts = parts_of(urljoin(url, location))
        target = _bare(parts)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise _nowhere("the server redirects to what is no URL", wanted, to=location,
                       why=str(error)) from error
    if parts.scheme not in _PORTS or not usable:
        raise _nowhere("the server redirects to what is no http(s) URL", wanted, to=location)
    if url.startswith("https:") and parts.scheme == "http" and not wanted.pinned:
        raise _nowhere("the server redirects from https to http", wanted, to=location,
                       why="no digest pins this file, so anybody on the way could change it")
    return target


def _nowhere(what: str, wanted: Wanted, *, to: str = "", why: str = "") -> SourceError:
    lines = [*([f"to {short(to)}"] if to else []), *([why] if why else [])]
    return SourceError(what, where=wanted.url, why="\n".join(lines) or None,
                       hint="use another mirror (`mirror=URL`)", reason="redirect")


def _refusal(answer: requests.Response, asked: Asked) -> SourceError:
    error = status_error(answer.status_code, answer.reason or "", asked)
    if isinstance(error, Passing):
        error.after = _after(answer.headers.get("Retry-After", ""))
    return error


def _after(text: str) -> float | None:
    """Seconds of a Retry-After: a number of them, or a date. Source: RFC 9110, 10.2.3."""
    text = text.strip()
    number = number_or_none(text)
    if number is not None or not text:
        return number
    if text.isascii() and text.isdigit():
        return float("inf")  # a number, but none that fits
    from email.utils import mktime_tz, parsedate_tz

    try:
        date = parsedate_tz(text)
        return max(0.0, mktime_tz(date) - now()) if date else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _length(headers: Mapping[str, str], url: str) -> int | None:
    """The length of a body; None where its end tells it. Raises SourceError for what is none."""
    coding = headers.get("Transfer-Encoding", "").lower()
    if coding == "chunked":
        return None  # that one counts: RFC 9112, 6.3
    if coding not in {"", "identity"}:  # http.client would take its bytes for the file
        raise SourceError("the server sent the file in a form that nobody asked for", where=url,
                          why=f"Transfer-Encoding: {short(coding)}",
                          hint="use another mirror (`mirror=URL`)", reason="encoding")
    text = headers.get("Content-Length")
    if text is None:
        return None
    lengths = {number_or_none(part.strip()) for part in text.split(",")}
    length = lengths.pop()
    if lengths or length is None:
        raise SourceError("the server does not say how long the file is", where=url,
                          why=f"Content-Length: {short(text)}",
                          hint="use another mirror (`mirror=URL`)", reason="length")
    return length


def _whole(headers: Mapping[str, str], wanted: Wanted, length: int | None) -> int | None:
    """Bytes in the whole file, where `length` bytes of it come; None where that is not told.

    Raises SourceError (`range`) for another part than was asked for.
    """
    text = headers.get("Content-Range", "")
    found = _RANGE.match(text.strip())
    first, last, total = map(number_or_none, found.groups()) if found else (None, None, None)
    if (first is None or last is None or first != wanted.start or last < first
            or (found and found[3] != "*" and (total is None or last != total - 1))
            or length not in {None, last - first + 1}):
        raise SourceError(
            "the server sent another part of the file than was asked for", where=wanted.url,
            why=f"asked for bytes {wanted.start}-; Content-Range: {short(text) or 'none'}",
            hint="use another mirror (`mirror=URL`)", reason="range")
    return total


def _encoding(headers: Mapping[str, str]) -> str:
    """How the server says it has packed the file, if it has."""
    text = headers.get("Content-Encoding", "").strip().lower()
    return "" if text in {"", "identity"} else short(text)


def _other_size(error: SourceError, headers: Mapping[str, str], url: str) -> SourceError:
    if headers.get("Content-Type", "").startswith("text/html"):
        return page(url, f"{error.why}, as text/html")
    encoding = _encoding(headers)
    return _compressed(encoding, url) if encoding else error


def _compressed(encoding: str, url: str) -> SourceError:
    return SourceError(
        "the server sent the file compressed, though it was asked not to", where=url,
        why=f"Content-Encoding: {encoding}", reason="encoding",
        hint="a proxy on the way may do it; https:// keeps it out, or use another mirror "
        "(`mirror=URL`)")


def page(url: str, why: str) -> SourceError:
    """The error for a page, which many servers answer with where a file is missing."""
    return SourceError("the mirror sent a page instead of the file", where=url, why=why,
                       hint="use another mirror (`mirror=URL`)", reason="html")
