"""The list that a medium carries of itself, for `goldmaster-audit` on the running server.

It says what the medium's spec in dist says, but for files whose content is not known before the
medium is written: of these it tells owner and mode.
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
    """That a tree shall have a list of itself.

    added  files that the writer of the medium adds: root's, 0444
    disc   whether that is ISO 9660, which has no empty names in links
    """

    added: tuple[str, ...] = ()
    disc: bool = False


def blank(time: int) -> Entry:
    """The list's own entry, as long as it has no content."""
    return Entry(LIST, "file", 0o444, time=time, sha256=sha256(b""), origin="audit")


def with_list(tree: Tree, audit: Audit, blobs: Blobs, *, time: int) -> tuple[Tree, Blob]:
    """The tree with the list in place of the blank entry, and the list."""
    blob = blobs.put(audit_list(tree, audit, time=time))
    entries = (replace(entry, size=blob.size, sha256=blob.sha256) if entry.path == LIST else entry
               for entry in tree)
    return Tree(tuple(entries)), blob


def audit_list(tree: Tree, audit: Audit, *, time: int) -> bytes:
    """The list: mtree(5), a line a path, folders before what is in them."""
    if audit.disc:
        tree = Tree(tuple(replace(entry, link=plain_target(entry.link))
                          if entry.kind == "link" else entry for entry in tree))
    extra = [Entry(path, "file", 0o444, time=time) for path in audit.added]
    own = {b"./" + encode(path) for path in (LIST, *audit.added)}
    lines = [*format_tree(tree, tags=False).splitlines(),
             *format_tree(Tree(tuple(extra)), tags=False).splitlines()[1:]]
    return b"".join(_shortened(line, own) + b"\n" for line in lines)


def _shortened(line: bytes, own: Collection[bytes]) -> bytes:
    path, _, rest = line.partition(b" ")
    if path not in own:
        return line
    return b" ".join([path, *(word for word in rest.split(b" ") if not word.startswith(_UNKNOWN))])
