"""Checks whether mirrors answer, before a long build relies on them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from buildlib.host.environment import monotonic
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import NO_ANSWER, begin

SECONDS = 5.0
# Reasons other than the network; their hint is reported too.
_OWN_HINT = frozenset({"certificate", "tls", "proxy"})


def folder_of(mirror: str) -> Path | None:
    """The folder of a local mirror, or None for a server."""
    try:
        parts = urlsplit(mirror)
    except ValueError:
        return None
    if parts.scheme in {"", "file"}:
        return Path(unquote(parts.path) if parts.scheme else mirror)
    return None


def unanswered(urls: Sequence[str], *, seconds: float = SECONDS) -> dict[str, str]:
    """The URLs whose server does not answer, and why. Tries all in parallel for `seconds` seconds.

    Any status is an answer, even 404; problems of a file are reported when it is fetched.
    """
    silent = dict.fromkeys(urls, f"no answer within {seconds:g} s")
    threads = [
        threading.Thread(target=_ask, args=(url, seconds, silent), daemon=True)
        for url in tuple(silent)
    ]
    end = monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))
    return dict(silent)


def _ask(url: str, seconds: float, silent: dict[str, str]) -> None:
    """Remove the URL from `silent` if it answers, or else store a better reason."""
    try:
        begin(url, seconds=seconds)
    except SourceError as error:
        if error.reason not in NO_ANSWER:
            del silent[url]
        elif error.reason != "timeout":
            why = (error.why or error.what).splitlines()[0]
            silent[url] = f"{error.what}, {why}; {error.hint}" if error.reason in _OWN_HINT else why
    else:
        del silent[url]
