"""Applies the declarations of install scripts to a tree instead of a running system.

The order is that of pkg_add and the scripts (mk/pkginstall/install): users and groups, the owners
of a package's files, directories, configuration files, special permissions. Numbers of users and
groups are determined before (`accounts`). No content is read: a configuration file has the content
of its example.

Paths are resolved through the tree's symbolic links, as in the kernel, so that no link leads a
declaration out of the places where a package may write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from buildlib.model.digest import sha256
from buildlib.model.errors import SourceError
from buildlib.model.tree import ROOT, Entry
from buildlib.pkgsrc.accounts import Names
from buildlib.pkgsrc.modes import apply_mode
from buildlib.pkgsrc.pkginstall import (
    ConfigFile,
    Declarations,
    Directory,
    Ownership,
    Permission,
)
from buildlib.pkgsrc.plist import Plist

_SHOWN = 20  # paths of one error
_HOPS = 32  # MAXSYMLINKS of NetBSD
_UMASK = 0o022
_NULL = "/dev/null"


@dataclass(frozen=True, slots=True)
class Installed:
    """A package whose files are in the tree."""

    name: str
    plist: Plist
    declared: Declarations


@dataclass(frozen=True, slots=True)
class Place:
    """Where packages may write: below their prefix, and at or below paths of a recipe.

    prefix   relative to the root, such as `usr/pkg`
    outside  likewise; `.` allows everything
    """

    prefix: str
    outside: tuple[str, ...]

    def check(self, written: Iterable[tuple[str, str]]) -> None:
        """Raise SourceError (`pkg-outside`) if the path of a pair (package, path) is outside."""
        tops = {plain(top) for top in (self.prefix, *self.outside)}
        below = tuple(f"{top}/" for top in tops)
        wrong = {
            (name, path): None
            for name, path in written
            if not path.startswith(below) and path not in tops and ROOT not in tops
        }
        if wrong:
            paths = ", ".join(f'"{path}"' for path in _to_allow(path for _, path in wrong))
            shown = [f"{name}: /{path}" for name, path in islice(wrong, _SHOWN)]
            if len(wrong) > _SHOWN:
                shown.append(f"and {len(wrong) - _SHOWN} more")
            raise SourceError(
                f"packages write outside of /{self.prefix}",
                where=", ".join(dict.fromkeys(name for name, _ in wrong)),
                why="\n".join(shown),
                hint=f"if this is intended, allow it in the recipe: outside = [..., {paths}]",
                reason="pkg-outside",
            )


def _to_allow(paths: Iterable[str]) -> list[str]:
    """What a recipe must allow: the paths, or if there are many, their folders."""
    found = list(dict.fromkeys(paths))
    if len(found) <= _SHOWN:
        return found
    folders: list[str] = []
    for folder in sorted(f"{path.rpartition('/')[0] or path}/" for path in found):
        if not folders or not folder.startswith(folders[-1]):
            folders.append(folder)
    return [folder.removesuffix("/") for folder in folders]


def written_by(plist: Plist, pkgdirs: Iterable[str]) -> list[str]:
    """Every path, relative to the root, that a packing list installs."""
    prefix = plist.prefix.strip("/")
    return [
        *(plain(f"{prefix}/{file.path}") for file in plist.files),
        *(pkgdir_path(prefix, path) for path in pkgdirs),
    ]


def pkgdir_path(prefix: str, path: str) -> str:
    """The path of a directory in a packing list; old lists have full paths."""
    return plain(path if path.startswith("/") else f"{prefix}/{path}")


def plain(path: str) -> str:
    """`path` relative to the root, without redundant parts: `//`, `.` and the first `/`."""
    if path[:1] not in {"/", "."} and path[-1:] != "/" and "//" not in path and "/." not in path:
        return path or ROOT  # true for nearly all paths
    return "/".join(part for part in path.split("/") if part not in {"", "."}) or ROOT


def install(
    entries: Iterable[Entry],
    packages: Sequence[Installed],
    names: Names,
    *,
    place: Place,
    time: int,
) -> tuple[dict[str, Entry], tuple[str, ...]]:
    """All entries by path, with the packages' declarations applied, and messages for declarations
    that could not be applied.

    time  of created directories
    Raises SourceError: `pkg-outside`, `no-user`, `pkg-path` for an unusable path.
    """
    work = _Install({entry.path: entry for entry in entries}, names, place, time)
    for package in packages:
        work.owners(package)
    for package in packages:
        for directory in package.declared.directories:
            work.directory(package.name, directory)
        for file in package.declared.files:
            work.file(package.name, file)
        for permission in package.declared.permissions:
            work.permission(package.name, permission)
    place.check(work.written)
    return work.entries, tuple(work.undone)


class _Install:
    """Entries by path, being changed."""

    def __init__(self, entries: dict[str, Entry], names: Names, place: Place, time: int) -> None:
        self.entries = entries
        self.undone: list[str] = []
        self.written: list[tuple[str, str]] = []
        self._names = names
        self._place = place
        self._time = time
        self._inodes: dict[str, list[str]] = {}
        for entry in entries.values():
            if entry.inode:
                self._inodes.setdefault(entry.inode, []).append(entry.path)

    def owners(self, package: Installed) -> None:
        """Set owners and groups given in the packing list."""
        for file in package.plist.files:
            if file.owner or file.group:
                path = plain(f"{package.plist.prefix}/{file.path}")
                if path in self.entries:  # the recipe may have removed it
                    self._own(package.name, path, Ownership("", file.owner, file.group))

    def directory(self, package: str, item: Directory) -> None:
        """Create a directory and its parents, or set the attributes of an existing one."""
        path = self._resolved(package, item.path)
        if not item.make:
            if path not in self.entries:
                self.undone.append(f"{package}: the directory /{path} is required but missing")
            return
        if path not in self.entries:
            self.written.append((package, path))
        self._folder(package, path)
        self._own(package, path, item.ownership)

    def file(self, package: str, item: ConfigFile) -> None:
        """Copy the example, unless the file exists."""
        path = self._resolved(package, item.path)
        if not item.copy or path in self.entries:
            return
        if item.example == _NULL:
            example: Entry | None = Entry(path, "file", 0o644, time=self._time, sha256=sha256(b""))
        else:
            example = self.entries.get(self._resolved(package, item.example))
        if example is None or example.kind != "file":
            self.undone.append(
                f"{package}: /{path} is not created, because its example {item.example} is missing"
            )
            return
        self._folder(package, path.rpartition("/")[0] or ROOT)
        self.written.append((package, path))
        self.entries[path] = Entry(
            path,
            "file",
            example.mode & 0o777 & ~_UMASK,
            time=example.time,
            size=example.size,
            sha256=example.sha256,
            origin=package,
        )
        self._own(package, path, item.ownership)

    def permission(self, package: str, item: Permission) -> None:
        """Set special attributes of a file or directory."""
        path = self._resolved(package, item.path)
        if path not in self.entries:
            self.undone.append(f"{package}: /{path} has special permissions, but is missing")
        else:
            self._own(package, path, item.ownership)

    def _own(self, package: str, path: str, ownership: Ownership) -> None:
        """Set owner, group and mode of an entry and all its hard links."""
        if ownership == Ownership():
            return
        where = f"{package}: /{path}"
        self.written.append((package, path))
        old = self.entries[path]
        uid = self._names.uid(ownership.owner, where=where) if ownership.owner else old.uid
        gid = self._names.gid(ownership.group, where=where) if ownership.group else old.gid
        mode = old.mode
        if ownership.mode and old.kind != "link":
            mode = apply_mode(ownership.mode, mode, directory=old.kind == "dir")
        for name in self._inodes.get(old.inode, [path]) if old.inode else [path]:
            self.entries[name] = replace(self.entries[name], uid=uid, gid=gid, mode=mode)

    def _folder(self, package: str, path: str) -> None:
        """Create a directory like `mkdir -p`."""
        missing = []
        while path != ROOT and path not in self.entries:
            missing.append(path)
            path = path.rpartition("/")[0] or ROOT
        if path in self.entries and self.entries[path].kind != "dir":
            raise SourceError(
                f"/{path} is a {self.entries[path].kind}, not a directory",
                where=package,
                reason="pkg-path",
                hint="remove the package from the recipe, or remove what is in its way",
            )
        for name in missing:
            self.entries[name] = Entry(name, "dir", 0o755, time=self._time, origin=package)

    def _resolved(self, package: str, path: str) -> str:
        """Resolve all symbolic links of a path, including the last part.

        The target of a dangling link is returned as it is; `..` at the root stays at the root.
        """
        todo, done, hops = path.split("/")[::-1], "", 0
        while todo:
            part = todo.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            here = f"{done}/{part}" if done else part
            entry = self.entries.get(here)
            if entry is None or entry.kind != "link":
                done = here
                continue
            hops += 1
            if hops > _HOPS:
                raise SourceError(
                    f"{path} leads through too many links", where=package, reason="pkg-path"
                )
            todo += entry.link.split("/")[::-1]
            done = "" if entry.link.startswith("/") else done
        return done or ROOT


def shells_with(data: bytes, shells: Iterable[str], present: Collection[str]) -> bytes:
    """The content of shells(5) with an added line for each of `shells` that is in the tree."""
    lines = data.decode(errors="surrogateescape").split("\n")
    added = [
        shell for shell in dict.fromkeys(shells) if shell not in lines and plain(shell) in present
    ]
    if not added:
        return data
    text = "".join(f"{shell}\n" for shell in added)
    gap = b"" if not data or data.endswith(b"\n") else b"\n"
    return data + gap + text.encode(errors="surrogateescape")
