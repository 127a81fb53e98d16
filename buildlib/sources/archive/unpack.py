"""What is done with an archive: into the store as a tree, or into a work folder as files."""

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
            member.path, member.kind, member.mode, member.uid, member.gid, member.time,
            size, sha256, member.link, member.device, "", origin,
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
    writer = _Extraction(str(folder))
    for path, where in archives:
        seen, told = [0], 0
        reader = tar.Reader(compress.chunks(path, where=where, seen=seen), where=where)
        for member in reader:
            writer.add(reader, member, where)
            count += 1
            if tell is not None and seen[0] != told:
                told = seen[0]
                tell(base + told)
        base += path.stat().st_size
    writer.finish()
    return count


class _Extraction:
    """Archives going into one folder. Nothing is written through a link, whatever made it.

    Everything is made in the hope that its place is free, and only where it is not is looked at
    what is there: in a fresh folder a file costs four system calls.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._real = {root}  # folders known to be folders
        self._times: dict[str, int] = {}
        self._links: dict[str, str] = {}

    def add(self, reader: tar.Reader, member: tar.Member, where: str) -> None:
        """Make one member."""
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
                f"a {kind} node among sources",
                where=f"{where}: {member.path}",
                hint="source sets hold files, folders and links only",
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
        """Make a file or link where nothing is. Raises FileExistsError before it reads data."""
        if member.kind == "link":
            os.symlink(member.link, target)
        elif member.hardlink:
            os.link(f"{self._root}/{member.hardlink}", target)
        else:
            _write(reader, member, target)

    def finish(self) -> None:
        """Set the times of folders; refuse links that lead out, be it by way of other links."""
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

        A link that leads through more than _HOPS others is none that a system follows; each of
        those is looked at for itself.
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
        """Make a folder and those above it; anything else in its place is refused."""
        if path in self._real:
            return
        self._folder(os.path.dirname(path), at)
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            if os.path.islink(path) or not os.path.isdir(path):
                raise ArchiveError(
                    "lies below a file or link of another set", where=at, reason="escape"
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
                "would replace a folder of another set", where=at, reason="duplicate-path"
            ) from error
        self._links.pop(target, None)


def _target(path: str) -> str | None:
    """Where the link at `path` leads; None for what is none."""
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
