"""Building a second time from nothing, elsewhere, and comparing what came out.

The other place is a copy of the checkout under another path, its files made in another order; there
another process builds with an empty store, another time zone, locale, umask, home, hash seed and
number of jobs. What was fetched is pinned: it is taken over, not fetched again.
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

# What nobody else has set: whatever gets through to an output makes it differ.
SURROUNDINGS = {
    "TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8",
    "HOME": "/somebody/else", "USER": "somebody", "LOGNAME": "somebody", "CFLAGS": "-O0",
    "PYTHONHASHSEED": "4711",
}
_UMASK = "077"
_NO_SOURCES = frozenset({"build", "dist", "__pycache__"})  # nor is any hidden folder


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the second image compares with the first.

    name    file name; digest: SHA-256 of the first
    same    whether every byte is
    stages  those with other outputs, what is needed first: the cause stands before its effects
    parts   what differs in the image: paths, each with what of it
    """

    name: str
    digest: str
    same: bool
    stages: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def copy_checkout(root: Path, target: Path, *, apart: Iterable[Path]) -> None:
    """Copy the project at `root`, its files in an order that readdir does not give.

    apart  folders that are not copied: stores and products, wherever the settings have them
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
    """All that was fetched, as a mirror has it; links to the store's blobs."""
    for name, stage in engine.graph.stages.items():
        if isinstance(stage, Fetch):
            target = folder / stage.path
            target.parent.mkdir(parents=True, exist_ok=True)
            blob = engine.outputs(name)["file"].blob
            target.symlink_to(engine.store.blobs.path(blob).resolve())


def rebuild(
    checkout: Path, words: Sequence[str], *, epoch: str | None, runner: Runner, log: Path,
    tell: Callable[[str], None],
) -> None:
    """Run doit with `words` in a copied checkout. Raises ToolError where it fails.

    epoch  SOURCE_DATE_EPOCH of the first build: it is an input
    tell   gets every line: the events of the run
    """
    environment = SURROUNDINGS | ({"SOURCE_DATE_EPOCH": epoch} if epoch else {})
    runner.run(["sh", "-c", f'umask {_UMASK}; exec "$@"', "sh", sys.executable, "-m", "doit",
                *words, "build=build", "dist=dist", "progress=json"],
               cwd=checkout, log=log, environment=environment, on_line=tell, fetches=True)


def verdicts(first: Path, second: Path, bases: Mapping[str, Sequence[str]]) -> Iterator[Verdict]:
    """Compare the images of two folders of products.

    bases  file name of each image to the names of its stages, what is needed first
    """
    for base, stages in bases.items():
        digest, other = _sha256(first / base), _sha256(second / base)
        if digest == other:
            yield Verdict(base, digest, same=True)
            continue
        ours, theirs = (_stage_outputs(folder / f"{base}.json") for folder in (first, second))
        parted = tuple(name for name in stages if ours.get(name) != theirs.get(name))
        yield Verdict(base, digest, same=False, stages=parted,
                      parts=tuple(_parts(first / base, second / base)))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stage_outputs(record: Path) -> dict[str, object]:
    stages = json_text.loads(record.read_bytes())["stages"]
    return {name: stage["outputs"] for name, stage in stages.items()}


def _parts(first: Path, second: Path) -> Iterator[str]:
    """What differs by the specs; where these agree, what lies where the bytes first differ."""
    ours, theirs = (
        {entry.path: entry for entry in parse(Path(f"{image}.mtree").read_bytes())}
        for image in (first, second))
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
        return "in one of them only"
    names = [field.name for field in fields(Entry)
             if getattr(first, field.name) != getattr(second, field.name)]
    return ", ".join("content" if name == "sha256" else name for name in names)
