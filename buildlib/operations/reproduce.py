"""Builds a second time from scratch, elsewhere, and compares the results.

The second build runs in a copy of the checkout under another path, whose files were created in
another order, with an empty store and another time zone, locale, umask, home, hash seed and number
of jobs. Fetched files are pinned, so they are reused instead of fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from os.path import realpath
from pathlib import Path

from buildlib.engine.engine import Engine
from buildlib.host.process import Runner
from buildlib.model import json_text
from buildlib.model.mtree import parse
from buildlib.model.tree import Entry
from buildlib.stages.inputs.fetch import Fetch

# Unusual values: if any of them affects an output, the output differs.
SURROUNDINGS = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "tr_TR.UTF-8",
    "HOME": "/somebody/else",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "CFLAGS": "-O0",
    "PYTHONHASHSEED": "4711",
}
_UMASK = "077"
_NO_SOURCES = frozenset({"build", "dist", "__pycache__"})  # hidden folders are excluded too


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of comparing the second image with the first.

    name    file name; digest: SHA-256 of the first
    same    whether all bytes are equal
    stages  those with different outputs, dependencies first: the cause precedes its effects
    parts   what differs in the image: paths, each with its differences
    """

    name: str
    digest: str
    same: bool
    stages: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def copy_checkout(root: Path, target: Path, *, apart: Iterable[Path]) -> None:
    """Copy the project at `root`, creating its files in another order than readdir's.

    apart  folders that are not copied: stores and products, wherever the settings place them
    """
    target.mkdir(parents=True)
    left_out = {*map(realpath, apart)}
    for path in sorted(root.iterdir(), reverse=True):
        if path.name.startswith(".") or path.name in _NO_SOURCES or realpath(path) in left_out:
            continue
        _copy(path, target / path.name)


def _copy(path: Path, target: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        shutil.copy(path, target, follow_symlinks=False)
        return
    target.mkdir()
    for inner in sorted(path.iterdir(), reverse=True):
        if inner.name not in _NO_SOURCES:
            _copy(inner, target / inner.name)


def lay_out_mirror(engine: Engine, folder: Path) -> None:
    """Lay out all fetched files like a mirror, as links to the store's blobs."""
    for name, stage in engine.graph.stages.items():
        if isinstance(stage, Fetch):
            target = folder / stage.path
            target.parent.mkdir(parents=True, exist_ok=True)
            blob = engine.outputs(name)["file"].blob
            target.symlink_to(engine.store.blobs.path(blob).resolve())


def rebuild(
    checkout: Path,
    words: Sequence[str],
    *,
    epoch: str | None,
    runner: Runner,
    log: Path,
    tell: Callable[[str], None],
) -> None:
    """Run doit with `words` in a copied checkout. Raises ToolError if it fails.

    epoch  SOURCE_DATE_EPOCH of the first build, because it is an input
    tell   receives every line: the events of the run
    """
    environment = SURROUNDINGS | ({"SOURCE_DATE_EPOCH": epoch} if epoch else {})
    runner.run(
        [
            "sh",
            "-c",
            f'umask {_UMASK}; exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "doit",
            *words,
            "build=build",
            "dist=dist",
            "progress=json",
        ],
        cwd=checkout,
        log=log,
        environment=environment,
        on_line=tell,
        fetches=True,
    )


def verdicts(first: Path, second: Path, bases: Mapping[str, Sequence[str]]) -> Iterator[Verdict]:
    """Compare the images of two folders of products.

    bases  file name of each image to the names of its stages, dependencies first
    """
    for base, stages in bases.items():
        digest, other = _sha256(first / base), _sha256(second / base)
        if digest == other:
            yield Verdict(base, digest, same=True)
            continue
        ours, theirs = (_stage_outputs(folder / f"{base}.json") for folder in (first, second))
        parted = tuple(name for name in stages if ours.get(name) != theirs.get(name))
        yield Verdict(
            base,
            digest,
            same=False,
            stages=parted,
            parts=tuple(_parts(first / base, second / base)),
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stage_outputs(record: Path) -> dict[str, object]:
    stages = json_text.loads(record.read_bytes())["stages"]
    return {name: stage["outputs"] for name, stage in stages.items()}


def _parts(first: Path, second: Path) -> Iterator[str]:
    """Differences of the specs or, if these agree, the location of the first differing byte."""
    ours, theirs = (
        {entry.path: entry for entry in parse(Path(f"{image}.mtree").read_bytes())}
        for image in (first, second)
    )
    found = False
    for path in sorted(ours.keys() | theirs.keys()):
        how = _how(ours.get(path), theirs.get(path))
        if how:
            found = True
            yield f"{path}: {how}"
    if not found:
        from buildlib.operations.burn_check import compare

        difference = compare(first, second, tell=lambda _done, _size: None)
        if difference:
            yield f"{difference.place}: {difference.how}, at byte {difference.offset}"


def _how(first: Entry | None, second: Entry | None) -> str:
    if first is None or second is None:
        return "only in one of them"
    names = [
        field.name
        for field in fields(Entry)
        if getattr(first, field.name) != getattr(second, field.name)
    ]
    return ", ".join("content" if name == "sha256" else name for name in names)
