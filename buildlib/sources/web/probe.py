"""Whether mirrors answer, asked before a long build counts on it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from buildlib.host.environment import monotonic
from buildlib.model.errors import SourceError
from buildlib.sources.web.download import NO_ANSWER, begin

SECONDS = 5.0
# What the network is not to blame for: what to do is told with it.
_OWN_HINT = frozenset({"certificate", "tls", "proxy"})


def folder_of(mirror: str) -> Path | None:
    """The folder that a mirror is; None where it is a server."""
    try:
        parts = urlsplit(mirror)
    except ValueError:
        return None
    if parts.scheme in {"", "file"}:
        return Path(unquote(parts.path) if parts.scheme else mirror)
    return None


def unanswered(urls: Sequence[str], *, seconds: float = SECONDS) -> dict[str, str]:
    """The URLs whose server does not answer, and why. All are asked at once, for `seconds` in all.

    Any status is an answer, 404 too: what is wrong with a file is told when it is fetched.
    """
    silent = dict.fromkeys(urls, f"no answer within {seconds:g} s")
    asked = [threading.Thread(target=_ask, args=(url, seconds, silent), daemon=True)
             for url in tuple(silent)]
    end = monotonic() + seconds
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(max(0.0, end - monotonic()))
    return dict(silent)


def _ask(url: str, seconds: float, silent: dict[str, str]) -> None:
    """Take the URL out of `silent`, or say better why it stays."""
    try:
        begin(url, seconds=seconds)
    except SourceError as error:
        if error.reason not in NO_ANSWER:
            del silent[url]
        elif error.reason != "timeout":
            why = (error.why or error.what).splitlines()[0]
            silent[url] = (f"{error.what}, {why}; {error.hint}" if error.reason in _OWN_HINT
                           else why)
    else:
        del silent[url]
