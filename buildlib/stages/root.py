"""Composing the tree of a system from sets, packages, overlays and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from buildlib.sources.folder import read_tree
from buildlib.stages.stage import From, Job, Outputs, SourceTree, Stage
from buildlib.store.packs import StoredTree
from buildlib.words.digest import Blob
from buildlib.words.tree import Entry, Tree, overlay, tree_of, without


@dataclass(frozen=True)
class Root(Stage):
    """A root tree. Output: `tree`.

    layers    trees of sets, then of packages, each over the one before
    remove    paths taken out of these
    overlays  folders of the checkout, over them
    files     path to the stage output that lies there (kernels, images), mode 0444
    texts     path to text that the graph wrote (menus, lists), mode 0444
    time      of entries that come from the checkout or from stages, seconds since 1970
    """

    layers: tuple[From, ...]
    overlays: tuple[SourceTree, ...]
    time: int
    remove: tuple[str, ...] = ()
    files: Mapping[str, From] | None = None
    texts: Mapping[str, str] | None = None

    def run(self, job: Job) -> Outputs:
        """Only specs are read; contents stay where they are."""
        layers = [job.tree(ref) for ref in self.layers]
        packs: list[Blob] = []
        with job.packs.writer(packs) as pack:
            overlays = [
                read_tree(folder.path, folder.spec, pack, origin=folder.name, time=self.time)
                for folder in self.overlays
            ]
            texts = [
                _file(path, Blob(pack.add(text.encode()), len(text.encode())), "menu", self.time)
                for path, text in (self.texts or {}).items()
            ]
        files = {path: job.inputs[ref].blob for path, ref in (self.files or {}).items()}
        placed = [
            _file(path, blob, (self.files or {})[path].stage, self.time)
            for path, blob in files.items()
        ]
        below = without(overlay(*(layer.tree for layer in layers)), self.remove)
        tree = overlay(below, *overlays, tree_of([*placed, *texts]))
        tree = _own_root(tree, self.time)
        packs += [pack for layer in layers for pack in layer.packs]
        loose = [blob for layer in layers for blob in layer.files] + list(files.values())
        return {"tree": StoredTree(tree, _unique(packs), _unique(loose))}


def _file(path: str, blob: Blob, origin: str, time: int) -> Entry:
    return Entry(path, "file", 0o444, time=time, size=blob.size, sha256=blob.sha256, origin=origin)


def _own_root(tree: Tree, time: int) -> Tree:
    """The tree with a root folder of its own: sets and overlays each bring one."""
    root, *rest = tree.entries
    return Tree((replace(root, mode=0o755, uid=0, gid=0, time=time), *rest))


def _unique(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    return tuple(dict.fromkeys(blobs))
