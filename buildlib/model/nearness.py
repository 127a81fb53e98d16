"""Suggestions for misspelt names: which known names are most similar.

Names also come from untrusted sources: a repository of 200,000 packages, a spec of 100,000 wrong
words. Comparing two names takes time proportional to the square of their length, so both length
and number are limited. A typing error is in a short name, and seldom in its first letters.
"""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 64  # characters; nobody types a longer name by hand
MOST = 2000  # names to compare
_LIKE = 0.6


def near(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """The known names most similar to `name`, best first; case does not count.

    If there are more than MOST, only names that share its first two letters are compared.
    """
    import difflib

    if len(name) > LONGEST:
        return []
    name = name.lower()
    names = {other.lower(): other for other in known if len(other) <= LONGEST}
    compared = list(names)
    if len(compared) > MOST:
        compared = [other for other in compared if other[:2] == name[:2]][:MOST]
    return [names[found] for found in difflib.get_close_matches(name, compared, most, _LIKE)]
