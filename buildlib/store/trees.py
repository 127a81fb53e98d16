"""Trees in the store, written as mtree specs.

The output of one stage is usually the input of the next, so the most recently used trees are kept
in memory: reading the spec of a whole system again takes longer than changing it.
"""

from __future__ import annotations

import threading

from buildlib.model.digest import Blob
from buildlib.model.mtree import format_pieces, parse
from buildlib.model.tree import Tree
from buildlib.store.blobs import Blobs

_KEPT = 50_000  # entries; about 30 MB


def put_spec(blobs: Blobs, tree: Tree) -> Blob:
    """Store the spec of a tree without holding all of it in memory."""
    with blobs.writer() as writer:
        for piece in format_pieces(tree):
            writer.write(piece)
    return writer.blob


class Trees:
    """Reads and writes trees. Methods may be called from several threads."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._kept: dict[str, Tree] = {}  # by the spec's SHA-256, most recently used last

    def put(self, tree: Tree) -> Blob:
        """Store a tree. Return its spec."""
        spec = put_spec(self._blobs, tree)
        self._keep(spec.sha256, tree)
        return spec

    def read(self, spec: Blob, *, where: str) -> Tree:
        """The tree that a spec describes. Raises MissingBlob, and ConfigError as `parse` does."""
        tree = self._kept.get(spec.sha256)
        if tree is None:
            tree = parse(self._blobs.read(spec.sha256), where=where)
        self._keep(spec.sha256, tree)
        return tree

    def _keep(self, sha256: str, tree: Tree) -> None:
        with self._lock:
            self._kept.pop(sha256, None)
            self._kept[sha256] = tree
            while sum(map(len, self._kept.values())) > _KEPT:
                del self._kept[next(iter(self._kept))]
