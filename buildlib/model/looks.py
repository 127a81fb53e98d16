"""What a list from a mirror can be, and what a file that is none seems to be."""

from __future__ import annotations

LINES_MAX = 300_000  # of a list of digests; the signed list of a release has some 10,000


def looks_like(head: bytes) -> str:
    """What the first bytes of a file that is not what it should be seem to be."""
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "it is an HTML page: the mirror answers a missing file with one"
    return f"it begins with {head[:40]!r}" if head else "it is empty"
