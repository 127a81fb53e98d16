"""A server's configuration partition, as a tree.

    GOLDMASTER   the marker file
    local/       the folder of the host or domU
    global/      what all servers share

A plain copy is identical wherever and whenever it is made: owners, modes and times follow a rule
instead of the machine's files. Checkouts keep the modes and times that Subversion set, since it
recognises its files by their times.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from buildlib.model.errors import ConfigError
from buildlib.model.tree import ROOT, Entry, Tree, tree_of
from buildlib.store.source_files import walk

MARKER, LOCAL, SHARED = "GOLDMASTER", "local", "global"
KEYS = "/config/keys"
_SECRET = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_EMPTY = hashlib.sha256(b"").hexdigest()


class Texts(dict[str, bytes]):
    """Contents by SHA-256 (hex), in memory, since a configuration is small."""

    def keep(self, data: bytes) -> str:
        """Add a content; returns its digest."""
        name = hashlib.sha256(data).hexdigest()
        self[name] = data
        return name


def copied(local: Path, shared: Path, texts: Texts, *, time: int) -> Tree:
    """A plain copy of two folders: root:wheel, mode 0644, or 0755 for folders and executables.

    Raises ConfigError for what a configuration must not contain: devices, private keys.
    """
    return _tree(
        [
            entry
            for name, folder in ((LOCAL, local), (SHARED, shared))
            for entry in (
                Entry(name, "dir", 0o755, time=time),
                *_copies(name, folder, texts, time=time),
            )
        ],
        time=time,
    )


def checked_out(local: Path, shared: Path, texts: Texts, *, time: int) -> Tree:
    """Two checkouts with all of Subversion's files; `time` is that of the root."""
    return _tree(
        [
            entry
            for name, folder in ((LOCAL, local), (SHARED, shared))
            for entry in (
                Entry(name, "dir", 0o755, time=_seconds(folder.lstat())),
                *_as_they_are(f"{name}/", str(folder), texts),
            )
        ],
        time=time,
    )


def _tree(entries: list[Entry], *, time: int) -> Tree:
    secret = [entry.path for entry in entries if entry.origin == "secret"]
    if secret:
        raise ConfigError(
            "the configuration contains private keys",
            problems=tuple(secret),
            hint=f"create a server's keys on the server, in {KEYS}, and keep them there; everyone "
            "who can read the repository can read the site",
            reason="private-key",
        )
    return tree_of(
        [
            Entry(ROOT, "dir", 0o755, time=time),
            Entry(MARKER, "file", 0o644, time=time, sha256=_EMPTY),
            *entries,
        ]
    )


def _copies(name: str, folder: Path, texts: Texts, *, time: int) -> Iterator[Entry]:
    for path, child in walk(str(folder)):
        here = f"{name}/{path}"
        if child.is_symlink():
            yield Entry(here, "link", 0o755, time=time, link=os.readlink(child.path))
        elif child.is_dir():
            yield Entry(here, "dir", 0o755, time=time)
        else:
            data, status = _read(child.path)
            yield Entry(
                here,
                "file",
                0o755 if status.st_mode & 0o100 else 0o644,
                time=time,
                size=len(data),
                sha256=texts.keep(data),
                origin="secret" if _SECRET.match(data) else "",
            )


def _as_they_are(prefix: str, folder: str, texts: Texts) -> Iterator[Entry]:
    """Everything below a folder in order of names, with its modes and times."""
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        here, status = f"{prefix}{child.name}", child.stat(follow_symlinks=False)
        time, mode = _seconds(status), stat.S_IMODE(status.st_mode) & 0o755
        if child.is_symlink():
            yield Entry(here, "link", 0o755, time=time, link=os.readlink(child.path))
        elif child.is_dir():
            yield Entry(here, "dir", mode, time=time)
            yield from _as_they_are(f"{here}/", child.path, texts)
        else:
            data, _ = _read(child.path)
            yield Entry(
                here,
                "file",
                mode,
                time=time,
                size=len(data),
                sha256=texts.keep(data),
                origin="secret" if _SECRET.match(data) else "",
            )


def _seconds(status: os.stat_result) -> int:
    return int(status.st_mtime)


def _read(path: str) -> tuple[bytes, os.stat_result]:
    """Content and status of a regular file, without blocking. Raises ConfigError otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:  # a socket cannot even be opened
        raise ConfigError(
            "a file of the configuration cannot be read",
            where=path,
            why=error.strerror,
            reason="unreadable",
        ) from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(
                "not a file, folder or link",
                where=path,
                hint="a configuration cannot contain devices",
                reason="not-a-file",
            )
        return file.read(), status
