"""One attempt to complete a set of packages with their dependencies."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.repository import NameIndex, Repository

STEPS_MAX = 2_000_000  # limit of candidates tried; a set of 1,000 packages needs 20,000
SHOWN = 20  # problems of one kind in a message
_STEPS_SHOWN = 12  # packages of one chain in a message


@dataclass(frozen=True, slots=True)
class Need:
    """A package, or the recipe (empty `requirer`), needs one of `candidates`, best first.

    `parent` is the need that added the requirer to the set.
    """

    text: str
    requirer: str
    candidates: tuple[str, ...]
    parent: Need | None

    def chain(self) -> str:
        """The chain from the recipe to this need, for a message."""
        return _way(self) if self.parent is None else _way(self, self.text)


def _way(need: Need, *last: str) -> str:
    """The chain from the recipe to the requirer of `need`, followed by `last`."""
    steps = [*reversed(last)]
    while need.parent is not None:
        steps.append(need.requirer)
        need = need.parent
    steps.reverse()
    if len(steps) > _STEPS_SHOWN:
        steps = [*steps[: _STEPS_SHOWN // 2], "…", *steps[-_STEPS_SHOWN // 2 :]]
    return " → ".join((f"{need.text} (recipe)", *steps))


@dataclass(slots=True)
class Node:
    """A package in the set: the needs that it satisfies, and the packages for its DEPENDS."""

    needs: list[Need] = field(default_factory=list)
    picks: dict[str, str] = field(default_factory=dict)  # pattern of DEPENDS to PKGNAME


@dataclass(slots=True)
class Limit:
    """The packages of a base that satisfy all of `needs` (by text)."""

    suitable: set[str]
    needs: dict[str, Need] = field(default_factory=dict)

    def add(self, need: Need) -> None:
        """Keep only packages that also satisfy `need`."""
        if need.text not in self.needs:
            self.needs[need.text] = need
            self.suitable.intersection_update(need.candidates)


@dataclass(slots=True)
class Work:
    """Counts the candidates tried in all attempts. A malicious summary could cause an almost
    endless number of attempts, each with one version less.
    """

    where: str
    steps: int = 0

    def add(self, steps: int) -> None:
        """Count steps. Raises SourceError if there are more than any repository needs."""
        self.steps += steps
        if self.steps > STEPS_MAX:
            raise SourceError(
                "no set of packages can be chosen",
                where=self.where,
                reason="pkg-versions",
                why=f"after {STEPS_MAX:,} candidates were tried, their DEPENDS still contradict "
                "each other",
                hint="no valid repository has such packages; use another mirror (`mirror=URL`)",
            )


class AgainError(Exception):
    """The set must be computed again with an additional limit."""


class Closure:
    """One attempt. `limits` is kept between attempts: base to limit for its packages."""

    def __init__(self, repository: Repository, limits: dict[str, Limit], work: Work) -> None:
        self.repository = repository
        self.limits = limits
        self._work = work
        self.nodes: dict[str, Node] = {}
        self._bases: dict[str, str] = {}
        self._fresh: deque[str] = deque()  # added, DEPENDS not read yet

    def close(self, roots: Iterable[str]) -> None:
        """Add the roots, then their dependencies until none is missing."""
        for text in roots:
            self._add(Need(text, "", self._named(text), None))
        plain: deque[Need] = deque()
        choice: deque[Need] = deque()
        while self._fresh or plain or choice:
            while self._fresh:
                for need in self._needs(self._fresh.popleft()):
                    several = len({_base(name) for name in need.candidates}) > 1
                    (choice if several else plain).append(need)
            if plain or choice:
                self._add((plain or choice).popleft())

    def chain(self, name: str) -> str:
        """The chain from the recipe to `name`, for a message."""
        return _way(self.nodes[name].needs[0], name)

    def depends(self, name: str) -> tuple[str, ...]:
        """The direct dependencies of `name`, in the order of its DEPENDS."""
        picks = self.nodes[name].picks
        return tuple(dict.fromkeys(picks[text] for text in self.repository[name].depends))

    def matching(self, text: str, index: NameIndex, what: str) -> tuple[str, ...]:
        """The names in `index` that match; `what` describes the pattern's origin in errors."""
        try:
            return index.matching(text)
        except SourceError as error:
            error.where = f"{self.repository.where}, {what}"
            raise

    def _named(self, text: str) -> tuple[str, ...]:
        """The packages that `text` in a recipe refers to."""
        repository = self.repository
        if text in repository:
            return (text,)
        if "/" not in text:
            return repository.of_base(text) or self.matching(text, repository.names, "recipe")
        names = repository.at(text)
        bases = sorted({_base(name) for name in names})
        if len(bases) > 1:
            raise SourceError(
                f"several packages are built from {text}",
                where=repository.where,
                why=", ".join(bases),
                hint="name the one that you want",
                reason="pkg-ambiguous",
            )
        return names

    def _needs(self, name: str) -> Iterator[Need]:
        parent = self.nodes[name].needs[0]
        for text in self.repository[name].depends:
            names = self.matching(text, self.repository.names, f"DEPENDS of {name}")
            yield Need(text, name, names, parent)

    def _add(self, need: Need) -> None:
        name = self._pick(need)
        if name not in self.nodes:
            self.nodes[name] = Node()
            self._bases[_base(name)] = name
            self._fresh.append(name)
        self.nodes[name].needs.append(need)
        if need.requirer:
            self.nodes[need.requirer].picks[need.text] = name

    def _pick(self, need: Need) -> str:
        for at, name in enumerate(need.candidates):
            if name in self.nodes:
                self._work.add(at + 1)
                return name
        self._work.add(2 * len(need.candidates))
        allowed = [name for name in need.candidates if self._allowed(name)]
        if not allowed:
            raise self._missing(need)
        for name in allowed:
            if _base(name) not in self._bases:
                return name
        base = _base(allowed[0])
        limit = self.limits.setdefault(base, Limit(set(self.repository.of_base(base))))
        for other in (*self.nodes[self._bases[base]].needs, need):
            limit.add(other)
        self._work.add(len(self.nodes[self._bases[base]].needs) + len(self.nodes))
        raise AgainError

    def _allowed(self, name: str) -> bool:
        limit = self.limits.get(_base(name))
        return limit is None or name in limit.suitable

    def _missing(self, need: Need) -> SourceError:
        if need.candidates:
            limit = self.limits[_base(need.candidates[0])]
            return SourceError(
                f"no version of {_base(need.candidates[0])} satisfies all dependencies",
                where=self.repository.where,
                why="\n".join(one.chain() for one in islice(limit.needs.values(), SHOWN)),
                hint="there is "
                + ", ".join(self.repository.of_base(_base(need.candidates[0]))[:SHOWN]),
                reason="pkg-versions",
            )
        return SourceError(
            f"no package matches {need.text}",
            where=self.repository.where,
            why=need.chain(),
            hint=self.repository.instead_of(need.text),
            reason="pkg-missing",
        )


def _base(name: str) -> str:
    return name.rpartition("-")[0]
