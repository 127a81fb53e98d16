"""Whether a lock is good for a build: made for this definition and these recipes, and whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from buildlib.config.project import definition_digest
from buildlib.config.recipe import Lock, LockedPackage, Recipe, Release
from buildlib.model.errors import ConfigError
from buildlib.model.schema import nearest
from buildlib.pkgsrc.pattern import matches


def check_lock(
    release: Release, lock: Lock, recipes: Mapping[str, Recipe], *, has_key: bool, where: str,
    again: str,
) -> None:
    """Raises ConfigError for a lock that cannot be built from, with all that it lacks.

    recipes  by name; what they use must be pinned, other sets of the release need not
    has_key  whether the file with the signing key is there
    where    the lock file; `again`: the command that makes it
    Reasons: `stale-lock`, `incomplete-lock`, `no-key`.
    """
    if lock.definition != definition_digest(release):
        raise ConfigError(
            "the lock was made for another release definition", where=where,
            why="sets, paths or the signing key have changed since",
            hint=f"make it anew: {again}", reason="stale-lock",
        )
    if missing := list(_missing(release, lock, recipes)):
        if not has_key:
            missing.insert(0, f"{release.signature.key}: the signing key, is not here")
        missing += [f"{name}: a package, not pinned" for name in _unlocked(lock, recipes)]
        raise ConfigError(
            "the lock is incomplete", where=where, hint=f"complete it: {again}",
            problems=tuple(missing), reason="incomplete-lock",
        )
    if not has_key:
        raise ConfigError(
            "the signing key is not here", where=release.signature.key,
            why="the signed list of digests cannot be checked without it",
            hint=f"fetch it: {again}" if release.signature.key_path
            else "put it there, beside the release definition", reason="no-key",
        )
    stale = [error for name, recipe in recipes.items()
             if (error := _packages(name, recipe, lock, again))]
    if stale:
        raise ConfigError.together(stale)


def _missing(release: Release, lock: Lock, recipes: Mapping[str, Recipe]) -> Iterator[str]:
    """What the lock must pin and does not, but for packages."""
    if lock.list is None:
        yield f"{release.signature.list}: the signed list, not pinned"
    elif not lock.epoch:
        yield "epoch: when the signed list was signed, not known"
    used = {name for recipe in recipes.values() for name in recipe.sets}
    needed = [*map(release.source_path, release.source_sets),
              *(release.binary_path(name) for name in release.binary_sets if name in used)]
    yield from (f"{path}: not pinned" for path in (*needed, *release.list_paths())
                if path not in lock.files)


def _unlocked(lock: Lock, recipes: Mapping[str, Recipe]) -> list[str]:
    """The packages recipes name for which nothing is locked."""
    names = dict.fromkeys(name for recipe in recipes.values() for name in recipe.packages)
    return [name for name in names if not any(_means(name, item) for item in lock.packages)]


def _packages(recipe_name: str, recipe: Recipe, lock: Lock, again: str) -> ConfigError | None:
    """Whether the lock was made before the recipe's packages were changed."""
    wanted = [item for item in lock.packages if recipe_name in item.wanted_by]
    problems = [f"{name}: not in the lock{_near(name, lock)}" for name in recipe.packages
                if not any(_means(name, item) for item in wanted)]
    problems += [f"{item.pkgname}: in the lock, no longer in the recipe" for item in wanted
                 if not any(_means(name, item) for name in recipe.packages)]
    return ConfigError(
        "the lock was made for other packages", where=f"recipes/{recipe_name}.toml: packages",
        problems=tuple(problems), hint=f"run: {again}", reason="stale-lock",
    ) if problems else None


def _near(name: str, lock: Lock) -> str:
    """A package of the lock that may have been meant, if nothing of it is there."""
    known = [item.pkgpath if "/" in name else item.pkgname.rpartition("-")[0]
             for item in lock.packages]
    return "" if name in known else nearest(name, known)


def _means(name: str, item: LockedPackage) -> bool:
    """Whether a recipe that says `name` can mean the locked package, as `resolve` takes it."""
    if "/" in name:
        return name == item.pkgpath
    return name == item.pkgname.rpartition("-")[0] or matches(name, item.pkgname)
