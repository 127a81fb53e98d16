"""File names for stages, valid on every file system and CI system."""

from __future__ import annotations

import hashlib
import string

MOST = 120  # bytes; encrypted file systems allow 143, and a suffix follows
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}-_+")
_DIGEST = 16


def file_name(name: str) -> str:
    """A file name for `name`. Different names get different file names.

    The first `:` becomes a dot and `/` a comma, as in `fetch.amd64,binary,sets,base.tgz`. Other
    characters are written as `=XX`, byte by byte. A name that is too long is cut and ends with a
    digest of the whole name.
    """
    head, colon, rest = name.partition(":")
    text = (_escaped(head, _PLAIN) or "=") + (f".{_escaped(rest, _PLAIN | {'.'})}" if colon else "")
    if len(text) > MOST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        text = f"{text[: MOST - _DIGEST - 2]}=={digest[:_DIGEST]}"
    return text


def _escaped(text: str, plain: frozenset[str]) -> str:
    return "".join(
        ","
        if char == "/"
        else char
        if char in plain
        else "".join(f"={byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
        for char in text
    )
