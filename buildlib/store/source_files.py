"""Folders of the checkout as inputs of keys: names, contents, links and executable bits.

Owners, modes and times on the build host do not matter. Attributes that git cannot store are in a
spec beside the folder, which is an input like any file.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from buildlib.model.errors import ConfigError
from buildlib.model.names import PATH_LIMIT
from buildlib.store.stat_cache import StatCache

# Files of version control, editors and the Finder are never part of a system.
IGNORED = frozenset(
    {".git", ".gitattributes", ".gitignore", ".gitkeep", ".svn", ".DS_Store", "__pycache__"}
)
_EDITORS = re.compile(r".*~|\.#.*|#.*#|\..*\.sw[a-p]", re.DOTALL)  # Emacs and vi


def walk(folder: str, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(relative path, entry) for everything below `folder`, folders first, names sorted."""
    with os.scandir(folder) as listing:
        children = sorted(
            (
                child
                for child in listing
                if child.name not in IGNORED and not _EDITORS.fullmatch(child.name)
            ),
            key=lambda child: child.name,
        )
    for child in children:
        path = f"{prefix}{child.name}"
        if len(path) > PATH_LIMIT:  # characters; a path has at least as many bytes
            raise OSError(errno.ENAMETOOLONG, f"NetBSD allows paths of {PATH_LIMIT} bytes", path)
        yield path, child
        if child.is_dir(follow_symlinks=False):
            yield from walk(child.path, f"{path}/")


def fingerprint(folder: Path, spec: Path, seen: StatCache) -> dict[str, str]:
    """Path to the properties that a tree made from it depends on: digest and executable bit, link
    target, or folder.

    Takes one `lstat` per unchanged file. Raises ConfigError if the folder is missing or unreadable.
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
                status = regular(child)
                digest = seen.sha256(child.path, status)
                prints[path] = f"{'exec' if status.st_mode & 0o100 else 'file'} {digest}"
        seen.note(spec)
        if has_spec(spec):
            prints[f"../{spec.name}"] = f"spec {seen.sha256(str(spec))}"
    except OSError as error:
        raise ConfigError(
            "the folder or a file in it cannot be read",
            where=error.filename or folder,
            why=error.strerror,
            reason="folder",
        ) from error
    return prints


def regular(child: os.DirEntry[str]) -> os.stat_result:
    """The status of a file. Raises ConfigError for a device, FIFO or socket, which could block."""
    status = child.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(
            "not a file, folder or link",
            where=child.path,
            hint="put devices and FIFOs into the spec beside the folder",
            reason="folder",
        )
    return status


def has_spec(spec: Path) -> bool:
    """Whether there is a spec. Raises ConfigError if it is not a regular file."""
    try:
        mode = os.stat(spec).st_mode
    except FileNotFoundError:
        if not spec.is_symlink():
            return False
        mode = 0
    if not stat.S_ISREG(mode):
        raise ConfigError(
            "the spec is not a file",
            where=spec,
            why="a spec is a regular file beside its folder",
            reason="folder",
        )
    return True
