"""URLs as they may be shown: a password in one is for the server, and for nobody who reads."""

from __future__ import annotations

import re

# Behind `user:` comes the password, up to the last @ before the path. One with a slash in it is no
# proper URL, and is hidden all the same: what looks like a port is none then.
_SECRET = re.compile(
    r"(://(?!\[)[^\s/?#:]{0,256}):(?:[^\s/?#]{0,1024}|(?!\d+[/?#])\S{0,1024})@")


def shown(text: str) -> str:
    """`text` with every password of a URL in it as `***`: http://alice:***@host/."""
    if "://" not in text or "@" not in text:
        return text
    return _SECRET.sub(r"\1:***@", text)
