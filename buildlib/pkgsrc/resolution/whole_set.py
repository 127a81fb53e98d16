"""Checks over a whole set of packages: no conflicts, and all shared libraries present."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.repository import NameIndex, Repository, is_in_provides, library_path
from buildlib.pkgsrc.resolution.closure import SHOWN, Closure


def check_conflicts(closure: Closure) -> None:
    """Check CONFLICTS, which apply in both directions, but not to the package itself."""
    index = NameIndex(closure.nodes)
    problems = list(
        islice(
            (
                f"{name} conflicts with {text}\n{closure.chain(name)}\n{closure.chain(other)}"
                for name in sorted(closure.nodes)
                for text in closure.repository[name].conflicts
                for other in closure.matching(text, index, f"CONFLICTS of {name}")
                if other != name
            ),
            SHOWN,
        )
    )
    if problems:
        raise SourceError(
            "some packages cannot be installed together",
            where=closure.repository.where,
            why="\n".join(problems),
            reason="pkg-conflict",
        )


def check_libraries(
    closure: Closure,
    provided_libs: Collection[str] | None,
    given_libs: Collection[str],
    prefix: str,
) -> dict[str, str]:
    """Check that every library in REQUIRES is in the set or the base system.

    Returns the libraries below the prefix that PROVIDES cannot list, with a package that requires
    each: only the packing lists say whether they are there.
    """
    repository = closure.repository
    provided = {*(provided_libs or ()), *given_libs}
    provided.update(
        library_path(library) for name in closure.nodes for library in repository[name].provides
    )
    inside = prefix.rstrip("/") + "/"
    missing: dict[str, str] = {}  # library to the first package that requires it
    unlisted: dict[str, str] = {}
    for name in sorted(closure.nodes):
        for library in map(library_path, repository[name].requires):
            if library in provided:
                continue
            if not library.startswith(inside):
                if provided_libs is not None:
                    missing.setdefault(library, name)
            elif is_in_provides(library, prefix):
                missing.setdefault(library, name)
            else:
                unlisted.setdefault(library, name)
    if missing:
        what = f"the shared library {next(iter(missing))}"
        raise SourceError(
            f"nothing provides {what if len(missing) == 1 else f'{len(missing)} shared libraries'}",
            where=repository.where,
            why="\n".join(
                f"{library}: {closure.chain(name)}"
                for library, name in islice(missing.items(), SHOWN)
            ),
            hint="\n".join(
                _library_hint(library, repository, provided) for library in islice(missing, SHOWN)
            ),
            reason="pkg-library",
        )
    return unlisted


def _library_hint(library: str, repository: Repository, provided: Collection[str]) -> str:
    """The packages that provide a library, or libraries with a similar name."""
    if near := repository.providing(library):
        return f"{library}: add {' or '.join(near[:3])}, which provides it"
    stem = library.partition(".so")[0] + ".so"
    others = sorted(other for other in provided if other.startswith(stem))
    if others:
        return f"{library}: there is {', '.join(others[:3])}"
    return (
        f"{library}: add the set that contains it to the recipe; or, if it is not needed or exists "
        "elsewhere, add it to packages.libraries of the release definition"
    )
