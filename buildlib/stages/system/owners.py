"""Replaces the user and group names of overlay specs by the numbers of the system they go to.

The system's own lists define the numbers: the release's with the packages' additions, or those
that an overlay brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from buildlib.engine.stage import StageContext
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError
from buildlib.model.schema import nearest
from buildlib.model.spec import spec_error
from buildlib.model.tree import Tree, overlay
from buildlib.pkgsrc.accounts import Lists, Names, names_of
from buildlib.sources.folder import Folder
from buildlib.sources.spec_overrides import Owner
from buildlib.stages.system.package_install import GROUP, MASTER, PASSWD, Contents
from buildlib.store.packs import StoredTree


def with_owners(
    context: StageContext,
    overlays: Sequence[Folder],
    below: Tree,
    lists: Tree,
    packs: Sequence[Blob],
) -> tuple[Sequence[Folder], Tree]:
    """`overlays` and `lists` (a tree laid over them), with numbers in place of names.

    below  the tree under the overlays
    packs  with the contents of all of these
    Raises ConfigError, which lists every name that the system does not have.
    """
    if not any(folder.owners for folder in overlays):
        return overlays, lists
    trees = (below, *(folder.tree for folder in overlays), lists)
    names = _names(context, overlay(Tree(), *map(_only_lists, trees)), packs)
    problems = [error for folder in overlays if (error := _unknown(folder, names))]
    if problems:
        raise ConfigError.together(problems)
    owners: dict[str, Owner] = {}
    numbered = []
    for folder in overlays:
        owners = {
            **{path: owner for path, owner in owners.items() if path not in folder.tree.by_path},
            **folder.owners,
        }
        numbered.append(replace(folder, tree=_owned(folder.tree, folder.owners, names)))
    return numbered, _owned(lists, owners, names)


def _names(context: StageContext, tree: Tree, packs: Sequence[Blob]) -> Names:
    contents = Contents(context.packs, StoredTree(tree, tuple(packs)))

    def read(path: str) -> bytes:
        entry = tree.by_path.get(path)
        return contents.read(entry) if entry is not None and entry.kind == "file" else b""

    return names_of(Lists(read(MASTER), read(PASSWD), read(GROUP)))


def _only_lists(tree: Tree) -> Tree:
    return Tree(
        tuple(tree.by_path[path] for path in (GROUP, MASTER, PASSWD) if path in tree.by_path)
    )


def _unknown(folder: Folder, names: Names) -> ConfigError | None:
    problems = list(_problems(folder, names))
    return spec_error(problems, where=folder.spec) if problems else None


def _problems(folder: Folder, names: Names) -> Iterator[tuple[int, str]]:
    for path, owner in folder.owners.items():
        for key, what, name, known in (
            ("uname", "user", owner.user, names.users),
            ("gname", "group", owner.group, names.groups),
        ):
            if name and name not in known:
                yield (
                    owner.line,
                    (
                        f"{path}: {key}={name}: the system has no {what} {name}"
                        f"{nearest(name, known)}; write {key[0]}id, or add the {what}"
                    ),
                )


def _owned(tree: Tree, owners: Mapping[str, Owner], names: Names) -> Tree:
    if not owners:
        return tree
    return Tree(
        tuple(
            replace(
                entry,
                uid=names.users[owner.user] if owner.user else entry.uid,
                gid=names.groups[owner.group] if owner.group else entry.gid,
            )
            if (owner := owners.get(entry.path))
            else entry
            for entry in tree
        )
    )
