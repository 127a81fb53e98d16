"""Explaining failed requests: turns exceptions of the HTTP and TLS libraries into one clear error.

Their exceptions are nested several levels deep, and the texts of the outer ones explain nothing.
This module finds the innermost one that explains the failure.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from buildlib.host.environment import now
from buildlib.model.errors import SourceError
from buildlib.model.urls import parts_of, without_passwords
from buildlib.sources.web.limits import Patience, TemporaryError

# Temporary failures. Source: RFC 9110, 15.5 and 15.6; RFC 8470 (425), RFC 6585 (429).
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

KEPT = "run again to resume the download; or use another mirror (`mirror=URL`)"
_OTHER = "use another mirror (`mirror=URL`)"
_PROXY = (
    "check the variables http_proxy, https_proxy and all_proxy: "
    "http://NAME:***@HOST:PORT; no_proxy lists servers to contact directly"
)
_NO_URL = frozenset({"InvalidURL", "LocationParseError", "LocationValueError", "MissingSchema"})
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})(.*)")
_LONGEST = 200  # characters quoted from a server
# OpenSSL's X509_V_ERR_ codes that a wrong clock causes, and those of an unknown signer.
_CLOCK = frozenset({9, 10})
_SIGNER = frozenset({2, 18, 19, 20, 21})


@dataclass(frozen=True, slots=True)
class Request:
    """A request: the URL as the user knows it, the limits, and the proxy (or nothing).

    begun  whether a part of the answer has arrived
    """

    url: str
    patience: Patience
    proxy: str = ""
    begun: bool = False


def cause(error: BaseException, request: Request) -> SourceError:
    """The error that explains `error`, an exception raised during a request."""
    found = list(_all_of(error))
    for look in (_tls, _proxy, _slow, _system, _broken):
        explained = look(found, request)
        if explained is not None:
            return explained
    inner = next((one for one in reversed(found) if str(one)), error)
    if any(isinstance(one, UnicodeError) or type(one).__name__ in _NO_URL for one in found):
        return SourceError(
            "the URL cannot be used",
            where=request.url,
            why=short(str(inner)),
            hint="a mirror is http://HOST/… or https://HOST/…, or a folder",
            reason="connection",
        )
    return SourceError(
        "the server's answer cannot be understood",
        where=request.url,
        why=f"{type(inner).__name__}: {short(str(inner))}",
        hint=_OTHER,
        reason="connection",
    )


def check_proxy(request: Request) -> None:
    """Raise SourceError if the proxy's URL is not usable."""
    if not request.proxy:
        return
    url = request.proxy if "://" in request.proxy else f"http://{request.proxy}"
    try:
        parts = parts_of(url)
        usable = bool(parts.hostname)
        why = "it has no host name"
    except ValueError as error:
        usable, why = False, str(error)
    if not usable:
        raise SourceError(
            f"the proxy {without_passwords(url)} cannot be used",
            where=request.url,
            why=why,
            hint=_PROXY,
            reason="proxy",
        )


def status_error(status: int, words: str, request: Request) -> SourceError:
    """The error for a status other than success."""
    if status == 416:
        return SourceError(
            "the server's file is shorter than the part already downloaded",
            where=request.url,
            hint=_OTHER,
            reason="range",
        )
    hint = "try again later, or use another mirror"
    reason = "http-status"
    if status in {404, 410}:
        hint = "older releases move to the archive; check the release's mirrors"
        reason = "not-found"
    elif status == 401:
        hint = (
            "put the user name and password into the URL: http://NAME:***@HOST/; write special "
            "characters as %40 (for @)"
        )
    elif status == 407:
        return _proxy_error(status, words, request)
    kind = TemporaryError if status in TRANSIENT else SourceError
    return kind(
        f"the server answered {status} {short(words)}".rstrip(),
        where=request.url,
        hint=hint,
        reason=reason,
    )


def short(text: str) -> str:
    """A server's text on one line, cut to a maximum length."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def clock() -> str:
    """The time of this host's clock, for messages."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now()))


def _all_of(error: BaseException) -> Iterator[BaseException]:
    """The error and all errors nested in it, outermost first."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        held = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        todo += [item for item in held if isinstance(item, BaseException)]


def _tls(found: list[BaseException], request: Request) -> SourceError | None:
    import ssl

    bad = next((one for one in found if isinstance(one, ssl.SSLCertVerificationError)), None)
    if bad is not None:
        code = getattr(bad, "verify_code", 0)
        if code in _CLOCK:
            hint = f"this host's clock says {clock()}: set it, if it is wrong; or {_OTHER}"
        elif code in _SIGNER:
            hint = (
                "if it is signed by your own authority, or by a proxy that inspects TLS: "
                "REQUESTS_CA_BUNDLE=FILE, with the signer's certificate in it"
            )
        else:
            hint = f"check the server's name in the URL; or {_OTHER}"
        why = getattr(bad, "verify_message", "") or short(str(bad))
        return SourceError(
            "the server's certificate is not valid",
            where=request.url,
            hint=hint,
            why=f"certificate verify failed: {why}",
            reason="certificate",
        )
    odd = next((one for one in found if isinstance(one, ssl.SSLError)), None)
    if odd is not None and not request.begun:
        return SourceError(
            "no TLS connection to the server is possible",
            where=request.url,
            why=short(getattr(odd, "reason", None) or str(odd)).replace("_", " ").lower(),
            hint="https:// needs a server with TLS; does it serve http:// only?",
            reason="tls",
        )
    bundle = next(
        (
            str(one)
            for one in found
            if isinstance(one, OSError) and "CA certificate bundle" in str(one)
        ),
        None,
    )
    if bundle is not None:
        return SourceError(
            "certificates cannot be checked",
            where=request.url,
            why=short(bundle),
            hint="REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) must name an existing file",
            reason="certificate",
        )
    return None


def _proxy(found: list[BaseException], request: Request) -> SourceError | None:
    for one in reversed(found):  # the outer ones repeat its text
        refusal = _TUNNEL.search(str(one))
        if refusal:
            return _proxy_error(int(refusal[1]), refusal[2].strip(), request)
    import requests
    import urllib3

    if any(
        isinstance(one, requests.exceptions.InvalidProxyURL | urllib3.exceptions.ProxySchemeUnknown)
        for one in found
    ) or (
        request.proxy and any(isinstance(one, requests.exceptions.InvalidSchema) for one in found)
    ):
        return SourceError(
            f"the proxy {_name(request.proxy)} cannot be used",
            where=request.url,
            why=short(without_passwords(str(found[0]))),
            hint=_PROXY,
            reason="proxy",
        )
    return None


def _proxy_error(status: int, words: str, request: Request) -> SourceError:
    kind = TemporaryError if status in TRANSIENT else SourceError
    return kind(
        f"the proxy {_name(request.proxy)} refuses the request".replace("  ", " "),
        where=request.url,
        why=f"it answered {status} {short(words)}".rstrip(),
        hint=_PROXY,
        reason="proxy",
    )


def _name(url: str) -> str:
    """Host and port of a URL."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _slow(found: list[BaseException], request: Request) -> SourceError | None:
    import requests
    import urllib3

    def any_of(*kinds: type[BaseException]) -> bool:
        return any(
            isinstance(one, kinds) and not isinstance(one, urllib3.exceptions.NewConnectionError)
            for one in found
        )

    if any_of(requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return TemporaryError(
            f"the {_who(request)} did not answer within {request.patience.connect:g} s",
            where=request.url,
            hint=_OTHER,
            reason="connection",
        )
    if any_of(TimeoutError, urllib3.exceptions.ReadTimeoutError, requests.Timeout):
        kind = SourceError if request.begun else TemporaryError
        return kind(
            f"the server was silent for {request.patience.silence:g} s",
            where=request.url,
            hint=KEPT,
            reason="timeout",
        )
    return None


def _who(request: Request) -> str:
    return f"proxy {_name(request.proxy)}" if request.proxy else "server"


def _system(found: list[BaseException], request: Request) -> SourceError | None:
    """The operating system's errors: unknown host, connection refused, no route."""
    import socket

    for one in reversed(found):
        if isinstance(one, socket.gaierror):
            return SourceError(
                f"there is no such {_who(request)}",
                where=request.url,
                why=one.strerror,
                reason="proxy" if request.proxy else "connection",
                hint="check its name, and whether this host can resolve names; if the network is "
                f"behind a proxy: {_PROXY}",
            )
        if (
            isinstance(one, OSError)
            and one.errno
            and one.strerror
            and not isinstance(one, ConnectionResetError | BrokenPipeError | ConnectionAbortedError)
        ):
            return SourceError(
                f"the {_who(request)} cannot be reached",
                where=request.url,
                why=one.strerror,
                hint=_PROXY
                if request.proxy
                else f"check the network, and the port in the URL; or {_OTHER}",
                reason="proxy" if request.proxy else "connection",
            )
    return None


def _broken(found: list[BaseException], request: Request) -> SourceError | None:
    """A connection that ends too early."""
    from http.client import IncompleteRead

    if any(isinstance(one, IncompleteRead) for one in found):
        return cut(request.url, "the server sent less than it announced")
    if any(isinstance(one, ConnectionError) for one in found):
        if request.begun:
            return SourceError(
                "the connection was lost",
                where=request.url,
                why="the server or something in between closed it",
                hint=KEPT,
                reason="connection",
            )
        return no_answer(request.url)
    return None


def no_answer(url: str) -> SourceError:
    """The error for a connection that ends before status and headers have arrived."""
    return TemporaryError(
        "the server closed the connection without an answer",
        where=url,
        hint=_OTHER,
        reason="connection",
    )


def cut(url: str, why: str) -> SourceError:
    """The error for a body that ends early."""
    return SourceError(
        "the download was cut short",
        where=url,
        why=why,
        hint="run again to resume it",
        reason="cut",
    )
