"""The manifest that a medium carries, for `goldmaster-audit` on the running server.

It equals the medium's spec in dist, except for files whose content is unknown until the medium is
written: for these it has only owner and mode.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from buildlib.formats.iso9660.rock_ridge import plain_target
from buildlib.model.digest import Blob, sha256
from buildlib.model.mtree import encode, format_tree
from buildlib.model.tree import Entry, Tree
from buildlib.store.blobs import Blobs

LIST = "usr/share/goldmaster/root.mtree"
_UNKNOWN = (b"size=", b"sha256=", b"nlink=")


@dataclass(frozen=True)
class Audit:
    """Requests a manifest in a tree.

    added  files that the writer of the medium adds: root's, 0444
    disc   whether the medium is ISO 9660, whose symbolic links have no empty components
    """

    added: tuple[str, ...] = ()
    disc: bool = False


def blank(time: int) -> Entry:
    """The manifest's own entry, before it has content."""
    return Entry(LIST, "file", 0o444, time=time, sha256=sha256(b""), origin="audit")


def with_list(tree: Tree, audit: Audit, blobs: Blobs, *, time: int) -> tuple[Tree, Blob]:
    """The tree with the manifest in place of the blank entry, and the manifest."""
    blob = blobs.put(audit_list(tree, audit, time=time))
    entries = (
        replace(entry, size=blob.size, sha256=blob.sha256) if entry.path == LIST else entry
        for entry in tree
    )
    return Tree(tuple(entries)), blob


def audit_list(tree: Tree, audit: Audit, *, time: int) -> bytes:
    """The manifest: mtree(5), one line per path, directories before their contents."""
    if audit.disc:
        tree = Tree(
            tuple(
                replace(entry, link=plain_target(entry.link)) if entry.kind == "link" else entry
                for entry in tree
            )
        )
    extra = [Entry(path, "file", 0o444, time=time) for path in audit.added]
    own = {b"./" + encode(path) for path in (LIST, *audit.added)}
    lines = [
        *format_tree(tree, tags=False).splitlines(),
        *format_tree(Tree(tuple(extra)), tags=False).splitlines()[1:],
    ]
    return b"".join(_shortened(line, own) + b"\n" for line in lines)


def _shortened(line: bytes, own: Collection[bytes]) -> bytes:
    path, _, rest = line.partition(b" ")
    if path not in own:
        return line
    return b" ".join([path, *(word for word in rest.split(b" ") if not word.startswith(_UNKNOWN))])
