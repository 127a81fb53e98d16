"""Folders of the checkout as trees.

git stores names, contents, links and the executable bit. All other attributes, and entries that git
cannot store (empty folders, devices, hard links), come from a spec beside the folder, so that no
owner, mode or time of the build host gets into an output; see `spec_overrides`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

from buildlib.host.reading import read_small
from buildlib.model.errors import ConfigError
from buildlib.model.spec import read_spec, spec_error
from buildlib.model.tree import ROOT, Entry, Tree, tree_of
from buildlib.sources.scripts import startable
from buildlib.sources.spec_overrides import Applied, Owner, apply
from buildlib.store.blobs import CHUNK
from buildlib.store.source_files import has_spec, regular, walk


class Contents(Protocol):
    """Receives the contents of files: a pack, or a test's dictionary."""

    def add_pieces(self, pieces: Iterable[bytes], /) -> tuple[str, int]:
        """Add one content given in pieces. Return its SHA-256 (hex) and size in bytes."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as a tree.

    said    the paths whose attributes the spec sets; other folders may take those of lower trees
    owners  path to owner by name; the system that gets the tree has the numbers
    spec    path of the spec, for errors
    """

    tree: Tree
    said: frozenset[str]
    owners: Mapping[str, Owner]
    spec: str


# Returns the SHA-256 (hex) and size of a file's content.
Digest: TypeAlias = "Callable[[os.DirEntry[str]], tuple[str, int]]"


def read_folder(folder: Path, spec: Path, pack: Contents, *, origin: str, time: int) -> Folder:
    """The tree of `folder`, with its contents added to `pack` and the given `time` by default.

    Other defaults: root:wheel, folders 0755, files 0644, or 0755 if they are executable.
    Raises ConfigError with all problems of the spec.
    """

    def digest(child: os.DirEntry[str]) -> tuple[str, int]:
        with open(child.path, "rb") as file:  # in pieces: an overlay may contain a disk image
            return pack.add_pieces(
                startable(iter(partial(file.read, CHUNK), b""), where=child.path)
            )

    entries = _entries(folder, digest, origin=origin, time=time)
    return _applied(folder, spec, entries, origin=origin, time=time)


def read_tree(folder: Path, spec: Path, pack: Contents, *, origin: str, time: int) -> Tree:
    """Only the tree, of a folder whose spec may not use names of users and groups."""
    found = read_folder(folder, spec, pack, origin=origin, time=time)
    if found.owners:
        raise spec_error(
            [
                (owner.line, f"{path}: names of owners are not known here; write uid and gid")
                for path, owner in found.owners.items()
            ],
            where=found.spec,
        )
    return found.tree


def check_folder(folder: Path, spec: Path, *, origin: str, time: int) -> Folder:
    """Like `read_folder`, but reads only contents for which the spec has a digest."""

    def digest(child: os.DirEntry[str]) -> tuple[str, int]:
        return "", child.stat().st_size

    try:
        return _applied(
            folder,
            spec,
            _entries(folder, digest, origin=origin, time=time),
            origin=origin,
            time=time,
        )
    except OSError as error:
        raise ConfigError(
            "the folder or a file in it cannot be read",
            where=error.filename or folder,
            why=error.strerror,
            reason="folder",
        ) from error


def _entries(folder: Path, digest: Digest, *, origin: str, time: int) -> dict[str, Entry]:
    entries = {ROOT: Entry(ROOT, "dir", 0o755, time=time, origin=origin)}
    for path, child in walk(str(folder)):
        entries[path] = _entry(path, child, digest, origin=origin, time=time)
    return entries


def _applied(
    folder: Path, spec: Path, entries: dict[str, Entry], *, origin: str, time: int
) -> Folder:
    if not has_spec(spec):
        return Folder(tree_of(entries.values()), frozenset(), {}, str(spec))
    try:
        data = read_small(spec)
    except OSError as error:
        raise ConfigError(
            "the spec cannot be read", where=spec, why=error.strerror, reason="folder"
        ) from error
    said = read_spec(data, where=str(spec))
    done: Applied = apply(said, entries, folder=str(folder), origin=origin, time=time)
    if done.problems:
        raise spec_error(sorted(done.problems), where=str(spec))
    return Folder(tree_of(done.entries.values()), frozenset(done.paths), done.owners, str(spec))


def _entry(path: str, child: os.DirEntry[str], digest: Digest, *, origin: str, time: int) -> Entry:
    if child.is_symlink():
        return Entry(path, "link", 0o755, time=time, link=os.readlink(child.path), origin=origin)
    if child.is_dir():
        return Entry(path, "dir", 0o755, time=time, origin=origin)
    mode = 0o755 if regular(child).st_mode & 0o100 else 0o644
    sha256, size = digest(child)
    return Entry(path, "file", mode, time=time, size=size, sha256=sha256, origin=origin)
