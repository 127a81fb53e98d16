"""Folders of the checkout as trees.

git keeps names, contents, links and the executable bit. Everything else of an entry, and entries
that git cannot hold (empty folders, devices, hard links), comes from a spec beside the folder,
so that no owner, mode or time of the build host gets into an output. A line for what the folder
does not have says its type: one without is a path misspelt.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from buildlib.store.blobs import CHUNK
from buildlib.store.seen import Seen
from buildlib.words.digest import sha256
from buildlib.words.errors import ConfigError
from buildlib.words.mtree import entry_from, parse_overrides, reason_of
from buildlib.words.tree import ROOT, Entry, Tree, tree_of

# What editors, version control and the Finder leave behind is never part of a system.
IGNORED = frozenset({
    ".git", ".gitattributes", ".gitignore", ".gitkeep", ".svn", ".DS_Store", "__pycache__"})
_EDITORS = re.compile(r".*~|\.#.*|#.*#|\..*\.sw[a-p]", re.DOTALL)  # Emacs and vi


class Contents(Protocol):
    """What takes the contents of files: a pack, or a test's dictionary."""

    def add_pieces(self, pieces: Iterable[bytes], /) -> tuple[str, int]:
        """Keep one content that comes in pieces; its SHA-256 (hex) and size in bytes."""


def walk(folder: str, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(relative path, entry) for all that is below `folder`, folders first, names sorted."""
    with os.scandir(folder) as listing:
        children = sorted(
            (child for child in listing
             if child.name not in IGNORED and not _EDITORS.fullmatch(child.name)),
            key=lambda child: child.name,
        )
    for child in children:
        path = f"{prefix}{child.name}"
        yield path, child
        if child.is_dir(follow_symlinks=False):
            yield from walk(child.path, f"{path}/")


def fingerprint(folder: Path, spec: Path, seen: Seen) -> dict[str, str]:
    """Path to what the tree made of it depends on: digest and executable bit, link, or folder.

    One `lstat` a file while nothing changed. Raises ConfigError where the folder is missing or
    cannot be read.
    """
    prints = {}
    seen.note(folder)
    try:
        for path, child in walk(str(folder)):
            if child.is_symlink():
                seen.note(child.path, follow=False)
                prints[path] = f"link {os.readlink(child.path)}"
            elif child.is_dir():
                seen.note(child.path)
                prints[path] = "dir"
            else:
                status = _regular(child)
                digest = seen.sha256(child.path, status)
                prints[path] = f"{'exec' if status.st_mode & 0o100 else 'file'} {digest}"
        seen.note(spec)
        if spec.exists():
            prints[f"../{spec.name}"] = f"spec {seen.sha256(str(spec))}"
    except OSError as error:
        raise ConfigError(
            "the folder or a file in it cannot be read", where=error.filename or folder,
            why=error.strerror, reason="folder",
        ) from error
    return prints


def _regular(child: os.DirEntry[str]) -> os.stat_result:
    """The status of a file. Raises ConfigError for a device, FIFO or socket: reading may hang."""
    status = child.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(
            "no file, folder or link", where=child.path,
            hint="devices and FIFOs are written in the spec beside the folder", reason="folder",
        )
    return status


def read_tree(folder: Path, spec: Path, pack: Contents, *, origin: str, time: int) -> Tree:
    """The tree of `folder`, its contents in `pack`, every entry of `time` unless the spec says.

    Defaults: root:wheel, folders 0755, files 0644, or 0755 where they are executable.
    Raises ConfigError for a spec that is wrong.
    """
    overrides = parse_overrides(spec.read_bytes(), where=str(spec)) if spec.exists() else {}
    entries = {ROOT: Entry(ROOT, "dir", 0o755, time=time, origin=origin)}
    for path, child in walk(str(folder)):
        entries[path] = _entry(path, child, pack, origin=origin, time=time)
    for path, keywords in overrides.items():
        try:
            base = entries.get(path) or _bare(path, keywords, origin=origin, time=time)
            entry = entry_from(path, keywords, base)
        except (ValueError, KeyError) as error:
            raise ConfigError(
                f"{path}: the spec's line is not usable", where=spec, why=reason_of(error),
                hint=None if path in entries else f"{folder.name} has no {path}",
                reason="overlay-spec",
            ) from error
        entries[path] = replace(entry, inode=entry.inode and f"{origin}/{entry.inode}")
    return tree_of(_same_inode(entries, spec).values())


def _entry(path: str, child: os.DirEntry[str], pack: Contents, *, origin: str, time: int) -> Entry:
    if child.is_symlink():
        return Entry(path, "link", 0o755, time=time, link=os.readlink(child.path), origin=origin)
    if child.is_dir():
        return Entry(path, "dir", 0o755, time=time, origin=origin)
    mode = 0o755 if _regular(child).st_mode & 0o100 else 0o644
    with open(child.path, "rb") as file:  # a disk image in an overlay must not fill the memory
        digest, size = pack.add_pieces(iter(partial(file.read, CHUNK), b""))
    return Entry(path, "file", mode, time=time, size=size, sha256=digest, origin=origin)


def _bare(path: str, keywords: dict[str, str], *, origin: str, time: int) -> Entry:
    """An entry only the spec has; a file is empty unless another name of its inode is not."""
    if keywords["type"] == "file":
        return Entry(path, "file", 0o644, time=time, sha256=sha256(b""), origin=origin)
    return Entry(path, "dir", 0o755, time=time, origin=origin)


def _same_inode(entries: dict[str, Entry], spec: Path) -> dict[str, Entry]:
    """Give all names of an inode the attributes and content of the one that has content."""
    first: dict[str, Entry] = {}
    for entry in entries.values():
        if not entry.inode:
            continue
        known = first.setdefault(entry.inode, entry)
        if entry.size and known.size and entry.sha256 != known.sha256:
            raise ConfigError(
                f"{known.path} and {entry.path} are one inode, but differ", where=spec,
                reason="overlay-spec",
            )
        if entry.size > known.size:
            first[entry.inode] = entry
    return {
        path: replace(first[entry.inode], path=path) if entry.inode else entry
        for path, entry in entries.items()
    }
