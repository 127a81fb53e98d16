"""The size limit of a mirror's lists, and a description of a file that is not such a list."""

from __future__ import annotations

LINES_MAX = 300_000  # in a list of digests; a release's signed list has about 10,000


def looks_like(head: bytes) -> str:
    """What an unexpected file seems to be, judged by its first bytes."""
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "it is an HTML page: the mirror answers a missing file with one"
    return f"it begins with {head[:40]!r}" if head else "it is empty"
