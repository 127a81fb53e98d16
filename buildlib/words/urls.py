"""URLs as they may be shown: without passwords."""

from __future__ import annotations

import re

# After `user:` comes the password, up to the last @ before the path. With a slash in the password
# it is not a proper URL, but it is hidden all the same; then what looks like a port is none.
_SECRET = re.compile(
    r"(://(?!\[)[^\s/?#:]{0,256}):(?:[^\s/?#]{0,1024}|(?!\d+[/?#])\S{0,1024})@")


def without_passwords(text: str) -> str:
    """`text` with every password of a URL in it as `***`: http://alice:***@host/."""
    if "://" not in text or "@" not in text:
        return text
    return _SECRET.sub(r"\1:***@", text)
