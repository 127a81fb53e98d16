"""Resolves the packages named in a recipe into the set of packages to install.

A recipe names packages by PKGPATH (`sysutils/xentools420`), base (`xentools420`), full name
(`xentools420-4.20.1nb2`) or pattern. Dependencies are resolved as in pkg_add: if a package in the
set satisfies a dependency, it is used, otherwise the best match is added.

Three things are better than in pkg_add, which processes one package after the other:

- all roots are added before any dependency, and dependencies with one choice before those with
  several (`{mysql,mariadb}-client>=8`), so packages named in the recipe decide;
- if two packages need different versions of a dependency, the resolution starts over with a version
  that satisfies both, if there is one;
- CONFLICTS and REQUIRES (shared libraries) are checked over the whole set.

There is no backtracking: if the dependencies of a chosen package cannot be satisfied, this is an
error of the repository, not a reason to try an older version. The result does not depend on the
order of the recipe or the repository. Circular dependencies are allowed.
Sources: pkg_install, add/perform.c, lib/conflicts.c; pkg_summary(5).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from buildlib.pkgsrc.repository import Repository, library_path
from buildlib.pkgsrc.resolution.closure import AgainError, Closure, Limit, Work
from buildlib.pkgsrc.resolution.whole_set import check_conflicts, check_libraries
from buildlib.pkgsrc.summary import Summary

PREFIX = "/usr/pkg"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A package of the set. Names are PKGNAMEs, sorted, except `depends`: in the order of DEPENDS.

    `wanted_as` has its names in the recipe, and is empty for a package that is only a dependency.
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
        """Whether it is only a dependency (pkg_add's `automatic=yes`)."""
        return not self.wanted_as


@dataclass(frozen=True, slots=True)
class Resolution:
    """The set in installation order: dependencies first, except in circles.

    `unlisted` maps each required library that no PROVIDES can list, such as a Lua module, to a
    package that requires it. The packing lists say whether it is there.
    """

    packages: tuple[Chosen, ...]
    unlisted: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """PKGNAMEs in that order."""
        return tuple(chosen.name for chosen in self.packages)


def resolve(
    wanted: Sequence[str],
    repository: Repository,
    *,
    provided_libs: Collection[str] | None = None,
    given_libs: Collection[str] = (),
    prefix: str = PREFIX,
) -> Resolution:
    """The packages named by `wanted` and all their dependencies.

    `provided_libs` are the shared libraries of the base system, by full path; if None (unknown),
    only libraries below `prefix` are checked. `given_libs` are assumed to exist, because a package
    may fail to list one in PROVIDES.

    Raises SourceError with the dependency chain: `pkg-missing` (with the nearest names),
    `pkg-ambiguous` (a PKGPATH of several packages), `pkg-versions` (no version satisfies all),
    `pkg-conflict`, `pkg-library`, `pattern`.
    """
    roots = tuple(sorted(set(wanted)))
    limits: dict[str, Limit] = {}
    work = Work(repository.where)
    while True:
        closure = Closure(repository, limits, work)
        try:
            closure.close(roots)
        except AgainError:
            continue  # terminates, because each attempt adds one of finitely many limits
        break
    check_conflicts(closure)
    unlisted = check_libraries(closure, provided_libs, given_libs, prefix)
    return Resolution(tuple(_chosen(closure, name) for name in _ordered(closure)), unlisted)


def of_base(resolution: Resolution, prefix: str = PREFIX) -> frozenset[str]:
    """The shared libraries that the packages need from the base system."""
    inside = prefix.rstrip("/") + "/"
    required = (map(library_path, chosen.summary.requires) for chosen in resolution.packages)
    return frozenset(one for found in required for one in found if not one.startswith(inside))


def _ordered(closure: Closure) -> list[str]:
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


def _chosen(closure: Closure, name: str) -> Chosen:
    needs = closure.nodes[name].needs
    return Chosen(
        summary=closure.repository[name],
        wanted_as=tuple(sorted({need.text for need in needs if not need.requirer})),
        wanted_by=tuple(sorted({need.requirer for need in needs if need.requirer})),
        depends=closure.depends(name),
    )
