"""Conversion of plain values into dataclasses: all problems at once, with the nearest names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from buildlib.model.errors import ConfigError
from buildlib.model.schema import load, nearest


@dataclass(frozen=True, slots=True)
class Disk:
    name: str
    size: int = 8

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size is negative")


@dataclass(frozen=True, slots=True)
class Machine:
    memory: int
    quick: bool = False
    disks: tuple[Disk, ...] = ()
    words: tuple[str, ...] = ("a",)
    labels: Mapping[str, str] = field(default_factory=dict)
    first: Disk | None = None
    table: Literal["gpt", "mbr"] = "gpt"


def machine(text: str) -> Machine:
    return load(Machine, tomllib.loads(text), where="m.toml")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        machine(text)
    assert caught.value.where == "m.toml"
    assert caught.value.reason == "schema"
    return caught.value.problems


def test_all_types() -> None:
    assert machine(
        'memory = 1\nquick = true\nwords = []\nlabels = { "a b" = "c" }\n'
        'disks = [{ name = "x" }, { name = "y", size = 0 }]\nfirst = { name = "z" }'
    ) == Machine(1, True, (Disk("x"), Disk("y", 0)), (), {"a b": "c"}, Disk("z"))
    assert machine("memory = 1") == Machine(1)
    assert load(Machine, {"memory": 1, "first": None}, where="json") == Machine(1)


def test_one_of_several() -> None:
    assert machine('memory = 1\ntable = "mbr"').table == "mbr"
    assert problems('memory = 1\ntable = "mbe"') == (
        "table: one of gpt, mbr, not 'mbe'; did you mean mbr?",
    )
    assert problems("memory = 1\ntable = 7") == ("table: one of gpt, mbr",)


def test_all_problems_at_once_in_the_order_of_the_file() -> None:
    assert problems(
        'memmory = 1\nquick = 1\nwords = "a"\nlabels = ["x"]\nfirst = 3\n'
        'disks = [{ nam = "x" }, { name = "y", size = -1 }, 7]\n'
    ) == (
        "memmory: unknown key; did you mean memory?",
        "memory: missing",
        "quick: must be true or false, is a whole number",
        "disks[0].nam: unknown key; did you mean name?",
        "disks[0].name: missing",
        "disks[1]: size is negative",
        "disks[2]: must be a table, is a whole number",
        "words: must be a list, is a string",
        "labels: must be a table, is a list",
        "first: must be a table, is a whole number",
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("true", "true or false"),  # a bool is no int, though Python says so
        ('"1"', "a string"),
        ("1.0", "a number with a fraction"),
        ("1979-05-27", "a date"),
        ("[1]", "a list"),
        ("{}", "a table"),
    ],
)
def test_wrong_types(value: str, found: str) -> None:
    assert problems(f"memory = {value}") == (f"memory: must be a whole number, is {found}",)


@pytest.mark.parametrize("data", [{"memory": None}, {"memory": 1, "words": [None]}])
def test_nothing_is_no_value(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Machine, data, where="x")
    assert caught.value.problems[0].endswith("is nothing")


def test_what_a_dataclass_refuses_has_its_place() -> None:
    assert problems('memory = 1\nfirst = { name = "x", size = -3 }') == ("first: size is negative",)
    with pytest.raises(ConfigError, match="disk: size is negative"):
        load(Disk, {"name": "x", "size": -1}, where="d.toml")


def test_the_number_of_problems_is_told() -> None:
    with pytest.raises(ConfigError, match=r"m.toml has 1 problem\n"):
        machine("")
    with pytest.raises(ConfigError, match=r"m.toml has 2 problems\n"):
        machine("a = 1")


@pytest.mark.parametrize(
    ("name", "text"),
    [("basse", "; did you mean base?"), ("xyz", ""), ("", "")],
)
def test_nearest(name: str, text: str) -> None:
    assert nearest(name, ["base", "etc", "comp"]) == text
