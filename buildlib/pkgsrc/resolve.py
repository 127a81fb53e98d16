"""From what a recipe names to the set of packages to install.

A recipe names packages by PKGPATH (`sysutils/xentools420`), base (`xentools420`), full name
(`xentools420-4.20.1nb2`) or pattern. The set is closed over DEPENDS the way pkg_add does it: a
dependency that something in the set satisfies is satisfied, otherwise the best match comes in.

Three things are done better than pkg_add, which takes one package after the other:

- all roots come in before any dependency, and dependencies with one choice before those with
  several (`{mysql,mariadb}-client>=8`), so what somebody asked for by name decides;
- when two dependants need different versions of one package, all is done again with a version
  that suits both, if there is one;
- CONFLICTS and REQUIRES (shared libraries) are checked over the whole set.

It does not search: a package that is chosen and cannot be completed is an error of the repository,
not a reason to try an older one. The result does not depend on the order of the recipe or of the
repository. Packages may depend on each other in a circle.
Sources: pkg_install, add/perform.c, lib/conflicts.c; pkg_summary(5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.repository import NameIndex, Repository, library_path
from buildlib.pkgsrc.summary import Summary

PREFIX = "/usr/pkg"
STEPS_MAX = 2_000_000  # candidates that are looked at; a set of 1,000 packages needs 20,000
SHOWN = 20  # problems of one kind that are told
_STEPS_SHOWN = 12  # packages of one chain that are told


@dataclass(frozen=True, slots=True)
class Chosen:
    """A package of the set. Names are PKGNAMEs, sorted, except `depends`: as in DEPENDS.

    `wanted_as` holds what the recipe called it, and is empty for a package that only others need.
    """

    summary: Summary
    wanted_as: tuple[str, ...]
    wanted_by: tuple[str, ...]
    depends: tuple[str, ...]

    @property
    def name(self) -> str:
        """PKGNAME."""
        return self.summary.pkgname

    @property
    def automatic(self) -> bool:
        """Whether it is there as a dependency only (pkg_add's `automatic=yes`)."""
        return not self.wanted_as


@dataclass(frozen=True, slots=True)
class Resolution:
    """The set in an order to install it in: dependencies first, but for circles."""

    packages: tuple[Chosen, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """PKGNAMEs in that order."""
        return tuple(chosen.name for chosen in self.packages)


@dataclass(frozen=True, slots=True)
class _Need:
    """A package (or the recipe: empty) needs one of `candidates`, the best first.

    `parent` is the need that brought the package in.
    """

    text: str
    requirer: str
    candidates: tuple[str, ...]
    parent: _Need | None

    def chain(self) -> str:
        """From the recipe to this need, for a message."""
        return _way(self) if self.parent is None else _way(self, self.text)


def _way(need: _Need, *last: str) -> str:
    """From the recipe to whoever has `need`, then `last`."""
    steps = [*reversed(last)]
    while need.parent is not None:
        steps.append(need.requirer)
        need = need.parent
    steps.reverse()
    if len(steps) > _STEPS_SHOWN:
        steps = [*steps[: _STEPS_SHOWN // 2], "…", *steps[-_STEPS_SHOWN // 2 :]]
    return " → ".join((f"{need.text} (recipe)", *steps))


@dataclass(slots=True)
class _Node:
    needs: list[_Need] = field(default_factory=list)
    picks: dict[str, str] = field(default_factory=dict)  # pattern of DEPENDS to PKGNAME


@dataclass(slots=True)
class _Limit:
    """Packages of a base that all of `needs` (by text) take."""

    suiting: set[str]
    needs: dict[str, _Need] = field(default_factory=dict)

    def hold(self, need: _Need) -> None:
        """Leave those that `need` takes, too."""
        if need.text not in self.needs:
            self.needs[need.text] = need
            self.suiting.intersection_update(need.candidates)


@dataclass(slots=True)
class _Work:
    """How many candidates were looked at, in all attempts: a stranger's summary may have no end of
    them, each time one version less.
    """

    where: str
    steps: int = 0

    def add(self, steps: int) -> None:
        """Raises SourceError where it is more than any repository needs."""
        self.steps += steps
        if self.steps > STEPS_MAX:
            raise SourceError(
                "no set of packages can be chosen", where=self.where, reason="pkg-versions",
                why=f"{STEPS_MAX:,} candidates were looked at, and their DEPENDS still contradict "
                "each other", hint="no repository has such packages; use another mirror "
                "(`mirror=URL`)")


class _AgainError(Exception):
    """The set must be made again under one more limit."""


def resolve(
    wanted: Sequence[str],
    repository: Repository,
    *,
    provided_libs: Collection[str] | None = None,
    given_libs: Collection[str] = (),
    prefix: str = PREFIX,
) -> Resolution:
    """The packages `wanted` names and everything they depend on.

    `provided_libs` are the shared libraries of the base system, by full path; None: not known,
    then only libraries below `prefix` are checked. `given_libs` are there wherever they come from:
    a package may forget to list one in PROVIDES.

    Raises SourceError, with the chain that led there: `pkg-missing` (and the nearest names),
    `pkg-ambiguous` (a PKGPATH of several packages), `pkg-versions` (no version suits everybody),
    `pkg-conflict`, `pkg-library`, `pattern`.
    """
    roots = tuple(sorted(set(wanted)))
    limits: dict[str, _Limit] = {}
    work = _Work(repository.where)
    while True:
        closure = _Closure(repository, limits, work)
        try:
            closure.close(roots)
        except _AgainError:
            continue  # ends: each time there is one more limit, of a package's few patterns
        break
    _check_conflicts(closure)
    _check_libraries(closure, provided_libs, given_libs, prefix)
    return Resolution(tuple(_chosen(closure, name) for name in _ordered(closure)))


class _Closure:
    """One attempt. `limits` outlives it: base to what every package of that base must satisfy."""

    def __init__(
        self, repository: Repository, limits: dict[str, _Limit], work: _Work
    ) -> None:
        self.repository = repository
        self.limits = limits
        self._work = work
        self.nodes: dict[str, _Node] = {}
        self._bases: dict[str, str] = {}
        self._fresh: deque[str] = deque()  # came in, DEPENDS not read yet

    def close(self, roots: Iterable[str]) -> None:
        """Bring in the roots, then what they need until nothing is needed any more."""
        for text in roots:
            self._add(_Need(text, "", self._named(text), None))
        plain: deque[_Need] = deque()
        choice: deque[_Need] = deque()
        while self._fresh or plain or choice:
            while self._fresh:
                for need in self._needs(self._fresh.popleft()):
                    several = len({_base(name) for name in need.candidates}) > 1
                    (choice if several else plain).append(need)
            if plain or choice:
                self._add((plain or choice).popleft())

    def chain(self, name: str) -> str:
        """How `name` came in, for a message."""
        return _way(self.nodes[name].needs[0], name)

    def depends(self, name: str) -> tuple[str, ...]:
        """What `name` depends on directly, in the order of its DEPENDS."""
        picks = self.nodes[name].picks
        return tuple(dict.fromkeys(picks[text] for text in self.repository[name].depends))

    def matching(self, text: str, index: NameIndex, what: str) -> tuple[str, ...]:
        """The names in `index` that match; `what` says whose pattern a bad one is."""
        try:
            return index.matching(text)
        except SourceError as error:
            error.where = f"{self.repository.where}, {what}"
            raise

    def _named(self, text: str) -> tuple[str, ...]:
        """The packages a recipe means by `text`."""
        repository = self.repository
        if text in repository:
            return (text,)
        if "/" not in text:
            return repository.of_base(text) or self.matching(text, repository.names, "recipe")
        names = repository.at(text)
        bases = sorted({_base(name) for name in names})
        if len(bases) > 1:
            raise SourceError(
                f"{text} makes several packages",
                where=repository.where,
                why=", ".join(bases),
                hint="name the one you want",
                reason="pkg-ambiguous",
            )
        return names

    def _needs(self, name: str) -> Iterator[_Need]:
        parent = self.nodes[name].needs[0]
        for text in self.repository[name].depends:
            names = self.matching(text, self.repository.names, f"DEPENDS of {name}")
            yield _Need(text, name, names, parent)

    def _add(self, need: _Need) -> None:
        name = self._pick(need)
        if name not in self.nodes:
            self.nodes[name] = _Node()
            self._bases[_base(name)] = name
            self._fresh.append(name)
        self.nodes[name].needs.append(need)
        if need.requirer:
            self.nodes[need.requirer].picks[need.text] = name

    def _pick(self, need: _Need) -> str:
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
        limit = self.limits.setdefault(base, _Limit(set(self.repository.of_base(base))))
        for other in (*self.nodes[self._bases[base]].needs, need):
            limit.hold(other)
        self._work.add(len(self.nodes[self._bases[base]].needs) + len(self.nodes))
        raise _AgainError

    def _allowed(self, name: str) -> bool:
        limit = self.limits.get(_base(name))
        return limit is None or name in limit.suiting

    def _missing(self, need: _Need) -> SourceError:
        if need.candidates:
            limit = self.limits[_base(need.candidates[0])]
            return SourceError(
                f"no version of {_base(need.candidates[0])} suits everybody",
                where=self.repository.where,
                why="\n".join(one.chain() for one in islice(limit.needs.values(), SHOWN)),
                hint="there is " + ", ".join(
                    self.repository.of_base(_base(need.candidates[0]))[:SHOWN]),
                reason="pkg-versions",
            )
        return SourceError(
            f"no package matches {need.text}",
            where=self.repository.where,
            why=need.chain(),
            hint=self.repository.instead_of(need.text),
            reason="pkg-missing",
        )


def _check_conflicts(closure: _Closure) -> None:
    """CONFLICTS holds in both directions, and never of a package with itself."""
    index = NameIndex(closure.nodes)
    problems = list(islice((
        f"{name} conflicts with {text}\n{closure.chain(name)}\n{closure.chain(other)}"
        for name in sorted(closure.nodes)
        for text in closure.repository[name].conflicts
        for other in closure.matching(text, index, f"CONFLICTS of {name}")
        if other != name), SHOWN))
    if problems:
        raise SourceError(
            "packages that cannot be installed together",
            where=closure.repository.where,
            why="\n".join(problems),
            reason="pkg-conflict",
        )


def _check_libraries(
    closure: _Closure, provided_libs: Collection[str] | None, given_libs: Collection[str],
    prefix: str,
) -> None:
    """Every library in REQUIRES comes from the set or from the base system."""
    repository = closure.repository
    provided = {*(provided_libs or ()), *given_libs}
    provided.update(library_path(library) for name in closure.nodes
                    for library in repository[name].provides)
    inside = prefix.rstrip("/") + "/"
    missing: dict[str, str] = {}  # library to the first package that requires it
    for name in sorted(closure.nodes):
        for library in map(library_path, repository[name].requires):
            # PROVIDES has only what is called lib…, and not the module of a language
            known = ("/lib" in library[library.rindex("/") :] if library.startswith(inside)
                     else provided_libs is not None)
            if known and library not in provided:
                missing.setdefault(library, name)
    if missing:
        what = f"the shared library {next(iter(missing))}"
        raise SourceError(
            f"nothing provides {what if len(missing) == 1 else f'{len(missing)} shared libraries'}",
            where=repository.where,
            why="\n".join(f"{library}: {closure.chain(name)}"
                          for library, name in islice(missing.items(), SHOWN)),
            hint="\n".join(_library_hint(library, repository, provided)
                           for library in islice(missing, SHOWN)),
            reason="pkg-library",
        )


def _library_hint(library: str, repository: Repository, provided: Collection[str]) -> str:
    """What would bring a library in, or what its name may have been."""
    if near := repository.providing(library):
        return f"{library}: {', '.join(near[:3])} would"
    stem = library.partition(".so")[0] + ".so"
    others = sorted(other for other in provided if other.startswith(stem))
    return f"{library}: there is {', '.join(others[:3])}" if others else (
        f"{library}: add the set that has it to the recipe, or, where it is there all the same, "
        "the library to packages.libraries of the release definition")


def of_base(resolution: Resolution, prefix: str = PREFIX) -> frozenset[str]:
    """The shared libraries that the packages require of the base system."""
    inside = prefix.rstrip("/") + "/"
    required = (map(library_path, chosen.summary.requires) for chosen in resolution.packages)
    return frozenset(one for found in required for one in found if not one.startswith(inside))


def _ordered(closure: _Closure) -> list[str]:
    """The names with dependencies first: depth first from the roots, in the order of DEPENDS."""
    order: list[str] = []
    seen: set[str] = set()
    for start in sorted(closure.nodes):
        if start in seen or all(need.requirer for need in closure.nodes[start].needs):
            continue
        seen.add(start)
        stack = [(start, iter(closure.depends(start)))]
        while stack:
            name, rest = stack[-1]
            below = next((other for other in rest if other not in seen), None)
            if below is None:
                order.append(name)
                stack.pop()
            else:
                seen.add(below)
                stack.append((below, iter(closure.depends(below))))
    return order


def _chosen(closure: _Closure, name: str) -> Chosen:
    needs = closure.nodes[name].needs
    return Chosen(
        summary=closure.repository[name],
        wanted_as=tuple(sorted({need.text for need in needs if not need.requirer})),
        wanted_by=tuple(sorted({need.requirer for need in needs if need.requirer})),
        depends=closure.depends(name),
    )


def _base(name: str) -> str:
    return name.rpartition("-")[0]
