"""Checks recipes against the store and the overlays, before anything is built from them.

The contents of sets and packages are known once they are unpacked. Until then, what a recipe
removes or keeps is checked only when its tree is composed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from buildlib.config.amount import amount
from buildlib.engine.engine import Engine
from buildlib.engine.stage import Stage
from buildlib.formats.iso9660.layout import FILE_LIMIT
from buildlib.model.errors import ConfigError, GoldmasterError
from buildlib.model.names import PATH_LIMIT, covers
from buildlib.model.tree import Tree, overlay
from buildlib.sources.folder import Folder, check_folder
from buildlib.sources.spec_overrides import did_you_mean
from buildlib.stages.images.ffs import FfsImage
from buildlib.stages.system.root import Root

_DISC = "tree:cd"


def tree_problems(
    engine: Engine, stages: Mapping[str, Stage], *, room: int
) -> Iterator[ConfigError]:
    """Everything that prevents these stages' trees and images from being made.

    stages  those that are about to run
    room    free bytes on their disk
    """
    for name, stage in stages.items():
        if isinstance(stage, Root) and name != _DISC:
            disc = engine.graph.stages.get(_DISC) if name == "root:dom0" else None
            yield from _overlays(stage, disc if isinstance(disc, Root) else None)
            yield from _sets(engine, name.removeprefix("root:"), stage)
        elif isinstance(stage, FfsImage):
            size, _ = amount(stage.free)
            if size > room:
                yield ConfigError(
                    f"an image of more than {size} bytes",
                    why=f"only {room} are free on the disk",
                    where=f"{_recipe(name.removeprefix('image:'))}: free",
                    reason="no-space",
                    hint="leave less space free in it, or use another disk: build=FOLDER",
                )


def _recipe(name: str) -> str:
    return "recipes/dom0.toml" if name == "dom0" else f"recipes/domu/{name}.toml"


def _overlays(stage: Root, disc: Root | None) -> Iterator[ConfigError]:
    placed = _texts(stage) | dict.fromkeys(stage.files or {}, "the kernel")
    if disc is not None:
        placed |= dict.fromkeys(disc.files or {}, "a kernel, the hypervisor or an image")
        placed |= _texts(disc)
    for source in stage.overlays:
        try:
            folder = check_folder(source.path, source.spec, origin=source.name, time=stage.time)
        except ConfigError as error:
            yield error
            continue
        yield from _unfit(folder, source.name, placed, is_disc=disc is not None)


def _texts(stage: Root) -> dict[str, str]:
    return {path: f"the {text.origin}" for path, text in (stage.texts or {}).items()}


def _unfit(
    folder: Folder, name: str, placed: Mapping[str, str], *, is_disc: bool
) -> Iterator[ConfigError]:
    """Entries that no image can have, and those at the path of something else."""
    for entry in folder.tree:
        where = f"{name}/{entry.path}"
        if is_disc and entry.size >= FILE_LIMIT:
            yield ConfigError(
                f"a file of {entry.size} bytes cannot be put on a CD",
                where=where,
                why="ISO 9660 has 32 bits for a file's size: 4 GiB",
                hint="split the file, or keep it on a disk",
                reason="iso-size",
            )
        size = len(entry.link.encode(errors="surrogateescape")) if entry.link else 0
        if size > PATH_LIMIT:
            yield ConfigError(
                f"a link's target of {size} bytes cannot be written",
                where=where,
                why=f"NetBSD accepts at most {PATH_LIMIT} bytes",
                reason="overlay-link",
            )
        if entry.path in placed:
            yield ConfigError(
                f"{entry.path}: {placed[entry.path]} is at this path",
                where=where,
                hint="remove it from the overlay",
                reason="clash",
            )


def _sets(engine: Engine, name: str, stage: Root) -> Iterator[ConfigError]:
    """Files that the recipe removes or keeps, but that the sets do not have."""
    if not stage.remove and not stage.keep:
        return
    trees = _layers(engine, stage)
    if trees is None:
        return
    entries = overlay(*trees).by_path
    where = _recipe(name)
    may_come = (*stage.packages.outside, stage.packages.prefix) if stage.packages else ()

    def lacks(path: str) -> bool:
        return path not in entries and not covers(may_come, path)

    for number, path in enumerate(stage.remove):
        if lacks(path):
            yield ConfigError(
                f"{path} is in no set or package{did_you_mean(path, entries)}",
                where=f"{where}: remove[{number}]",
                reason="remove-missing",
            )
    for old, new in (stage.keep or {}).items():
        key = f"{where}: keep.{old}"
        if lacks(old):
            yield ConfigError(
                f"{old} is in no set or package{did_you_mean(old, entries)}",
                where=key,
                reason="rename-missing",
            )
        elif old in entries and entries[old].kind == "dir":
            yield ConfigError(
                f"{old} is a folder; only files can be kept", where=key, reason="rename-missing"
            )
        if new in entries and not covers(stage.remove, new) and new not in (stage.keep or {}):
            yield ConfigError(
                f"{new} is already in the sets",
                where=key,
                reason="clash",
                hint="choose another path, or remove the existing file",
            )


def _layers(engine: Engine, stage: Root) -> list[Tree] | None:
    """The trees below the overlays; None if one of them is not made yet."""
    trees = []
    for ref in stage.layers:
        decision = engine.done.get(ref.stage)
        if decision is None or decision.record is None:
            return None
        try:
            spec = decision.record.outputs[ref.output].blob
            trees.append(engine.store.trees.read(spec, where=ref.stage))
        except GoldmasterError:
            return None  # it will be made again
    return trees
