"""Phrases that are not plain English, and a search for them."""

from __future__ import annotations

import re

# Each with what to write instead.
PHRASES = {
    "is told": "is reported",
    "are told": "are reported",
    "was told": "was reported",
    "were told": "were reported",
    "be told": "be reported",
    "told of": "reported",
    "tell of": "report, describe",
    "tells": "says, shows, explains",
    "held against": "compared with",
    "gone on with": "resumed",
    "go on with": "resume",
    "goes on": "continues",
    "come short": "lack",
    "comes short": "lacks",
    "whence": "from which",
    "whoever": "anyone who",
    "shall": "must, will",
    "mend": "repair",
    "mends": "repairs",
    "anew": "again",
    "all that is wrong": "every problem",
    "is asked nothing": "is not asked",
    "nobody asks": "is not requested",
    "nobody does": "is not applied",
    "passed over": "skipped",
    "passes over": "skips",
    "passes by": "skips",
    "by way of": "through",
    "stands beside": "is beside",
    "at the least": "at least",
    "at the most": "at most",
    "of one's own": "of your own",
    "in the place of": "instead of",
    "cannot be had": "is not available",
    "sees to it": "makes sure",
    "has seen to it": "has checked",
    "heed": "handle, follow",
    "what is not there": "what is missing",
    "where there is none": "if there is none",
}


def phrases_in(text: str) -> dict[str, str]:
    """The phrases in `text`, whatever its case and lines, with what to write; code is ignored."""
    words = " ".join(re.sub(r"`[^`]*`", "", text).lower().split())
    return {
        phrase: better
        for phrase, better in PHRASES.items()
        if re.search(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", words)
    }
