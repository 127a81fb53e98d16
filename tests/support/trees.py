"""Trees for tests: entries written in one line each, and trees made by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from buildlib.words.digest import sha256
from buildlib.words.tree import Entry

TIME = 1_700_000_000

Contents = dict[Entry, bytes]


def file(
    path: str, data: bytes = b"", mode: int = 0o644, *, uid: int = 0, gid: int = 0,
    time: int = TIME, inode: str = "",
) -> Contents:
    """A file and its content."""
    entry = Entry(path, "file", mode, uid, gid, time, len(data), sha256(data), inode=inode)
    return {entry: data}


def folder(path: str, mode: int = 0o755, *, uid: int = 0, gid: int = 0, time: int = TIME
           ) -> Contents:
    """A folder."""
    return {Entry(path, "dir", mode, uid, gid, time): b""}


def link(path: str, target: str, *, uid: int = 0, gid: int = 0, time: int = TIME) -> Contents:
    """A symbolic link."""
    return {Entry(path, "link", 0o755, uid, gid, time, link=target): b""}


def char(path: str, major: int, minor: int, mode: int = 0o600, *, time: int = TIME) -> Contents:
    """A character device."""
    return {Entry(path, "char", mode, 0, 0, time, device=(major, minor)): b""}


def block(path: str, major: int, minor: int, mode: int = 0o640, *, time: int = TIME) -> Contents:
    """A block device."""
    return {Entry(path, "block", mode, 0, 5, time, device=(major, minor)): b""}


def fifo(path: str, mode: int = 0o600, *, time: int = TIME) -> Contents:
    """A named pipe."""
    return {Entry(path, "fifo", mode, 0, 0, time): b""}
