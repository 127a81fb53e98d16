"""Which known names a name that is none may have meant.

Names come from strangers too: a repository of 200,000 packages, a spec of 100,000 wrong words. To
compare two names takes the square of their length, so what is compared here has limits. A slip of
the pen is in a short name, and seldom in its first letters.
"""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 64  # characters: what is longer was not typed
MOST = 2000  # names that are compared
_LIKE = 0.6


def near(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """The known names most like `name`, the best first. Of very many those that begin as it does
    are compared.
    """
    import difflib

    if len(name) > LONGEST:
        return []
    names = [other for other in known if len(other) <= LONGEST]
    if len(names) > MOST:
        names = [other for other in names if other[:2] == name[:2]][:MOST]
    return difflib.get_close_matches(name, names, most, _LIKE)
