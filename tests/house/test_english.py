"""The library's docstrings, comments and messages are plain English."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from itertools import groupby

import pytest
from support.english import phrases_in
from support.modules import MODULES, ROOT


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string and comment; what is joined from several is one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = enumerate(token for token in tokens if token.type == tokenize.COMMENT)
    for _, found in groupby(comments, lambda item: item[1].start[0] - item[0]):
        lines = [token for _, token in found]
        yield lines[0].start[0], " ".join(line.string.lstrip("# ") for line in lines)


def wrong(source: str) -> list[str]:
    """A line for each phrase: where it is, and what to write instead."""
    return [
        f"line {line}: not {phrase!r}, but {better}"
        for line, text in texts(source)
        for phrase, better in phrases_in(text).items()
    ]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_plain_english(module: str) -> None:
    assert wrong((ROOT / "buildlib" / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""Made\n   anew."""',
        "# made\n# anew",
        "x = 1  # Made anew",
        "print('made '\n      'anew')",
        "print(f'{x} is made' f' anew')",
    ],
)
def test_the_rule_sees_phrases(source: str) -> None:
    assert wrong(source)


@pytest.mark.parametrize("source", ["anew = 1", "# a `anew` of code", "'renewed'", "# an-anew"])
def test_the_rule_sees_only_words(source: str) -> None:
    assert wrong(source) == []
