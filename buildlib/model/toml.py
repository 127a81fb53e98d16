"""The only TOML reader. It rejects too large or too deeply nested documents before parsing them.

tomllib recurses for each bracket and stores every prefix of a dotted key: a line of 40 kB takes
1.5 GB. So brackets and dots are counted first, in one pass over the text.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from buildlib.model.numbers import MOST
from buildlib.model.text import decoded

LARGEST = 256 << 10  # bytes; recipes and tables have a few kilobytes
DEEPEST = 16  # nested lists and tables, and parts of one key; recipes use four

_AT = re.compile(r"(.*) \(at line (\d+), column (\d+)\)\Z", re.DOTALL)
_END = " (at end of document)"


def loads(data: bytes) -> dict[str, Any]:
    """The tables of a TOML document in UTF-8, with or without a byte order mark.

    Raises ValueError, whose text says where and what: "line 3, column 5: Unclosed array".
    """
    import tomllib  # here, because importing it takes longer than a run with nothing to do

    if len(data) > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    text = decoded(data)
    _check_depth(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(_placed(str(error), text)) from None
    except ValueError:  # from int(), which accepts at most 4,300 digits
        raise ValueError(f"a number is more than {MOST}") from None
    _check_numbers(document)
    return document


@cache
def _token() -> re.Pattern[str]:
    """Pattern of a string (possibly unterminated), a comment, a bracket or a separator.

    Whatever follows the repeated part of a string may be absent, so there is no backtracking, and
    the time is linear.
    """
    return re.compile(
        r'"""[^"\\]*(?:(?:\\.?|"(?!""))[^"\\]*)*(?:""")?'
        r"|'''[^']*(?:'(?!'')[^']*)*(?:''')?"
        r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|\'[^\'\n]*+\'?|#[^\n]*+|[][{}.=,\n]',
        re.DOTALL,
    )


def _check_depth(text: str) -> None:
    depth = dots = 0
    for token in _token().finditer(text):
        sign = token[0]
        if sign == ".":
            dots += 1
        elif sign in "[{":
            depth, dots = depth + 1, 0
        elif sign in "]}":
            depth, dots = max(depth - 1, 0), 0
        elif sign in "=,\n":
            dots = 0
        if depth > DEEPEST or dots >= DEEPEST:
            line = text.count("\n", 0, token.start()) + 1
            what = "a key has" if dots else "lists and tables are nested"
            raise ValueError(
                f"line {line}: {what} more than {DEEPEST} {'parts' if dots else 'deep'}"
            )


def _check_numbers(document: dict[str, Any]) -> None:
    """Reject whole numbers of more than 64 bits, TOML's limit."""
    todo: list[tuple[str, Any]] = list(document.items())
    while todo:
        key, value = todo.pop()
        if isinstance(value, dict):
            todo += ((f"{key}.{name}", item) for name, item in value.items())
        elif isinstance(value, list):
            todo += ((key, item) for item in value)
        elif isinstance(value, int) and not -MOST <= value <= MOST:
            raise ValueError(f"{key}: a number is more than {MOST}")


def _placed(message: str, text: str) -> str:
    """A tomllib message with its position moved to the front."""
    if found := _AT.match(message):
        return f"line {found[2]}, column {found[3]}: {found[1]}"
    last = text.count("\n") + (not text.endswith("\n"))
    return f"line {last}: {message.removesuffix(_END)}"
