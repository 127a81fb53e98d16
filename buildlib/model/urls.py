"""Splitting URLs, and hiding the passwords in them."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

# After `user:` comes the password, up to the last @ before the path. It may contain spaces, but not
# begin with one (`see http://host: mail a@b`). A password with a slash makes the URL invalid but is
# hidden too, unless it looks like a port followed by a path.
_SECRET = re.compile(
    r"(://(?!\[)[^\s/?#:]{0,256}):(?!\s)(?:[^\n/?#]{0,1024}|(?!\d+[/?#])\S{0,1024})@"
)


def parts_of(url: str) -> SplitResult:
    """The parts of a URL.

    Raises ValueError if its port is not a number. The message does not quote the URL: the text in
    the port's place may be half of a password.
    """
    why = "the part before the path is not HOST or HOST:PORT"
    try:
        parts = urlsplit(url)
        why = "a port, after HOST:, is a number from 1 to 65535"
        usable = not parts.scheme or parts.port != 0  # reading it checks it
    except ValueError:
        usable = False
    if not usable:
        if "@" in url:
            why += "; write special characters in a user name or password as %40 (for @)"
        raise ValueError(why)
    return parts


def without_passwords(text: str) -> str:
    """`text` with the password of every URL replaced by `***`: http://alice:***@host/."""
    if "://" not in text or "@" not in text:
        return text
    return _SECRET.sub(r"\1:***@", text)
