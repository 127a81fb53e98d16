"""Names that the configuration gives, which become those of files and tasks."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\Z")


def check_name(name: str, what: str) -> None:
    """Names become file and task names. Raises ValueError for one that cannot."""
    if not _NAME.match(name):
        raise ValueError(f"{what} {name!r}: letters, digits and . _ + - only, not first")
