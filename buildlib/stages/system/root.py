"""Composes the tree of a system from sets, packages, overlays and files."""

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
from buildlib.stages.system.package_install import Contents, Installing, install_packages
from buildlib.stages.system.trust import CONFIG, certctl_would_fill, trust_anchors
from buildlib.store.packs import PackWriter, StoredTree


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a file that the plan generates.

    origin  what generates it: `menu`, or the key of a recipe
    """

    origin: str
    text: str


@dataclass(frozen=True)
class Root(Stage):
    """A root tree. Outputs: `tree`; `undone`, lines on declarations that could not be applied.

    layers    trees of sets, then of packages, each over the one before
    packages  how to apply what the packages in the layers declare; None: no packages
    remove    paths removed from the layers
    keep      path of a file in the layers to its new path
    overlays  folders of the checkout, laid over them
    files     path to the stage output placed there (kernels, images), mode 0444
    texts     path to the text generated for it, mode 0444; no overlay has a file there
              (operations/preflight/tree_check.py)
    time      of entries that come from the checkout or from stages, seconds since 1970
    """

    layers: tuple[OutputRef, ...]
    overlays: tuple[SourceTree, ...]
    time: int
    remove: tuple[str, ...] = ()
    keep: Mapping[str, str] | None = None
    files: Mapping[str, OutputRef] | None = None
    texts: Mapping[str, Text] | None = None
    audit: Audit | None = None
    packages: Installing | None = None

    def run(self, context: StageContext) -> Outputs:
        """Compose the tree from specs; file contents are not read."""
        layers = [context.tree(ref) for ref in self.layers]
        packs: list[Blob] = []
        with context.packs.writer(packs) as pack:
            overlays = [self._overlay(folder, pack) for folder in self.overlays]
            texts = [self._text(path, text, pack) for path, text in (self.texts or {}).items()]
        files = {
            path: (ref.stage, context.inputs[ref].blob) for path, ref in (self.files or {}).items()
        }
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
        tree = self._with_anchors(context, tree, overlays, packs)
        _check_inodes(tree)
        loose = [blob for layer in layers for blob in layer.files]
        loose += [blob for _, blob in files.values()]
        if self.audit is not None:
            tree, blob = with_list(tree, self.audit, context.blobs, time=self.time)
            loose.append(blob)
        report = "".join(f"{printable(line)}\n" for line in undone).encode()
        return {
            "tree": StoredTree(tree, _unique(packs), _unique(loose)),
            "undone": context.blobs.put(report),
        }

    def _below(
        self,
        context: StageContext,
        layers: Sequence[StoredTree],
        overlays: Sequence[Tree],
        packs: list[Blob],
    ) -> tuple[Tree, Tree, tuple[str, ...]]:
        """The tree below the overlays, the user lists laid over them, and what is undone.

        The packs of the lists are added to `packs`.
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

    def _with_anchors(
        self, context: StageContext, tree: Tree, overlays: Sequence[Folder], packs: list[Blob]
    ) -> Tree:
        """The tree with trust anchors for https. The pack of what is added goes into `packs`."""
        if not certctl_would_fill(tree):
            return tree
        contents = Contents(context.packs, StoredTree(tree, tuple(packs)))
        with context.packs.writer(packs) as pack:
            added = trust_anchors(
                tree,
                contents.read,
                pack,
                own=any(CONFIG in folder.tree.by_path for folder in overlays),
                time=self.time,
            )
        for note in added.notes:
            context.note(note)
        return overlay(tree, *_in_place(tree, [_plain(added.tree)])) if len(added.tree) else tree

    def _overlay(self, folder: SourceTree, pack: PackWriter) -> Folder:
        found = read_folder(folder.path, folder.spec, pack, origin=folder.name, time=self.time)
        return replace(found, spec=f"{folder.name}.mtree")

    def _text(self, path: str, text: Text, pack: PackWriter) -> Entry:
        data = text.text.encode()
        return self._file(path, Blob(pack.add(data), len(data)), text.origin)

    def _file(self, path: str, blob: Blob, origin: str) -> Entry:
        return Entry(
            path, "file", 0o444, time=self.time, size=blob.size, sha256=blob.sha256, origin=origin
        )


def _plain(tree: Tree) -> Folder:
    """A folder that sets no attributes for the directories its paths pass through."""
    return Folder(tree, frozenset(), {}, "")


def _in_place(below: Tree, uppers: Iterable[Folder]) -> list[Tree]:
    """The upper trees; directories that a tree only passes through keep their attributes.

    Git records no owner and no mode, so an overlay with `tmp/x` does not define those of `tmp`.
    """
    folders = {entry.path: entry for entry in below if entry.kind == "dir"}
    trees = []
    for upper in uppers:
        entries = tuple(
            folders.get(entry.path, entry)
            if entry.kind == "dir" and entry.path not in upper.said
            else entry
            for entry in upper.tree
        )
        folders.update((entry.path, entry) for entry in entries if entry.kind == "dir")
        trees.append(Tree(entries))
    return trees


def _check_inodes(tree: Tree) -> None:
    """Raise StageError if names of one inode differ in an attribute of the inode."""
    first: dict[str, Entry] = {}
    for entry in tree:
        if entry.inode:
            known = first.setdefault(entry.inode, entry)
            if replace(known, path=entry.path, origin=entry.origin) != entry:
                raise StageError(
                    f"{known.path} and {entry.path} are hard links to one file, but differ in "
                    "owner, mode, time or content",
                    where=f"{known.origin or '?'} and {entry.origin or '?'}",
                    hint="give both the same attributes, or make one a separate file",
                    reason="inode-differs",
                )


def _unique(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    return tuple(dict.fromkeys(blobs))
