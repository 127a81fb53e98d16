"""The only JSON reader: for locks that people edit, and documents in a store."""

from __future__ import annotations

import json
import re

from buildlib.model.text import decoded

TYPE_CHECKING = False  # importing typing would slow down a run that has nothing to do
if TYPE_CHECKING:
    from typing import Any, NoReturn

LARGEST = 8 << 20  # bytes; locks and records have at most a tenth of that
_LONG = re.compile(r"[0-9]{20}").search  # digits of a number beyond 64 bits, or of a digest
_DIGITS = 20
_MOST = 2**64 - 1  # the largest inode number


def loads(data: bytes, *, most: int = LARGEST, unique: bool = False) -> Any:
    """The value of a JSON document in UTF-8.

    unique  whether a name given twice in one object is an error; use it for files people edit
    Raises ValueError, whose text says what is wrong, if the text is not JSON, is larger than `most`
    bytes or nested too deeply, or has a number out of range (NaN, more than 64 bits).
    """
    if len(data) > most:
        raise ValueError(f"larger than {most} bytes")
    text = decoded(data)
    try:
        return json.loads(
            text,
            parse_constant=_no_number,
            parse_float=_fraction,
            parse_int=_whole if _LONG(text) else None,
            object_pairs_hook=_unique if unique else None,
        )
    except RecursionError:
        raise ValueError("objects and lists are nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > _DIGITS or not -_MOST <= int(digits) <= _MOST:
        _no_number(digits)
    return int(digits)


def _fraction(text: str) -> float:
    number = float(text)
    if number - number:  # infinite
        _no_number(text)
    return number


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:24]} is not a number that is allowed here")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"{name[:80]!r} is given twice")
            seen.add(name)
    return found
