"""Why a server cannot be had, in words: what the libraries of HTTP and TLS raise, as one error.

Their errors hold one another, several deep, and the texts of the outer ones say nothing. Here the
innermost one that says something is looked for.
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
from buildlib.sources.web.limits import Passing, Patience

# What may be over in a moment. Source: RFC 9110, 15.5 and 15.6; RFC 8470 (425), RFC 6585 (429).
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

KEPT = "run again: what came is kept; or use another mirror (`mirror=URL`)"
_OTHER = "use another mirror (`mirror=URL`)"
_PROXY = ("check the variables http_proxy, https_proxy and all_proxy: "
          "http://NAME:***@HOST:PORT; no_proxy names servers that are asked directly")
_NO_URL = frozenset({"InvalidURL", "LocationParseError", "LocationValueError", "MissingSchema"})
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})(.*)")
_LONGEST = 200  # characters of a stranger's words
# Of OpenSSL's X509_V_ERR_ codes: what a wrong clock brings forth, and what an unknown signer does.
_CLOCK = frozenset({9, 10})
_SIGNER = frozenset({2, 18, 19, 20, 21})


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of whom: the URL as the user knows it, the proxy (or nothing), how long.

    begun  whether something of the answer had come
    """

    url: str
    patience: Patience
    proxy: str = ""
    begun: bool = False


def cause(error: BaseException, asked: Asked) -> SourceError:
    """The error to tell of `error`, which came up while a server was asked."""
    found = list(_all_of(error))
    for look in (_tls, _proxy, _slow, _system, _broken):
        told = look(found, asked)
        if told is not None:
            return told
    inner = next((one for one in reversed(found) if str(one)), error)
    if any(isinstance(one, UnicodeError) or type(one).__name__ in _NO_URL for one in found):
        return SourceError(
            "the URL cannot be used", where=asked.url, why=short(str(inner)),
            hint="a mirror is http://HOST/… or https://HOST/…, or a folder", reason="connection")
    return SourceError(
        "the server's answer cannot be understood", where=asked.url,
        why=f"{type(inner).__name__}: {short(str(inner))}", hint=_OTHER, reason="connection")


def check_proxy(asked: Asked) -> None:
    """Raises SourceError for a proxy that nobody can ask."""
    if not asked.proxy:
        return
    url = asked.proxy if "://" in asked.proxy else f"http://{asked.proxy}"
    try:
        parts = parts_of(url)
        usable = bool(parts.hostname) and parts.port != 0
        why = "it has no name"
    except ValueError as error:
        usable, why = False, str(error)
    if not usable:
        raise SourceError(f"the proxy {without_passwords(url)} cannot be used", where=asked.url,
                          why=why, hint=_PROXY, reason="proxy")


def status_error(status: int, words: str, asked: Asked) -> SourceError:
    """The error for a status that brings no file."""
    if status == 416:
        return SourceError("the server has less of the file than was kept", where=asked.url,
                           hint=_OTHER, reason="range")
    hint = "try again later, or use another mirror"
    reason = "http-status"
    if status in {404, 410}:
        hint = "older releases move to the archive; check the release's mirrors"
        reason = "not-found"
    elif status == 401:
        hint = ("name and password stand in the URL: http://NAME:***@HOST/; what is no letter "
                "or digit as %40")
    elif status == 407:
        return _proxy_error(status, words, asked)
    kind = Passing if status in TRANSIENT else SourceError
    return kind(f"the server answered {status} {short(words)}".rstrip(), where=asked.url,
                hint=hint, reason=reason)


def short(text: str) -> str:
    """A stranger's words: on one line, not too many."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def clock() -> str:
    """What this host's clock says, for people."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now()))


def _all_of(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it holds, outermost first."""
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


def _tls(found: list[BaseException], asked: Asked) -> SourceError | None:
    import ssl

    bad = next((one for one in found if isinstance(one, ssl.SSLCertVerificationError)), None)
    if bad is not None:
        code = getattr(bad, "verify_code", 0)
        if code in _CLOCK:
            hint = f"this host's clock says {clock()}: set it, if it is wrong; or {_OTHER}"
        elif code in _SIGNER:
            hint = ("if its signer is your own, or a proxy's that looks into TLS: "
                    "REQUESTS_CA_BUNDLE=FILE, with the signer's certificate in it")
        else:
            hint = f"check the name of the server in the URL; or {_OTHER}"
        why = getattr(bad, "verify_message", "") or short(str(bad))
        return SourceError("the server's certificate is not good", where=asked.url, hint=hint,
                           why=f"certificate verify failed: {why}", reason="certificate")
    odd = next((one for one in found if isinstance(one, ssl.SSLError)), None)
    if odd is not None and not asked.begun:
        return SourceError(
            "the server speaks no TLS that can be used", where=asked.url,
            why=short(getattr(odd, "reason", None) or str(odd)).replace("_", " ").lower(),
            hint="https:// is for servers with TLS; does it serve http:// only?", reason="tls")
    bundle = next((str(one) for one in found if isinstance(one, OSError)
                   and "CA certificate bundle" in str(one)), None)
    if bundle is not None:
        return SourceError("certificates cannot be checked", where=asked.url, why=short(bundle),
                           hint="REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names a file that is there",
                           reason="certificate")
    return None


def _proxy(found: list[BaseException], asked: Asked) -> SourceError | None:
    for one in reversed(found):  # the others repeat its words
        refusal = _TUNNEL.search(str(one))
        if refusal:
            return _proxy_error(int(refusal[1]), refusal[2].strip(), asked)
    import requests
    import urllib3

    if any(isinstance(one, requests.exceptions.InvalidProxyURL
                      | urllib3.exceptions.ProxySchemeUnknown) for one in found) or (
            asked.proxy and any(isinstance(one, requests.exceptions.InvalidSchema)
                                for one in found)):
        return SourceError(
            f"the proxy {_name(asked.proxy)} cannot be used", where=asked.url,
            why=short(without_passwords(str(found[0]))), hint=_PROXY, reason="proxy")
    return None


def _proxy_error(status: int, words: str, asked: Asked) -> SourceError:
    kind = Passing if status in TRANSIENT else SourceError
    return kind(f"the proxy {_name(asked.proxy)} refuses".replace("  ", " "), where=asked.url,
                why=f"it answered {status} {short(words)}".rstrip(), hint=_PROXY, reason="proxy")


def _name(url: str) -> str:
    """A server's host and port, without what stands around them."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _slow(found: list[BaseException], asked: Asked) -> SourceError | None:
    import requests
    import urllib3

    def any_of(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) and not isinstance(
            one, urllib3.exceptions.NewConnectionError) for one in found)

    if any_of(requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return Passing(f"the {_who(asked)} did not answer within {asked.patience.connect:g} s",
                       where=asked.url, hint=_OTHER, reason="connection")
    if any_of(TimeoutError, urllib3.exceptions.ReadTimeoutError, requests.Timeout):
        kind = SourceError if asked.begun else Passing
        return kind(f"the server was silent for {asked.patience.silence:g} s", where=asked.url,
                    hint=KEPT, reason="timeout")
    return None


def _who(asked: Asked) -> str:
    return f"proxy {_name(asked.proxy)}" if asked.proxy else "server"


def _system(found: list[BaseException], asked: Asked) -> SourceError | None:
    """What the system says: no such name, refused, no way there."""
    import socket

    for one in reversed(found):
        if isinstance(one, socket.gaierror):
            return SourceError(
                f"there is no such {_who(asked)}",
                where=asked.url, why=one.strerror, reason="proxy" if asked.proxy else "connection",
                hint="check its name, and whether this host can look names up; where the network "
                f"is behind a proxy: {_PROXY}")
        if isinstance(one, OSError) and one.errno and one.strerror and not isinstance(
                one, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
            return SourceError(
                f"the {_who(asked)} cannot be reached", where=asked.url, why=one.strerror,
                hint=_PROXY if asked.proxy else
                f"check the network, and the port in the URL; or {_OTHER}",
                reason="proxy" if asked.proxy else "connection")
    return None


def _broken(found: list[BaseException], asked: Asked) -> SourceError | None:
    """A connection that ends before its time."""
    from http.client import IncompleteRead

    if any(isinstance(one, IncompleteRead) for one in found):
        return cut(asked.url, "the server promised more than it sent")
    if any(isinstance(one, ConnectionError) for one in found):
        if asked.begun:
            return SourceError("the connection broke off", where=asked.url, why="the server or "
                               "something between ended it", hint=KEPT, reason="connection")
        return no_answer(asked.url)
    return None


def no_answer(url: str) -> SourceError:
    """The error for a connection that ends before status and headers have come."""
    return Passing("the server ended the connection without an answer", where=url, hint=_OTHER,
                   reason="connection")


def cut(url: str, why: str) -> SourceError:
    """The error for a body that ends early."""
    return SourceError("the download was cut short", where=url, why=why,
                       hint="run again: what came is kept", reason="cut")
