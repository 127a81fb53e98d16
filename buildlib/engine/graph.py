"""All stages of a run, and what they take from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from buildlib.engine.stage import OutputRef, Stage


@dataclass(frozen=True, slots=True)
class Graph:
    """All stages of a run.

    stages  by name, in an order where what is needed comes first
    after   tasks that must have ended before a stage, though it takes nothing from them
    docs    a line about each, for `doit list`
    results  by product or task, the outputs that it takes
    """

    stages: Mapping[str, Stage]
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    docs: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, tuple[OutputRef, ...]] = field(default_factory=dict)

    def needs(self, name: str) -> tuple[str, ...]:
        """Tasks that must have ended before stage `name`."""
        refs = (ref.stage for ref in self.stages[name].upstream())
        return tuple(dict.fromkeys((*refs, *self.after.get(name, ()))))

    def with_more(self, other: Graph) -> Graph:
        """Both graphs in one; what `other` takes from this one comes first."""
        return Graph({**self.stages, **other.stages}, {**self.after, **other.after},
                     {**self.docs, **other.docs}, {**self.results, **other.results})

    def closure(self, names: Sequence[str]) -> list[str]:
        """`names` and all they take something from, in the order of `stages`."""
        found, pending = set(), list(names)
        while pending:
            name = pending.pop()
            if name not in found and name in self.stages:
                found.add(name)
                pending += self.needs(name)
        return [name for name in self.stages if name in found]

    def taken(self) -> Mapping[str, Mapping[str, list[str]]]:
        """By stage, each output that is taken from it, to the stages and products that do."""
        found: dict[str, dict[str, list[str]]] = {}
        taking = {**{name: stage.upstream() for name, stage in self.stages.items()}, **self.results}
        for taker, refs in taking.items():
            for ref in refs:
                found.setdefault(ref.stage, {}).setdefault(ref.output, []).append(taker)
        return found
