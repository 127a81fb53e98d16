"""What packages declare, applied to the tree of a system: the part of a root stage that does it.

The packages are those of the tree's own package database, whose `+INSTALL` and `+CONTENTS` say all
there is to know. Lists of users, groups and shells are those the system will have: an overlay's,
where it brings any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from buildlib.config.accounts import Accounts
from buildlib.engine.stage import OutputRef, StageContext
from buildlib.model.digest import Blob
from buildlib.model.tree import Entry, Tree, overlay, tree_of
from buildlib.pkgsrc.accounts import Lists, added, enter
from buildlib.pkgsrc.install import Installed, Place, install, shells_with
from buildlib.pkgsrc.pkginstall import Declarations, parse_install
from buildlib.pkgsrc.plist import parse_plist
from buildlib.store.packs import Packs, StoredTree, content_of, read_content

MASTER, PASSWD, GROUP, SHELLS = "etc/master.passwd", "etc/passwd", "etc/group", "etc/shells"
ACCOUNTS = "usr/share/goldmaster/accounts"
DATABASES = {"etc/pwd.db": 0o644, "etc/spwd.db": 0o600}


@dataclass(frozen=True, slots=True)
class Installing:
    """What a root stage must know of packages beside their tree.

    database  where the package database lies, from the root
    prefix    where packages lie; outside: where else they may write
    accounts  the site's numbers
    pwd_mkdb  the release's program that makes the databases of users, or nothing
    """

    database: str
    prefix: str
    outside: tuple[str, ...]
    accounts: Accounts
    pwd_mkdb: OutputRef | None = None


class Contents:
    """The contents of files of some trees, by their entries."""

    def __init__(self, packs: Packs, stored: StoredTree) -> None:
        self._places = packs.contents(stored)

    def read(self, entry: Entry) -> bytes:
        """The whole content. Raises MissingBlob."""
        return read_content(content_of(self._places, entry))


@dataclass(frozen=True, slots=True)
class InstallResult:
    """The tree below the overlays, and entries that lie above them, in the packs `packs`.

    undone  what was declared and could not be done, as sentences
    """

    below: Tree
    above: tuple[Entry, ...]
    packs: tuple[Blob, ...]
    undone: tuple[str, ...]


def install_packages(
    context: StageContext,
    settings: Installing,
    below: StoredTree,
    overlays: Sequence[Tree],
    *,
    time: int,
) -> InstallResult:
    """Apply what the packages in `below` declare. Its packs hold the overlays' contents, too.

    Raises SourceError and ConfigError, as `accounts.enter` and `install` do.
    """
    contents = Contents(context.packs, below)
    packages = installed(below.tree, settings.database, contents)
    lists = _Lists(overlay(Tree(), *(_only_lists(tree) for tree in (below.tree, *overlays))),
                   contents)
    before = Lists(lists.read(MASTER), lists.read(PASSWD), lists.read(GROUP))
    after, names = enter(before, [(package.name, package.declared) for package in packages],
                         settings.accounts)
    entries, undone = install(
        below.tree, packages, names, place=Place(settings.prefix, settings.outside), time=time)
    tree = tree_of(entries.values())
    shells = [shell for package in packages for shell in package.declared.shells]
    present = {path for path, entry in entries.items() if entry.kind != "dir"}
    texts = {MASTER: after.master, PASSWD: after.passwd, GROUP: after.group,
             SHELLS: shells_with(lists.read(SHELLS), shells, present)}
    databases = {}
    if after.master != lists.read(MASTER) and settings.pwd_mkdb:
        databases = user_databases(context, settings.pwd_mkdb, after.master)
    packs: list[Blob] = []
    above: list[Entry] = []
    with context.packs.writer(packs) as pack:
        if told := added(before, after).encode(errors="surrogateescape"):
            above.append(Entry(ACCOUNTS, "file", 0o444, time=time, size=len(told),
                               sha256=pack.add(told), origin="packages"))
        above += [Entry(path, "file", DATABASES[path], time=time, size=len(data),
                        sha256=pack.add(data), origin="packages")
                  for path, data in databases.items()]
        for path, data in texts.items():
            if data != lists.read(path):
                if entry := lists.file(path):
                    late = path == MASTER and not databases
                    above.append(replace(entry, size=len(data), sha256=pack.add(data),
                                         time=max(time, _newest(tree) if late else 0)))
                else:
                    undone += (f"/{path} is no file of this system: nothing is entered",)
    for text in undone:
        context.note(text)
    return InstallResult(tree, tuple(above), tuple(packs), undone)


def user_databases(context: StageContext, program: OutputRef, master: bytes) -> dict[str, bytes]:
    """Path to content of both databases, made by the release's own pwd_mkdb; {} without one.

    Byte order is that of the machines that Xen runs on. Raises ToolError.
    """
    binary = context.read(program)
    if not binary:
        return {}
    folder = context.folder / "users"
    (folder / "etc").mkdir(parents=True)
    tool, source = context.folder / "nbpwd_mkdb", folder / MASTER
    tool.write_bytes(binary)
    tool.chmod(0o755)
    source.write_bytes(master)
    context.runner.run(
        [tool, "-L", "-p", "-d", folder, source], cwd=context.folder, log=context.log
    )
    return {path: (folder / path).read_bytes() for path in DATABASES}


def installed(tree: Tree, database: str, contents: Contents) -> tuple[Installed, ...]:
    """The packages in the database of a tree, by name."""
    folder = f"{database.strip('/')}/"
    meta: dict[str, dict[str, Entry]] = {}
    for entry in tree:
        if entry.kind == "file" and entry.path.startswith(folder):
            package, _, name = entry.path.removeprefix(folder).rpartition("/")
            meta.setdefault(package, {})[name] = entry
    return tuple(_package(name, files, contents) for name, files in sorted(meta.items())
                 if "+CONTENTS" in files)


def _package(name: str, files: Mapping[str, Entry], contents: Contents) -> Installed:
    plist = parse_plist(contents.read(files["+CONTENTS"]), where=f"{name}: +CONTENTS")
    script, declared = files.get("+INSTALL"), Declarations()
    if script is not None:
        declared = parse_install(contents.read(script), prefix=plist.prefix,
                                 where=f"{name}: +INSTALL")
    return Installed(name, plist, declared)


class _Lists:
    """The lists of users, groups and shells, as the system will have them."""

    def __init__(self, tree: Tree, contents: Contents) -> None:
        self._tree = tree
        self._contents = contents

    def file(self, path: str) -> Entry | None:
        """The entry of a list, if it is a file."""
        entry = self._tree.by_path.get(path)
        return entry if entry is not None and entry.kind == "file" else None

    def read(self, path: str) -> bytes:
        """The content of a list; nothing where there is none."""
        entry = self.file(path)
        return b"" if entry is None else self._contents.read(entry)


def _only_lists(tree: Tree) -> Tree:
    return Tree(tuple(tree.by_path[path] for path in (GROUP, MASTER, PASSWD, SHELLS)
                      if path in tree.by_path))


def _newest(tree: Tree) -> int:
    """A time that is after that of every database of users: rc sees which one is older."""
    return max((tree.by_path[path].time + 1 for path in DATABASES if path in tree.by_path),
               default=0)
