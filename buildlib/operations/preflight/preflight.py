"""Checks for everything that would make a long build fail, and reports it before the build starts.

A check returns problems: sentences that say what is wrong and what to do. The checks run once per
run, and only before something long (a toolchain, a kernel) or something from a mirror is made. A
run that has nothing to do, or only a changed overlay, skips them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path

from buildlib.config.build_sh import Space
from buildlib.config.configuration import Configuration
from buildlib.config.release import Release
from buildlib.engine.engine import Engine
from buildlib.engine.product import Product
from buildlib.engine.stage import Stage
from buildlib.host.environment import forbids_files, forbids_programs, free_bytes, free_files
from buildlib.host.os_errors import SPACE_HINT, is_nearly_full, space_left
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations.preflight.compilers import compiler_problems
from buildlib.operations.preflight.pending_work import PendingWork, long_ones, pending, work_of
from buildlib.operations.preflight.tree_check import tree_problems
from buildlib.plan.plan import Plan
from buildlib.sources.mirrors import Mirrors, mirrors_of
from buildlib.sources.web.probe import folder_of, unanswered
from buildlib.store.store import Store

# MB for images, packages and the store's own files, but never more than the build itself takes.
MARGIN_MB = 200
_MB = 10**6
_NAMED = 3  # files named in a message
# Errors of a missing or incomplete lock: there is no plan, but the host can be checked.
NO_LOCK = frozenset({"no-lock", "no-key", "stale-lock", "incomplete-lock"})


def check(engine: Engine, plan: Plan, names: Sequence[str]) -> None:
    """Raise ConfigError with all problems if a run that makes `names` cannot succeed."""
    coming = pending(engine, names)
    found = tree_problems(engine, coming, room=free_bytes(engine.store.build))
    wrong = {tuple(error.told()): error for error in found}  # recipes may share overlays
    work = work_of(
        engine, {name: coming[name] for name in long_ones(engine, names) if name in coming}
    )
    problems = [problem for lines in wrong for problem in lines]
    if work.compiles:
        problems += host_problems(plan.release, work, engine.store)
        reported = _compilers(plan.release) if work.toolchain else frozenset()
        problems += tool_problems(engine, tuple(coming.values()), reported=reported)
        problems += product_problems(plan.products[name] for name in names if name in plan.products)
    pressed = {product.folder for product in plan.products.values()}
    if not pressed.intersection(map(folder_of, plan.mirrors.roots)):
        problems += fetch_problems(plan.mirrors, work.fetches)
    if tuple(problems) in wrong:  # the only one
        raise wrong[tuple(problems)]
    if problems:
        raise ConfigError(
            "this build cannot succeed",
            where=f"release {plan.release.name}",
            problems=tuple(problems),
            hint="fix all of these, then run again; nothing was started",
            reason="preflight",
        )


def unlocked_problems(configuration: Configuration, store: Store) -> tuple[str, ...]:
    """Problems of the host for a release with an incomplete lock: nothing is built yet.

    Empty while a recipe cannot be read, because what is to be built is not known.
    """
    if configuration.unread:
        return ()
    release, settings = configuration.release, configuration.settings
    kernels = {recipe.kernel for recipe in configuration.recipes.values()}
    work = PendingWork(sources=True, toolchain=True, kernels=len(kernels))
    problems = host_problems(release, work, store)
    if settings.mirror or not release.mirror_source:
        mirrors = mirrors_of(release, mirror=settings.mirror, offline=settings.offline)
        problems += fetch_problems(mirrors, (release.signature.list,))
    return tuple(problems)


def host_problems(release: Release, work: PendingWork, store: Store) -> list[str]:
    """What the disk and the compilers lack for `work`, which includes compiling."""
    problems = space_problems(
        release.build.space,
        work,
        store.build,
        unfinished=lambda: store.workspaces.unfinished(("src", "tools")),
    )
    if forbids_programs(store.build):  # build.sh runs what it has compiled
        problems.append(
            f"programs cannot be run below {store.build}: its file system is mounted "
            "noexec; choose another disk with build=FOLDER, or mount it with exec"
        )
    if not work.toolchain:
        return problems
    try:
        found = compiler_problems(release.build.compiler, store.runner, Path(store.blobs.fresh()))
    except OSError as error:
        found = [f"nothing can be compiled below {store.build}: {error.strerror}"]
    if found and is_nearly_full(store.build):  # then this is why compilers fail
        found = [f"nothing can be compiled: only {space_left(store.build)}: {SPACE_HINT}"]
    return problems + found


def _compilers(release: Release) -> frozenset[str]:
    return frozenset({release.build.compiler.c, release.build.compiler.cxx})


# the checks


def space_problems(
    space: Space, work: PendingWork, folder: Path, *, unfinished: Callable[[], tuple[int, int]]
) -> list[str]:
    """Whether there is room below `folder` for the bytes and files that `work` takes.

    unfinished  bytes and files of an interrupted build there, which is resumed
    """
    size, files = need(space, work)
    bytes_left, files_left = free_bytes(folder), free_files(folder)
    if size > bytes_left or (files_left is not None and files > files_left):
        size_made, files_made = unfinished()
        size, files = size - size_made, files - files_made
    do = "run `doit gc`, which may free some, or choose another disk with build=FOLDER"
    problems = []
    if size > bytes_left:
        problems.append(
            f"the build needs {_size(size)}, but only {_size(bytes_left)} are free below {folder}: "
            f"{do}"
        )
    if files_left is not None and files > files_left:
        problems.append(
            f"the build makes {files} files, but the disk has room for only {files_left} below "
            f"{folder}: {do}"
        )
    return problems


def need(space: Space, work: PendingWork) -> tuple[int, int]:
    """Bytes and files that `work` takes; files in proportion to bytes."""
    total = space.sources + space.toolchain + space.kernel * max(1, work.kernels)
    part = (
        space.sources * work.sources
        + space.toolchain * work.toolchain
        + space.kernel * work.kernels
    )
    if not part:
        return 0, 0
    return (part + min(part, MARGIN_MB)) * _MB + work.download, space.files * part // total


def tool_problems(engine: Engine, stages: Sequence[Stage], *, reported: Set[str]) -> list[str]:
    """What `stages` need from the host and is missing, without the tools in `reported`."""
    known = {f"the tool {name} is not installed" for name in reported}
    missing = {error.what: error.hint for stage in stages for error in engine.keys.missing(stage)}
    return [f"{what}: {hint}" for what, hint in missing.items() if what not in known]


def product_problems(products: Iterable[Product]) -> list[str]:
    """Whether products can be written to their folders."""
    reasons = {
        product.folder: (product.name, why)
        for product in products
        if (why := forbids_files(product.folder, product.files))
    }
    return [
        f"{name} cannot be written to {folder}: {why}: choose another folder with dist=FOLDER"
        for folder, (name, why) in reasons.items()
    ]


def fetch_problems(mirrors: Mirrors, paths: Sequence[str]) -> list[str]:
    """Whether `paths`, which are not in the store, can be fetched."""
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
        problems.append(
            f"not in the store, and fetching is disabled (offline): "
            f"{', '.join(refused[:_NAMED])}{more}: run once with offline=no"
        )
    return problems


def mirror_problems(places: Mapping[str, Sequence[str]]) -> list[str]:
    """Whether any mirror answers a request for the first file that is in no local folder.

    places  path of a file, from a mirror's root, to the URLs and folders where it may be
    """
    wanted = [
        (path, urls)
        for path, urls in places.items()
        if urls and not any(place.is_file() for place in map(folder_of, urls) if place)
    ]
    if not wanted:
        return []
    path, urls = wanted[0]
    folders = {url: place for url in urls if (place := folder_of(url)) is not None}
    servers = tuple(url for url in urls if url not in folders)
    if servers:
        answers = unanswered(servers)
    else:  # files missing in an existing folder are reported one by one later
        answers = {
            url: "no such folder"
            for url in urls
            if not Path(str(folders[url]).removesuffix(f"/{path}")).is_dir()
        }
    if len(answers) < len(set(servers or urls)):
        return []
    reasons = "; ".join(f"{url.removesuffix(f'/{path}')}: {why}" for url, why in answers.items())
    return [f"no mirror answers ({reasons}): check the network, or choose another with mirror=URL"]


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
