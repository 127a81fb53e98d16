"""The normal form of values, and values that have none."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.model.digest import canonical
from buildlib.model.errors import StageError
from buildlib.model.frozen_values import fixed, in_order


@dataclass(frozen=True, slots=True)
class Inner:
    table: Mapping[str, int]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner
    tables: tuple[Mapping[str, str], ...] = ()


@dataclass
class Loose:
    number: int = 1


class Colour(enum.StrEnum):
    RED = "red"


class Pair(NamedTuple):
    one: str
    two: str


class Whole(int):
    pass


def order(value: object) -> object:
    """A value with the insertion order of every mapping in it."""
    if isinstance(value, Mapping):
        return [(key, order(item)) for key, item in value.items()]
    if isinstance(value, tuple):
        return [order(item) for item in value]
    return value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=12,
)


@pytest.mark.thorough
@some
@given(VALUES, st.randoms(use_true_random=False))
def test_no_order_is_seen_that_canonical_json_does_not_have(value: object, chance: object) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, Mapping):
            items = [(key, shuffled(item)) for key, item in value.items()]
            chance.shuffle(items)  # type: ignore[attr-defined]  # a Random
            return dict(items)
        return tuple(map(shuffled, value)) if isinstance(value, tuple) else value

    one, other = fixed(value, where=""), fixed(shuffled(value), where="")
    assert order(one) == order(other)
    assert fixed(one, where="") is one
    if isinstance(one, Mapping):
        assert in_order(one)
        assert list(one) == sorted(one)  # the order of JSON's keys
        assert canonical(dict.fromkeys(one)) == canonical(dict.fromkeys(reversed(list(one))))


def test_what_lies_in_dataclasses_and_tuples_is_seen_so_too() -> None:
    made = fixed(Outer(Inner({"b": 1, "a": 2}), ({"y": "", "x": ""},)), where="")
    assert isinstance(made, Outer)
    assert list(made.inner.table) == ["a", "b"]
    assert list(made.tables[0]) == ["x", "y"]


def test_nothing_can_be_changed_afterwards() -> None:
    given_first = {"b": 1}
    made = fixed(given_first, where="")
    assert isinstance(made, Mapping)
    given_first["a"] = 2
    assert list(made) == ["b"]
    with pytest.raises(TypeError):
        made["c"] = 3  # type: ignore[index]  # that is what is tried


def test_leaves_are_left_alone() -> None:
    path = PurePosixPath("a")
    assert fixed({"x": path}, where="", leaves=(PurePosixPath,)) == {"x": path}


REFUSED: dict[str, tuple[object, str]] = {
    "a float": (1.5, "a field of type float"),
    "a set": (frozenset({"a"}), "a field of type frozenset"),
    "a list": (["a"], "a field of type list"),
    "bytes": (b"a", "a field of type bytes"),
    "a path": (PurePosixPath("a"), "a field of type PurePosixPath"),
    "an enumeration": (Colour.RED, "a field of type Colour"),
    "a number of another class": (Whole(3), "a field of type Whole"),
    "a named tuple": (Pair("a", "b"), "a field of type Pair"),
    "a type": (Inner, "a field of type type"),
    "a number as a key": ({1: "a"}, "a mapping's key of type int"),
    "1 and '1' as keys": (OrderedDict([("1", "a"), (1, "b")]), "a mapping's key of type int"),
    "an enumeration as a key": ({Colour.RED: "a"}, "a mapping's key of type Colour"),
    "a mutable dataclass": (Loose(), "Loose is mutable"),
    "in a tuple in a mapping": ({"a": (1, 2.5)}, "a field of type float"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_key_can_hold_is_refused(name: str) -> None:
    value, told = REFUSED[name]
    with pytest.raises(StageError, match=told) as caught:
        fixed(value, where="Toy.field")
    assert caught.value.reason == "key-field"
    assert str(caught.value.where).startswith("Toy.field")
    assert caught.value.hint


def test_a_default_is_fixed_too() -> None:
    @dataclass(frozen=True)
    class WithDefault:
        table: Mapping[str, int] = field(default_factory=lambda: {"b": 1, "a": 2})

    made = fixed(WithDefault(), where="")
    assert isinstance(made, WithDefault)
    assert list(made.table) == ["a", "b"]
