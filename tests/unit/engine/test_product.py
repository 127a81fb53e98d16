"""Products: the stages and outputs that their files come from."""

from __future__ import annotations

from pathlib import Path

from buildlib.engine.product import Product
from buildlib.engine.stage import OutputRef

A, B, AGAIN = OutputRef("a", "x"), OutputRef("b", "y"), OutputRef("a", "z")
LABELS = OutputRef("labels", "json")
HERE = Path("dist")


def test_stages_of_files_stand_once() -> None:
    assert Product("p", HERE, {"1": A, "2": B, "3": AGAIN}).stages() == ["a", "b"]
    assert Product("p", HERE).stages() == []


def test_all_outputs_of_a_stage() -> None:
    assert Product("p", HERE, all_of="c").stages() == ["c"]
    assert Product("p", HERE, {"1": A}, all_of="a").stages() == ["a"]
    assert Product("p", HERE, {"1": A}, all_of="c").stages() == ["a", "c"]


def test_outputs_that_are_used_by_name() -> None:
    assert Product("p", HERE, {"1": A, "2": B}).takes() == (A, B)
    assert Product("p", HERE, {"1": A}, labels=LABELS).takes() == (A, LABELS)
    assert Product("p", HERE, {"1": A}, labels=LABELS).stages() == ["a"]
