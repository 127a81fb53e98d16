"""Suggestions for a wrong name, found in limited time."""

from __future__ import annotations

import pytest

from buildlib.model import nearness
from buildlib.model.nearness import near


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of names compared by each call, which determines its time."""
    import difflib

    counts: list[int] = []
    real = difflib.get_close_matches

    def counted(name: str, names: list[str], most: int, like: float) -> list[str]:
        counts.append(len(names))
        assert max(map(len, [name, *names])) <= nearness.LONGEST
        return real(name, names, most, like)

    monkeypatch.setattr("difflib.get_close_matches", counted)
    return counts


def test_the_nearest_come_first() -> None:
    assert near("mdoe", ["type", "mode", "model"], most=2) == ["mode", "model"]
    assert near("zzzz", ["type", "mode"]) == []
    assert near("MINI", ["netbsd-10.1", "mini"]) == ["mini"]
    assert near("xen3_dom0", ["XEN3_DOMU", "XEN3_DOM0"], most=2) == ["XEN3_DOM0", "XEN3_DOMU"]


def test_of_very_many_few_are_compared(compared: list[int]) -> None:
    many = [f"pk{number}" for number in range(60_000)]
    assert near("opk7", [*many, "opk77"]) == ["opk77"]
    near("pk", many)
    assert compared == [1, nearness.MOST]


def test_what_nobody_typed_is_not_compared(compared: list[int]) -> None:
    assert near("a" * 65, ["a" * 64]) == []
    assert near("a" * 64, ["a" * 65, "a" * 63]) == ["a" * 63]
    assert compared == [1]
