"""The graph: all stages of a run and their dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from buildlib.engine.stage import OutputRef, Stage


@dataclass(frozen=True, slots=True)
class Graph:
    """All stages of a run.

    stages   by name, each after the stages it needs
    after    additional tasks that must end before a stage, although it uses none of their outputs
    docs     a line about each stage, for `doit list`
    results  by product or task, the outputs that it uses
    """

    stages: Mapping[str, Stage]
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    docs: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, tuple[OutputRef, ...]] = field(default_factory=dict)

    def needs(self, name: str) -> tuple[str, ...]:
        """Tasks that must end before stage `name`."""
        refs = (ref.stage for ref in self.stages[name].upstream())
        return tuple(dict.fromkeys((*refs, *self.after.get(name, ()))))

    def with_more(self, other: Graph) -> Graph:
        """Both graphs in one; `other` may use outputs of this one."""
        return Graph(
            {**self.stages, **other.stages},
            {**self.after, **other.after},
            {**self.docs, **other.docs},
            {**self.results, **other.results},
        )

    def closure(self, names: Sequence[str]) -> list[str]:
        """`names` and all stages they depend on, in the order of `stages`."""
        found, pending = set(), list(names)
        while pending:
            name = pending.pop()
            if name not in found and name in self.stages:
                found.add(name)
                pending += self.needs(name)
        return [name for name in self.stages if name in found]

    def taken(self) -> Mapping[str, Mapping[str, list[str]]]:
        """By stage, each of its outputs that is used, to the stages and products that use it."""
        found: dict[str, dict[str, list[str]]] = {}
        taking = {**{name: stage.upstream() for name, stage in self.stages.items()}, **self.results}
        for taker, refs in taking.items():
            for ref in refs:
                found.setdefault(ref.stage, {}).setdefault(ref.output, []).append(taker)
        return found
