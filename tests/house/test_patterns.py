"""Regular expressions that every supported Python reads alike."""

from __future__ import annotations

import re

import pytest
from support.modules import MODULES, ROOT

# `(?:a|b)*+`: a group with alternatives, one level of groups in it, and a possessive repeat.
_INNER = r"(?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*"
_POSSESSIVE = re.compile(rf"\((?:{_INNER}\|)+{_INNER}\)(?:[*+?]|\{{[0-9,]+\}})\+")


def with_alternatives(source: str) -> list[int]:
    """Lines in which a group with alternatives has a possessive repeat."""
    return [
        number for number, line in enumerate(source.splitlines(), 1) if _POSSESSIVE.search(line)
    ]


@pytest.mark.parametrize("module", MODULES)
def test_no_group_with_alternatives_is_repeated_possessively(module: str) -> None:
    """Python before 3.11.5 goes back into one whose successor does not match (gh-106052)."""
    assert with_alternatives((ROOT / "buildlib" / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [
        (r'"(?:[^"\\]|\\.)*+"', [1]),
        (r"(a|b)++", [1]),
        (r"(?:a|(?:b|c)d)?+", [1]),
        (r"(?:a|b){1,2}+c", [1]),
        (r"(?:a|b)*c++", []),
        (r"[^\\ ]*+(?:\\.[^\\ ]*+)*+", []),
        (r"(?:a|b)(?:c)*+", []),
    ],
)
def test_what_is_found(pattern: str, lines: list[int]) -> None:
    assert with_alternatives(pattern) == lines
