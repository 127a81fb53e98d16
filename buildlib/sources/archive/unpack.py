"""Unpacking archives: into the store as a tree, or into a work folder as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from buildlib.model.errors import ArchiveError
from buildlib.model.tree import ROOT, Entry, Tree, tree_of
from buildlib.sources.archive import compress, tar
from buildlib.store.packs import PackWriter

SMALL = 1 << 20
_HOPS = 40  # MAXSYMLINKS of Linux; NetBSD's is 32
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

Tell: TypeAlias = Callable[[int], None]  # compressed bytes read so far


def ingest(
    path: Path, pack: PackWriter, *, origin: str, where: str, tell: Tell | None = None
) -> Tree:
    """Add the files of the archive at `path` to `pack`. Return its tree, marked with `origin`.

    Members may be of any kind; hard links share an inode label. Raises ArchiveError.
    """
    entries: dict[str, Entry] = {}
    seen = [0]
    reader = tar.Reader(compress.chunks(path, where=where, seen=seen), where=where)
    for member in reader:
        sha256, size = "", 0
        if member.hardlink:
            first = entries[member.hardlink]
            first = replace(first, inode=first.inode or f"{origin}/{first.path}")
            entries[first.path] = first
            entries[member.path] = replace(first, path=member.path)  # one inode, one owner and mode
            continue
        if member.kind == "file":
            size = member.size
            if size <= SMALL:
                sha256 = pack.add(reader.all_data())
            else:
                sha256, size = pack.add_pieces(reader.data())
        entries[member.path] = Entry(
            member.path,
            member.kind,
            member.mode,
            member.uid,
            member.gid,
            member.time,
            size,
            sha256,
            member.link,
            member.device,
            "",
            origin,
        )
        if tell is not None:
            tell(seen[0])
    return tree_of(entries.values())


def extract(archives: Iterable[tuple[Path, str]], folder: Path, *, tell: Tell | None = None) -> int:
    """Unpack source archives, given as (path, name in errors), into `folder`.

    Files belong to the current user; times are kept, since make compares them. Files left by an
    earlier try are replaced. Devices, and links that lead out of `folder`, are rejected: sources
    have none. Returns the number of members.
    """
    count = base = 0
    writer = _Extraction(str(folder))
    for path, where in archives:
        seen, reported = [0], 0
        reader = tar.Reader(compress.chunks(path, where=where, seen=seen), where=where)
        for member in reader:
            writer.add(reader, member, where)
            count += 1
            if tell is not None and seen[0] != reported:
                reported = seen[0]
                tell(base + reported)
        base += path.stat().st_size
    writer.finish()
    return count


class _Extraction:
    """Extracts archives into one folder. Nothing is ever written through a link.

    It first tries to create a file, and looks at an existing one only if that fails: in a fresh
    folder a file takes four system calls.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._real = {root}  # folders known to be folders
        self._times: dict[str, int] = {}
        self._links: dict[str, str] = {}

    def add(self, reader: tar.Reader, member: tar.Member, where: str) -> None:
        """Create one member."""
        target = self._root if member.path == ROOT else f"{self._root}/{member.path}"
        kind = member.kind
        if kind == "dir":
            self._folder(target, f"{where}: {member.path}")
            self._times[target] = member.time
            return
        folder = target.rpartition("/")[0]
        if folder not in self._real:
            self._folder(folder, f"{where}: {member.path}")
        if kind not in {"file", "link"}:
            raise ArchiveError(
                f"a {kind} node in a source set",
                where=f"{where}: {member.path}",
                hint="source sets contain only files, folders and links",
                reason="member-type",
            )
        try:
            self._make(reader, member, target)
        except FileExistsError:
            self._clear(target, f"{where}: {member.path}")
            self._make(reader, member, target)
        if kind == "link":
            self._links[target] = f"{where}: {member.path} -> {member.link}"

    def _make(self, reader: tar.Reader, member: tar.Member, target: str) -> None:
        """Create a file or link. Raises FileExistsError before it reads data."""
        if member.kind == "link":
            os.symlink(member.link, target)
        elif member.hardlink:
            os.link(f"{self._root}/{member.hardlink}", target)
        else:
            _write(reader, member, target)

    def finish(self) -> None:
        """Set the times of folders; reject links that lead out, even through other links."""
        for link, at in self._links.items():
            if self._leads_out(link):
                os.unlink(link)
                raise ArchiveError(
                    "a symbolic link leads out of the sources", where=at, reason="escape"
                )
        for folder, time in self._times.items():
            os.utime(folder, (time, time))

    def _leads_out(self, link: str) -> bool:
        """Whether a link leads out of the root.

        No system follows a link through more than _HOPS others, each of which is checked itself.
        """
        todo = link.removeprefix(f"{self._root}/").split("/")[::-1]
        here: list[str] = []
        hops = 0
        while todo and hops <= _HOPS:
            part = todo.pop()
            if part == "..":
                if not here:
                    return True
                here.pop()
            elif part not in {"", "."}:
                here.append(part)
                path = "/".join([self._root, *here])
                if path not in self._real and (target := _target(path)) is not None:
                    if target.startswith("/"):
                        return True
                    hops += 1
                    here.pop()
                    todo += target.split("/")[::-1]
        return False

    def _folder(self, path: str, at: str) -> None:
        """Create a folder and its parents; reject anything else in its place."""
        if path in self._real:
            return
        self._folder(os.path.dirname(path), at)
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            if os.path.islink(path) or not os.path.isdir(path):
                raise ArchiveError(
                    "it lies below a file or link of another set", where=at, reason="escape"
                ) from None
        self._real.add(path)

    def _clear(self, target: str, at: str) -> None:
        try:
            os.unlink(target)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError) as error:
            if not os.path.isdir(target):
                raise
            raise ArchiveError(
                "it would replace a folder of another set", where=at, reason="duplicate-path"
            ) from error
        self._links.pop(target, None)


def _target(path: str) -> str | None:
    """The target of the link at `path`, or None if it is not a link."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _write(reader: tar.Reader, member: tar.Member, target: str) -> None:
    descriptor = os.open(target, _NEW, member.mode & 0o777 | 0o600)
    try:
        for piece in reader.data():
            done = os.write(descriptor, piece)
            while done < len(piece):
                done += os.write(descriptor, memoryview(piece)[done:])
        os.utime(descriptor, ns=(member.time * 1_000_000_000,) * 2)
    finally:
        os.close(descriptor)
