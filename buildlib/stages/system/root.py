"""Composing the tree of a system from sets, packages, overlays and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from buildlib.engine.stage import OutputRef, Outputs, SourceTree, Stage, StageContext
from buildlib.model.digest import Blob
from buildlib.model.errors import StageError, printable
from buildlib.model.tree import ROOT, Entry, Tree, overlay, renamed, tree_of, without
from buildlib.sources.folder import Folder, read_folder
from buildlib.stages.system.manifest import Audit, blank, with_list
from buildlib.stages.system.owners import with_owners
from buildlib.stages.system.package_install import Installing, install_packages
from buildlib.store.packs import PackWriter, StoredTree


@dataclass(frozen=True)
class Root(Stage):
    """A root tree. Outputs: `tree`; `undone`, lines of what packages declare and nobody could do.

    layers    trees of sets, then of packages, each over the one before
    packages  how to apply what the packages among these declare; None: there are none
    remove    paths taken out of these
    keep      path of a file in these to its new path
    overlays  folders of the checkout, over them
    files     path to the stage output that lies there (kernels, images), mode 0444
    texts     path to text that the graph wrote (menus, lists), mode 0444
    time      of entries that come from the checkout or from stages, seconds since 1970
    """

    layers: tuple[OutputRef, ...]
    overlays: tuple[SourceTree, ...]
    time: int
    remove: tuple[str, ...] = ()
    keep: Mapping[str, str] | None = None
    files: Mapping[str, OutputRef] | None = None
    texts: Mapping[str, str] | None = None
    audit: Audit | None = None
    packages: Installing | None = None

    def run(self, context: StageContext) -> Outputs:
        """Only specs are read; contents stay where they are."""
        layers = [context.tree(ref) for ref in self.layers]
        packs: list[Blob] = []
        with context.packs.writer(packs) as pack:
            overlays = [self._overlay(folder, pack) for folder in self.overlays]
            texts = [self._text(path, text, pack) for path, text in (self.texts or {}).items()]
        files = {path: (ref.stage, context.inputs[ref].blob)
                 for path, ref in (self.files or {}).items()}
        placed = [self._file(path, blob, origin) for path, (origin, blob) in files.items()]
        placed += [blank(self.time)] * (self.audit is not None)
        packs += [pack for layer in layers for pack in layer.packs]
        below, lists, undone = self._below(
            context, layers, [found.tree for found in overlays], packs
        )
        uppers, lists = with_owners(context, overlays, below, lists, packs)
        above = _in_place(below, [*uppers, _plain(lists), _plain(tree_of([*placed, *texts]))])
        own_root = tree_of([Entry(ROOT, "dir", 0o755, time=self.time)])
        tree = overlay(below, *above, own_root)
        _check_inodes(tree)
        loose = [blob for layer in layers for blob in layer.files]
        loose += [blob for _, blob in files.values()]
        if self.audit is not None:
            tree, blob = with_list(tree, self.audit, context.blobs, time=self.time)
            loose.append(blob)
        told = "".join(f"{printable(line)}\n" for line in undone).encode()
        return {"tree": StoredTree(tree, _unique(packs), _unique(loose)),
                "undone": context.blobs.put(told)}

    def _below(
        self,
        context: StageContext,
        layers: Sequence[StoredTree],
        overlays: Sequence[Tree],
        packs: list[Blob],
    ) -> tuple[Tree, Tree, tuple[str, ...]]:
        """What lies below the overlays, lists of users that lie above, and what is undone.

        `packs` get those of the lists.
        """
        below, above = overlay(*(layer.tree for layer in layers)), Tree()
        undone: tuple[str, ...] = ()
        if self.packages is not None:
            done = install_packages(
                context, self.packages, StoredTree(below, tuple(packs)), overlays, time=self.time
            )
            below, above, undone = done.below, tree_of(done.above), done.undone
            packs += done.packs
        return renamed(without(below, self.remove), self.keep or {}), above, undone

    def _overlay(self, folder: SourceTree, pack: PackWriter) -> Folder:
        return read_folder(folder.path, folder.spec, pack, origin=folder.name, time=self.time)

    def _text(self, path: str, text: str, pack: PackWriter) -> Entry:
        data = text.encode()
        return self._file(path, Blob(pack.add(data), len(data)), "menu")

    def _file(self, path: str, blob: Blob, origin: str) -> Entry:
        return Entry(path, "file", 0o444, time=self.time, size=blob.size, sha256=blob.sha256,
                     origin=origin)


def _plain(tree: Tree) -> Folder:
    """A tree that says nothing of the folders it passes through."""
    return Folder(tree, frozenset(), {}, "")


def _in_place(below: Tree, uppers: Iterable[Folder]) -> list[Tree]:
    """The upper trees; a folder that a tree only passes through keeps what it was below.

    Git knows no owner and no mode, so an overlay with `tmp/x` says nothing of `tmp`.
    """
    folders = {entry.path: entry for entry in below if entry.kind == "dir"}
    trees = []
    for upper in uppers:
        entries = tuple(
            folders.get(entry.path, entry)
            if entry.kind == "dir" and entry.path not in upper.said else entry
            for entry in upper.tree
        )
        folders.update((entry.path, entry) for entry in entries if entry.kind == "dir")
        trees.append(Tree(entries))
    return trees


def _check_inodes(tree: Tree) -> None:
    """Names of one inode must agree in all that an inode has. Raises StageError."""
    first: dict[str, Entry] = {}
    for entry in tree:
        if entry.inode:
            known = first.setdefault(entry.inode, entry)
            if replace(known, path=entry.path, origin=entry.origin) != entry:
                raise StageError(
                    f"{known.path} and {entry.path} are one file, but differ in owner, mode, time "
                    "or content", where=f"{known.origin or '?'} and {entry.origin or '?'}",
                    hint="say the same of both, or make one a file of its own",
                    reason="inode-differs",
                )


def _unique(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    return tuple(dict.fromkeys(blobs))
