"""Trying mirrors one after the other, and again after temporary failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from buildlib.model.errors import SourceError
from buildlib.model.urls import without_passwords
from buildlib.sources.web.limits import AFTER, Patience, TemporaryError

# Reasons that mean that a mirror lacks the file; some answer with a page and status 200.
ABSENT = frozenset({"not-found", "html"})
# Reasons that mean that a mirror's file is wrong, which is reported even if another has the file.
_SUSPECT = frozenset({"signature", "signing-key", "signature-missing", "checksum", "size"})

T = TypeVar("T")


def first_that_has_it(
    urls: Sequence[str], patience: Patience, once: Callable[[str], T], *, pinned: bool
) -> T:
    """The result of `once` for the first URL that succeeds.

    URLs with temporary failures are tried again, after a delay, when all have been tried.
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
                _report_others(failures, patience)
                return found
        passing = {
            url: failed for url in hopeful if isinstance(failed := failures[url], TemporaryError)
        }
        hopeful = list(passing)
        if not hopeful or number == patience.tries:
            break
        seconds = min(
            2.0 ** (number - 1) if busy.after is None else busy.after for busy in passing.values()
        )
        seconds = min(max(seconds, 0.0), AFTER)
        busy_hosts = "; ".join(f"{_host(url)}: {busy.what}" for url, busy in passing.items())
        patience.say(
            f"{busy_hosts}; trying again in {seconds:g} s ({number + 1} of {patience.tries})"
        )
        patience.wait(seconds)
    raise _no_mirror(urls, failures, pinned=pinned)


def _report_others(failures: dict[str, SourceError], patience: Patience) -> None:
    for url, error in failures.items():
        if error.reason in _SUSPECT:
            patience.say(f"skipped {without_passwords(url)}: {error.what}")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]  # valid, because the server has answered


def _no_mirror(
    urls: Sequence[str], failures: dict[str, SourceError], *, pinned: bool
) -> SourceError:
    """The only failure, or one error for all of them."""
    if len(failures) == 1:
        return failures.popitem()[1]
    return SourceError(
        f"no mirror has {'the pinned ' * pinned}{urls[0].rpartition('/')[2]}"
        if urls
        else "no mirror",
        why="\n".join(
            f"{url}: {error.what}" + (f" ({error.why.splitlines()[0]})" if error.why else "")
            for url, error in failures.items()
        ),
        hint="try `mirror=URL`, or check the network",
        reason=_gravest([failures[url].reason for url in urls]) if failures else "no-mirror",
    )


def _gravest(reasons: Sequence[str]) -> str:
    """The reason to report for several: a failing mirror may have a file that others lack."""
    return next((reason for reason in reversed(reasons) if reason not in ABSENT), reasons[-1])
