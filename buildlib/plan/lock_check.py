"""Checks that a lock is complete, and made for this release definition and these recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from buildlib.config.configuration import definition_digest
from buildlib.config.lock import Lock, LockedPackage
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.model.errors import ConfigError
from buildlib.model.schema import nearest
from buildlib.pkgsrc.pattern import matches


def check_lock(
    release: Release,
    lock: Lock,
    recipes: Mapping[str, Recipe],
    *,
    has_key: bool,
    where: str,
    again: str,
) -> None:
    """Raise ConfigError for a lock that cannot be built from, with everything that is missing.

    recipes  by name; the sets that they use must be pinned
    has_key  whether the file with the signing key exists
    where    the lock file; `again`: the command that makes it
    Reasons: `stale-lock`, `incomplete-lock`, `no-key`.
    """
    if lock.definition != definition_digest(release):
        raise ConfigError(
            "the lock was made for another release definition",
            where=where,
            why="sets, paths or the signing key have changed since",
            hint=f"create a new one: {again}",
            reason="stale-lock",
        )
    if missing := list(_missing(release, lock, recipes)):
        if not has_key:
            missing.insert(0, f"{release.signature.key}: the signing key is missing")
        missing += [f"{name}: the package is not pinned" for name in _unlocked(lock, recipes)]
        raise ConfigError(
            "the lock is incomplete",
            where=where,
            hint=f"complete it: {again}",
            problems=tuple(missing),
            reason="incomplete-lock",
        )
    if not has_key:
        raise ConfigError(
            "the signing key is missing",
            where=release.signature.key,
            why="the signed list of digests cannot be checked without it",
            hint=f"fetch it: {again}"
            if release.signature.key_path
            else "put it beside the release definition",
            reason="no-key",
        )
    stale = [
        error for name, recipe in recipes.items() if (error := _packages(name, recipe, lock, again))
    ]
    if stale:
        raise ConfigError.together(stale)


def _missing(release: Release, lock: Lock, recipes: Mapping[str, Recipe]) -> Iterator[str]:
    """Missing pins, except those of packages."""
    if lock.list is None:
        yield f"{release.signature.list}: the signed list is not pinned"
    elif not lock.epoch:
        yield "epoch: the time of the list's signature is unknown"
    used = {name for recipe in recipes.values() for name in recipe.sets}
    needed = [
        *map(release.source_path, release.source_sets),
        *(release.binary_path(name) for name in release.binary_sets if name in used),
    ]
    yield from (
        f"{path}: not pinned" for path in (*needed, *release.list_paths()) if path not in lock.files
    )


def _unlocked(lock: Lock, recipes: Mapping[str, Recipe]) -> list[str]:
    """Packages named in recipes for which nothing is locked."""
    names = dict.fromkeys(name for recipe in recipes.values() for name in recipe.packages)
    return [name for name in names if not any(_means(name, item) for item in lock.packages)]


def _packages(recipe_name: str, recipe: Recipe, lock: Lock, again: str) -> ConfigError | None:
    """An error if the recipe's packages were changed after the lock was made."""
    wanted = [item for item in lock.packages if recipe_name in item.wanted_by]
    problems = [
        f"{name}: not in the lock{_near(name, lock)}"
        for name in recipe.packages
        if not any(_means(name, item) for item in wanted)
    ]
    problems += [
        f"{item.pkgname}: in the lock, but no longer in the recipe"
        for item in wanted
        if not any(_means(name, item) for name in recipe.packages)
    ]
    return (
        ConfigError(
            "the lock was made for other packages",
            where=f"recipes/{recipe_name}.toml: packages",
            problems=tuple(problems),
            hint=f"run: {again}",
            reason="stale-lock",
        )
        if problems
        else None
    )


def _near(name: str, lock: Lock) -> str:
    """A similar package of the lock, unless the lock has packages of that name."""
    known = [
        item.pkgpath if "/" in name else item.pkgname.rpartition("-")[0] for item in lock.packages
    ]
    return "" if name in known else nearest(name, known)


def _means(name: str, item: LockedPackage) -> bool:
    """Whether `name` in a recipe can refer to the locked package, by the rules of `resolve`."""
    if "/" in name:
        return name == item.pkgpath
    return name == item.pkgname.rpartition("-")[0] or matches(name, item.pkgname)
