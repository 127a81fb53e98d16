"""What is done with an archive: into the store as a tree, or into a work folder as files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from buildlib.sources.archive import compress, tar
from buildlib.store.packs import PackWriter
from buildlib.words.errors import ArchiveError
from buildlib.words.tree import Entry, Tree, tree_of

SMALL = 1 << 20

Tell: TypeAlias = Callable[[int], None]  # packed bytes read so far


def ingest(
    path: Path, pack: PackWriter, *, origin: str, where: str, tell: Tell | None = None
) -> Tree:
    """Put the files of the archive at `path` into `pack`; the tree it holds, of `origin`.

    Members may be of any kind; hard links share an inode label. Raises ArchiveError.
    """
    entries: dict[str, Entry] = {}
    seen = [0]
    reader = tar.Reader(compress.chunks(path, where=where, seen=seen), where=where)
    for member in reader:
        sha256, size, inode = "", 0, ""
        if member.hardlink:
            first = entries[member.hardlink]
            inode = first.inode or f"{origin}/{first.path}"
            entries[first.path] = replace(first, inode=inode)
            sha256, size = first.sha256, first.size
        elif member.kind == "file":
            size = member.size
            if size <= SMALL:
                sha256 = pack.add(reader.all_data())
            else:
                sha256, size = pack.add_pieces(reader.data())
        entries[member.path] = Entry(
            member.path, member.kind, member.mode, member.uid, member.gid, member.time,
            size, sha256, member.link, member.device, inode, origin,
        )
        if tell is not None:
            tell(seen[0])
    return tree_of(entries.values())


def extract(
    archives: Iterable[tuple[Path, str]], folder: Path, *, tell: Tell | None = None
) -> int:
    """Unpack source archives, given as (path, how errors name it), into `folder`.

    Files belong to whoever runs this; times are kept, since make compares them. What an earlier
    try left is replaced. Devices, and links that lead out of `folder`, are refused: sources have
    none. Returns the number of members.
    """
    count = base = 0
    for path, where in archives:
        seen = [0]
        reader = tar.Reader(compress.chunks(path, where=where, seen=seen), where=where)
        folders: list[tuple[str, int]] = []
        for member in reader:
            _extract_one(reader, member, str(folder), folders, where)
            count += 1
            if tell is not None:
                tell(base + seen[0])
        for name, time in reversed(folders):
            os.utime(name, (time, time))
        base += path.stat().st_size
    return count


def _extract_one(
    reader: tar.Reader, member: tar.Member, folder: str, folders: list[tuple[str, int]], where: str
) -> None:
    target = f"{folder}/{member.path}"
    if member.kind == "dir":
        _folder(target, folder)
        folders.append((target, member.time))
        return
    if member.kind in {"char", "block", "fifo"}:
        raise ArchiveError(
            f"a {member.kind} node among sources",
            where=f"{where}: {member.path}",
            hint="source sets hold files, folders and links only",
            reason="member-type",
        )
    if member.kind == "link" and _leaves(member.path, member.link):
        raise ArchiveError(
            "a symbolic link leads out of the sources",
            where=f"{where}: {member.path} -> {member.link}",
            reason="escape",
        )
    _folder(os.path.dirname(target), folder)
    if os.path.lexists(target):
        os.unlink(target)
    if member.kind == "link":
        os.symlink(member.link, target)
    elif member.hardlink:
        os.link(f"{folder}/{member.hardlink}", target)
    else:
        _write(reader, member, target)


def _write(reader: tar.Reader, member: tar.Member, target: str) -> None:
    descriptor = os.open(
        target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, member.mode & 0o777 | 0o600
    )
    try:
        for piece in reader.data():
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
        os.utime(descriptor, (member.time, member.time))
    finally:
        os.close(descriptor)


def _folder(path: str, root: str) -> None:
    """Make a folder and those above it; a link in its place (of another archive) is refused."""
    if os.path.islink(path):
        raise ArchiveError("a folder would be a link of another set", where=path, reason="escape")
    if not os.path.isdir(path):
        if path != root:
            _folder(os.path.dirname(path), root)
        os.mkdir(path, 0o755)


def _leaves(path: str, link: str) -> bool:
    goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return link.startswith("/") or goal == ".." or goal.startswith("../")
