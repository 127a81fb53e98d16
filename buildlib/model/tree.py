"""File trees as data: entries, trees, and overlaying trees.

A `Tree` is a set of `Entry`, one for each path, ordered so that a folder comes before its contents.
Contents are blobs, named by digest; nothing here reads a file. Ownership, modes and times are
fields of the entries, so composing the tree of a whole system needs no root privileges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal, TypeAlias

from buildlib.model.errors import StageError

Kind: TypeAlias = Literal["dir", "file", "link", "char", "block", "fifo"]

ROOT = "."
FOLDERS_MAX = 250_000  # folders of one tree without an entry of their own
FOLDER_TEXT_MAX = 16 << 20  # characters in their paths


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree.

    path    relative, `/` between names, no leading `./`; the root is `.`;
            bytes that are not UTF-8 are surrogates (PEP 383)
    mode    permission bits, setuid, setgid and sticky: at most 0o7777
    time    seconds since 1970 (UTC)
    size    bytes; files only
    sha256  content; files only
    link    target; symbolic links only
    device  (major, minor); devices only
    inode   files with the same label are one inode (hard links); empty: no hard link
    origin  the set, package or overlay that the entry comes from
    """

    path: str
    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    time: int = 0
    size: int = 0
    sha256: str = ""
    link: str = ""
    device: tuple[int, int] | None = None
    inode: str = ""
    origin: str = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The folder the entry is in; the root is its own parent."""
        return self.path.rpartition("/")[0] or ROOT


def path_order(path: str) -> str:
    """A sort key that puts a folder before its contents, and these before its next sibling."""
    return "" if path == ROOT else path.replace("/", "\0")


@dataclass(frozen=True)
class Tree:
    """Entries in `path_order`, one for each path. Create it with `tree_of`."""

    entries: tuple[Entry, ...] = field(default=())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """Path to entry."""
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def blobs(self) -> dict[str, int]:
        """Every content the tree needs: SHA-256 to size in bytes."""
        return {entry.sha256: entry.size for entry in self.entries if entry.kind == "file"}

    @property
    def size(self) -> int:
        """Bytes of content; hard-linked files count once."""
        alone = sum(entry.size for entry in self.entries if not entry.inode)
        shared = {entry.inode: entry.size for entry in self.entries if entry.inode}
        return alone + sum(shared.values())

    def links_of(self) -> dict[str, int]:
        """Number of names of each inode label."""
        count: dict[str, int] = {}
        for entry in self.entries:
            if entry.inode:
                count[entry.inode] = count.get(entry.inode, 0) + 1
        return count


def tree_of(entries: Iterable[Entry]) -> Tree:
    """A tree of `entries` in any order; missing folders are added (root:wheel, 0755).

    Raises StageError when a path occurs twice, or lies below something that is not a folder.
    """
    by_path: dict[str, Entry] = {}
    for entry in entries:
        if entry.path in by_path:
            raise StageError(
                "a path occurs twice in one tree", where=entry.path, reason="duplicate-path"
            )
        by_path[entry.path] = entry
    return _closed(by_path)


def _closed(by_path: dict[str, Entry]) -> Tree:
    """Sort, add the missing folders, and check that only folders have contents."""
    if ROOT in by_path and by_path[ROOT].kind != "dir":
        raise StageError(
            f"the root is a {by_path[ROOT].kind}, not a folder",
            where=by_path[ROOT].origin or "?",
            reason="not-a-folder",
        )
    order = list(by_path) if _is_in_order(by_path) else sorted(by_path, key=path_order)
    text = 0
    for path in order:  # a missing folder takes time and origin of the first path below it
        below = by_path[path]
        while path != ROOT:
            path = path.rpartition("/")[0] or ROOT  # noqa: PLW2901  climbing is the point
            above = by_path.get(path)
            if above is None:
                text += len(path)
                if text > FOLDER_TEXT_MAX or len(by_path) - len(order) >= FOLDERS_MAX:
                    raise StageError(
                        "the tree has too many folders",
                        where=f"{below.origin or '?'}: {below.path[:80]}…",
                        why=f"at most {FOLDERS_MAX} without an entry of their own, with "
                        f"{FOLDER_TEXT_MAX} characters of paths, are allowed",
                        reason="tree-limit",
                    )
                by_path[path] = Entry(path, "dir", 0o755, time=below.time, origin=below.origin)
                continue
            if above.kind != "dir":
                raise StageError(
                    f"{below.path} lies below {path}, which is a {above.kind}, not a folder",
                    where=f"{below.origin or '?'} over {above.origin or '?'}",
                    reason="not-a-folder",
                )
            break
    if len(by_path) > len(order):
        order = sorted(by_path, key=path_order)
    return Tree(tuple(by_path[path] for path in order))


def _is_in_order(paths: Iterable[str]) -> bool:
    """Whether paths are in `path_order`. Those of specs are; sorting them would take memory."""
    return all(before < after for before, after in pairwise(map(path_order, paths)))


def overlay(*trees: Tree) -> Tree:
    """The trees laid over each other; if several have a path, the last one wins.

    A folder over a folder keeps the contents of both and takes the later one's attributes.
    Raises StageError if a folder would replace a file or link, or vice versa.
    """
    if len(trees) == 1:
        return trees[0]
    result: dict[str, Entry] = {}
    for tree in trees:
        for entry in tree:
            below = result.get(entry.path)
            if below is not None and (below.kind == "dir") != (entry.kind == "dir"):
                raise StageError(
                    f"a {entry.kind} would replace a {below.kind}",
                    where=f"{entry.path}: {entry.origin or '?'} over {below.origin or '?'}",
                    hint="remove the lower entry in the recipe (`remove`), or rename the upper one",
                    reason="kind-conflict",
                )
            result[entry.path] = entry
    return _closed(result)


def moved(tree: Tree, prefix: str) -> Tree:
    """`tree` moved into the folder `prefix`."""
    prefix = prefix.strip("/")
    if not prefix:
        return tree

    def path(old: str) -> str:
        return prefix if old == ROOT else f"{prefix}/{old}"

    return tree_of(replace(entry, path=path(entry.path)) for entry in tree)


def without(tree: Tree, paths: Iterable[str]) -> Tree:
    """`tree` without `paths` and everything below them.

    Raises StageError for the root, and for a path that the tree does not have: a recipe that
    removes a missing path is based on a wrong assumption.
    """
    gone = {path.strip("/") for path in paths}
    if not gone:
        return tree
    if ROOT in gone:
        raise StageError("cannot remove the root of a tree", reason="remove-root")
    missing = sorted(gone - tree.by_path.keys())
    if missing:
        raise StageError(
            f"cannot remove {', '.join(missing)}: not in the tree", reason="remove-missing"
        )

    def kept(path: str) -> bool:
        while path and path != ROOT:
            if path in gone:
                return False
            path = path.rpartition("/")[0]
        return True

    return Tree(tuple(entry for entry in tree if kept(entry.path)))


def renamed(tree: Tree, names: Mapping[str, str]) -> Tree:
    """`tree` with entries renamed; `names` maps old paths to new ones.

    Raises StageError for an old path that is missing or a folder, and for a new path that already
    exists.
    """
    paths = {old.strip("/"): new.strip("/") for old, new in names.items()}
    unfit = sorted(
        path for path in paths if path not in tree.by_path or tree.by_path[path].kind == "dir"
    )
    if unfit:
        raise StageError(
            f"cannot keep {', '.join(unfit)}: not a file in the tree", reason="rename-missing"
        )
    if not paths:
        return tree
    return tree_of(
        replace(entry, path=paths[entry.path]) if entry.path in paths else entry for entry in tree
    )


def with_origin(tree: Tree, origin: str) -> Tree:
    """`tree` with every entry marked as coming from `origin`."""
    return Tree(tuple(replace(entry, origin=origin) for entry in tree))
