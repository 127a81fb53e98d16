"""The graph of stages: what each needs, and who uses what."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from buildlib.engine.graph import Graph
from buildlib.engine.stage import OutputRef


def stage(*refs: tuple[str, str]) -> Any:
    return SimpleNamespace(upstream=lambda: tuple(OutputRef(*ref) for ref in refs))


GRAPH = Graph(
    {
        "a": stage(),
        "b": stage(("a", "x"), ("a", "y"), ("a", "x")),
        "c": stage(("b", "z")),
        "d": stage(),
    },
    after={"c": ("d", "b"), "d": ("mirror",)},
    docs={"a": "one"},
    results={"iso": (OutputRef("c", "image"), OutputRef("a", "x"))},
)


def test_a_stage_needs_each_task_once() -> None:
    assert [GRAPH.needs(name) for name in "abcd"] == [(), ("a",), ("b", "d"), ("mirror",)]


def test_a_closure_has_the_graph_s_order() -> None:
    assert GRAPH.closure(["c"]) == ["a", "b", "c", "d"]
    assert GRAPH.closure(["d", "b"]) == ["a", "b", "d"]
    assert GRAPH.closure(["iso", "a"]) == ["a"]
    assert GRAPH.closure([]) == []


def test_who_uses_what() -> None:
    assert GRAPH.taken() == {
        "a": {"x": ["b", "b", "iso"], "y": ["b"]},
        "b": {"z": ["c"]},
        "c": {"image": ["iso"]},
    }


def test_two_graphs_in_one() -> None:
    other = Graph(
        {"e": stage(("a", "x"))}, {"e": ("d",)}, {"e": "two"}, {"disc": (OutputRef("e", "x"),)}
    )
    both = GRAPH.with_more(other)
    assert [*both.stages] == ["a", "b", "c", "d", "e"]
    assert both.needs("e") == ("a", "d")
    assert both.docs == {"a": "one", "e": "two"}
    assert [*both.results] == ["iso", "disc"]
    assert both.needs("c") == ("b", "d")
