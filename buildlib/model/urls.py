"""URLs taken apart, and as they may be shown: without passwords."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

# After `user:` comes the password, up to the last @ before the path; it may have blanks, but not
# first: `see http://host: mail a@b`. With a slash in the password it is not a proper URL, but it is
# hidden all the same; then what looks like a port is none.
_SECRET = re.compile(
    r"(://(?!\[)[^\s/?#:]{0,256}):(?!\s)(?:[^\n/?#]{0,1024}|(?!\d+[/?#])\S{0,1024})@")


def parts_of(url: str) -> SplitResult:
    """The parts of a URL, whose port is one.

    Raises ValueError. Its text tells nothing of the URL: what stands where a port belongs may be
    the half of a password.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme:
            _ = parts.port  # to read it is to check it
    except ValueError:
        raise ValueError("what stands before the path is not HOST or HOST:PORT; in a name and a "
                         "password, what is no letter or digit is written as %40") from None
    return parts


def without_passwords(text: str) -> str:
    """`text` with every password of a URL in it as `***`: http://alice:***@host/."""
    if "://" not in text or "@" not in text:
        return text
    return _SECRET.sub(r"\1:***@", text)
