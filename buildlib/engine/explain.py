"""The reasons why a stage runs: the difference between two key documents, in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from buildlib.store.records import Document

_SHORT = 12


def reasons(before: Document | None, after: Document) -> tuple[str, ...]:
    """The changes from the last run's document to the current one, root causes first.

    Files of the checkout and parameters come first, then code, tools, and outputs of other stages,
    which have their own reasons.
    """
    if before is None:
        return ("it never ran",)
    found = sorted(_differences(before, after, ()), key=lambda item: item[0])
    return tuple(sentence for _, sentence in found) or ("its result is gone",)


def _differences(before: object, after: object, path: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        if "from" in after and "from" in before:
            yield 3, _change(f"output {after['from']}", before.get("sha256"), after.get("sha256"))
            return
        for key in sorted({*before, *after}):
            yield from _differences(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            yield from _differences(_at(before, number), _at(after, number), (*path, str(number)))
    else:
        yield _sentence(path, before, after)


def _at(items: list[Any], number: int) -> object:
    return items[number] if number < len(items) else None


def _sentence(path: tuple[str, ...], before: object, after: object) -> tuple[int, str]:
    head, *rest = path
    if head == "code":
        module = (rest or ["?"])[0]
        return 1, _change(f"code of {module}", before, after)
    if head in {"tools", "programs", "libraries", "host"}:
        return 2, _change(f"{head.removesuffix('s')} {' '.join(rest)}", before, after)
    if "files" in rest:
        at = rest.index("files")
        return 0, _change(f"file {'/'.join(rest[at + 1 :])}", before, after)
    name = ".".join(rest) if head == "fields" else ".".join(path)
    return 0, _change(name, before, after)


def _change(what: str, before: object, after: object) -> str:
    if before is None:
        return f"{what} is new ({_show(after)})"
    if after is None:
        return f"{what} is gone (was {_show(before)})"
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        number, before, after = _first_line(before, after)
        what = f"{what}, line {number},"
    return f"{what} changed: {_show(before)} → {_show(after)}"


def _first_line(before: str, after: str) -> tuple[int, str, str]:
    """The first line in which two texts differ: its number and both versions."""
    pairs = zip_longest(before.split("\n"), after.split("\n"), fillvalue="")
    return next(
        (number, old.strip(), new.strip())
        for number, (old, new) in enumerate(pairs, 1)
        if old != new
    )


def _show(value: object) -> str:
    if isinstance(value, dict) and "from" in value:
        value = f"output {value['from']} {value.get('sha256')}"
    if isinstance(value, str):
        value = value.replace("\n", " | ")
        words = [word[:_SHORT] if _is_digest(word) else word for word in value.split(" ")]
        value = " ".join(words)
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _is_digest(word: str) -> bool:
    return len(word) in {64, 128} and all(character in "0123456789abcdef" for character in word)
