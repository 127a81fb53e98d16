"""What would make a long build fail, looked for before it begins: all of it, in one report.

A check returns problems: sentences that say what is wrong and what to do. They run once a run, and
only when something long (a toolchain, a kernel) or from a mirror is about to be made. A run with
nothing to do, or with a changed overlay, asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path

from buildlib.config.build_sh import Space
from buildlib.config.project import Project
from buildlib.config.recipe import Release
from buildlib.engine.engine import Engine
from buildlib.engine.product import Product
from buildlib.engine.stage import Stage
from buildlib.host.environment import forbids_files, forbids_programs, free_bytes, free_files
from buildlib.host.os_errors import SPACE_HINT, is_nearly_full, space_left
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations.preflight.compilers import compiler_problems
from buildlib.plan.pending_work import PendingWork, long_ones, pending, work_of
from buildlib.plan.plan import Plan
from buildlib.plan.recipe_check import DOM0
from buildlib.plan.tree_check import tree_problems
from buildlib.sources.mirrors import Mirrors, mirrors_of
from buildlib.sources.web.probe import folder_of, unanswered
from buildlib.store.store import Store

# For images, packages and the store's own; but never more than the build itself.
MARGIN_MB = 200
_MB = 10**6
_NAMED = 3  # files named in a sentence
# Errors of a lock that comes short: no plan can be made, but the host can be looked at.
NO_LOCK = frozenset({"no-lock", "no-key", "stale-lock", "incomplete-lock"})


def check(engine: Engine, plan: Plan, names: Sequence[str]) -> None:
    """Raises ConfigError with all problems, where a run that makes `names` cannot succeed."""
    coming = pending(engine, names)
    found = tree_problems(engine, coming, room=free_bytes(engine.store.build))
    wrong = {tuple(error.told()): error for error in found}  # recipes share overlays
    work = work_of(engine, {name: coming[name] for name in long_ones(engine, names)
                            if name in coming})
    problems = [problem for told in wrong for problem in told]
    if work.compiles:
        problems += host_problems(plan.release, work, engine.store)
        told = _compilers(plan.release) if work.toolchain else frozenset()
        problems += tool_problems(engine, tuple(coming.values()), told=told)
        problems += product_problems(plan.products[name] for name in names if name in plan.products)
    pressed = {product.folder for product in plan.products.values()}
    if not pressed.intersection(map(folder_of, plan.mirrors.roots)):
        problems += fetch_problems(plan.mirrors, work.fetches)
    if tuple(problems) in wrong:  # the only one
        raise wrong[tuple(problems)]
    if problems:
        raise ConfigError(
            "this build cannot succeed", where=f"release {plan.release.name}",
            problems=tuple(problems), hint="see to all of it, then run again; nothing was begun",
            reason="preflight",
        )


def unlocked_problems(
    project: Project, release_name: str, store: Store, *, mirror: str, offline: bool
) -> tuple[str, ...]:
    """Problems of the host for a release whose lock comes short: everything is still to be made.

    Raises GoldmasterError where the release or a recipe cannot be read.
    """
    release = project.release(release_name)
    recipes = (DOM0, *(f"domu/{name}" for name in project.domus()))
    kernels = {project.recipe(name).kernel for name in recipes}
    work = PendingWork(sources=True, toolchain=True, kernels=len(kernels))
    problems = host_problems(release, work, store)
    if mirror or not release.mirror_source:
        mirrors = mirrors_of(release, mirror=mirror, offline=offline)
        problems += fetch_problems(mirrors, (release.signature.list,))
    return tuple(problems)


def host_problems(release: Release, work: PendingWork, store: Store) -> list[str]:
    """What the disk and the compilers lack for `work`, which compiles."""
    problems = space_problems(release.build.space, work, store.build,
                              unfinished=lambda: store.workspaces.unfinished(("src", "tools")))
    if forbids_programs(store.build):  # build.sh runs what it has compiled
        problems.append(f"no program can be run below {store.build}, its file system is mounted "
                        "noexec: choose another disk with build=FOLDER, or mount it with exec")
    if not work.toolchain:
        return problems
    try:
        found = compiler_problems(release.build.compiler, store.runner, Path(store.blobs.fresh()))
    except OSError as error:
        found = [f"nothing can be compiled below {store.build}: {error.strerror}"]
    if found and is_nearly_full(store.build):  # then compilers fail for that
        found = [f"nothing can be compiled, only {space_left(store.build)}: {SPACE_HINT}"]
    return problems + found


def _compilers(release: Release) -> frozenset[str]:
    return frozenset({release.build.compiler.c, release.build.compiler.cxx})


# the checks


def space_problems(
    space: Space, work: PendingWork, folder: Path, *, unfinished: Callable[[], tuple[int, int]]
) -> list[str]:
    """Whether bytes and files that `work` takes go below `folder`.

    unfinished  bytes and files of what an interrupted build left there, and goes on with
    """
    size, files = need(space, work)
    bytes_left, files_left = free_bytes(folder), free_files(folder)
    if size > bytes_left or (files_left is not None and files > files_left):
        size_made, files_made = unfinished()
        size, files = size - size_made, files - files_made
    do = "`doit gc` may free some; or choose another disk with build=FOLDER"
    problems = []
    if size > bytes_left:
        problems.append(f"the build needs {_size(size)}, {_size(bytes_left)} are free below "
                        f"{folder}: {do}")
    if files_left is not None and files > files_left:
        problems.append(f"the build makes {files} files, the disk has room for {files_left} below "
                        f"{folder}: {do}")
    return problems


def need(space: Space, work: PendingWork) -> tuple[int, int]:
    """Bytes and files that `work` takes, files as the part of all that it is of the bytes."""
    total = space.sources + space.toolchain + space.kernel * max(1, work.kernels)
    part = (space.sources * work.sources + space.toolchain * work.toolchain
            + space.kernel * work.kernels)
    if not part:
        return 0, 0
    return (part + min(part, MARGIN_MB)) * _MB + work.download, space.files * part // total


def tool_problems(engine: Engine, stages: Sequence[Stage], *, told: Set[str]) -> list[str]:
    """Everything of the host that `stages` need and that is not there, but for the tools `told`."""
    known = {f"the tool {name} is not installed" for name in told}
    lacks = {error.what: error.hint for stage in stages for error in engine.keys.missing(stage)}
    return [f"{what}: {hint}" for what, hint in lacks.items() if what not in known]


def product_problems(products: Iterable[Product]) -> list[str]:
    """Whether files can be put where people look for them."""
    reasons = {product.folder: (product.name, why) for product in products
               if (why := forbids_files(product.folder, product.files))}
    return [f"{name} cannot be put into {folder}: {why}: choose another folder with dist=FOLDER"
            for folder, (name, why) in reasons.items()]


def fetch_problems(mirrors: Mirrors, paths: Sequence[str]) -> list[str]:
    """Whether `paths`, which are not in the store, can be had."""
    places: dict[str, list[str]] = {}
    refused: list[str] = []
    for path in paths:
        try:
            places[path] = mirrors.urls(path)
        except SourceError:
            refused.append(path)
    problems = mirror_problems(places)
    if refused:
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        problems.append(f"not in the store, and no server may be asked: "
                        f"{', '.join(refused[:_NAMED])}{more}: run once with offline=no")
    return problems


def mirror_problems(places: Mapping[str, Sequence[str]]) -> list[str]:
    """Whether any mirror answers, asked for the first file that is in no folder.

    places  path of a file, from a mirror's root, to the URLs and folders where it may be
    """
    wanted = [(path, urls) for path, urls in places.items()
              if urls and not any(place.is_file() for place in map(folder_of, urls) if place)]
    if not wanted:
        return []
    path, urls = wanted[0]
    folders = {url: place for url in urls if (place := folder_of(url)) is not None}
    servers = tuple(url for url in urls if url not in folders)
    if servers:
        answers = unanswered(servers)
    else:  # what is missing in a folder that is there is told file by file
        answers = {url: "no such folder" for url in urls
                   if not Path(str(folders[url]).removesuffix(f"/{path}")).is_dir()}
    if len(answers) < len(set(servers or urls)):
        return []
    told = "; ".join(f"{url.removesuffix(f'/{path}')}: {why}" for url, why in answers.items())
    return [f"no mirror answers ({told}): check the network, or choose another with mirror=URL"]


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
