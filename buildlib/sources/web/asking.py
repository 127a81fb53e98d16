"""Asking mirrors one after the other, and those that are busy once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from buildlib.model.errors import SourceError
from buildlib.model.urls import without_passwords
from buildlib.sources.web.limits import AFTER, Passing, Patience

# What a mirror says that has not got the file; some answer with a page and status 200.
ABSENT = frozenset({"not-found", "html"})
# Why a mirror's file is not right, though it has one: worth a word where another's is.
_SUSPECT = frozenset({"signature", "signing-key", "signature-missing", "checksum", "size"})

T = TypeVar("T")


def first_that_has_it(
    urls: Sequence[str], patience: Patience, once: Callable[[str], T], *, pinned: bool
) -> T:
    """What `once` gives for the first URL that has it.

    Those that may have it in a moment are asked again when all have been asked, after a while.
    """
    failures: dict[str, SourceError] = {}
    hopeful = list(dict.fromkeys(urls))
    for number in range(1, patience.tries + 1):
        for url in hopeful:
            try:
                found = once(url)
            except SourceError as error:
                failures[url] = error
            else:
                _tell_of_others(failures, patience)
                return found
        passing = {url: failed for url in hopeful
                   if isinstance(failed := failures[url], Passing)}
        hopeful = list(passing)
        if not hopeful or number == patience.tries:
            break
        seconds = min(2.0 ** (number - 1) if busy.after is None else busy.after
                      for busy in passing.values())
        seconds = min(max(seconds, 0.0), AFTER)
        told = "; ".join(f"{_host(url)}: {busy.what}" for url, busy in passing.items())
        patience.say(f"{told}; trying again in {seconds:g} s ({number + 1} of {patience.tries})")
        patience.wait(seconds)
    raise _no_mirror(urls, failures, pinned=pinned)


def _tell_of_others(failures: dict[str, SourceError], patience: Patience) -> None:
    for url, error in failures.items():
        if error.reason in _SUSPECT:
            patience.say(f"passed over {without_passwords(url)}: {error.what}")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]  # it has answered, so it is a URL


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
