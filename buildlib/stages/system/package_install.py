"""Applies what packages declare to the tree of a system, as part of a root stage.

The packages are read from the tree's own package database: `+INSTALL` and `+CONTENTS`. The lists
of users, groups and shells are those of the final system: an overlay's, if it has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from buildlib.config.accounts import Accounts
from buildlib.engine.stage import OutputRef, StageContext
from buildlib.model.digest import Blob
from buildlib.model.tree import Entry, Tree, overlay, tree_of
from buildlib.pkgsrc.accounts import Lists, added, enter
from buildlib.pkgsrc.install import Installed, Place, install, shells_with
from buildlib.pkgsrc.pkginstall import Declarations, parse_install
from buildlib.pkgsrc.plist import parse_plist
from buildlib.store.packs import Packs, PackWriter, StoredTree, content_of, read_content

MASTER, PASSWD, GROUP, SHELLS = "etc/master.passwd", "etc/passwd", "etc/group", "etc/shells"
ACCOUNTS = "usr/share/goldmaster/accounts"
DATABASES = {"etc/pwd.db": 0o644, "etc/spwd.db": 0o600}


@dataclass(frozen=True, slots=True)
class Installing:
    """What a root stage needs for packages, besides their tree.

    database  path of the package database, from the root
    prefix    where packages are installed; outside: where else they may write
    accounts  the site's numbers
    pwd_mkdb  the release's program that makes the user databases, or None
    """

    database: str
    prefix: str
    outside: tuple[str, ...]
    accounts: Accounts
    pwd_mkdb: OutputRef | None = None


class Contents:
    """File contents of some trees, by entry."""

    def __init__(self, packs: Packs, stored: StoredTree) -> None:
        self._places = packs.contents(stored)

    def read(self, entry: Entry) -> bytes:
        """The whole content. Raises MissingBlob."""
        return read_content(content_of(self._places, entry))


@dataclass(frozen=True, slots=True)
class InstallResult:
    """The tree below the overlays, and entries laid over them, in the packs `packs`.

    undone  declarations that could not be applied, as sentences
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
    """Apply what the packages in `below` declare. Its packs include the overlays' contents.

    Raises SourceError and ConfigError, as `accounts.enter` and `install` do.
    """
    contents = Contents(context.packs, below)
    packages = installed(below.tree, settings.database, contents)
    lists = _Lists(
        overlay(Tree(), *(_only_lists(tree) for tree in (below.tree, *overlays))), contents
    )
    before = Lists(lists.read(MASTER), lists.read(PASSWD), lists.read(GROUP))
    after, names = enter(
        before, [(package.name, package.declared) for package in packages], settings.accounts
    )
    entries, undone = install(
        below.tree, packages, names, place=Place(settings.prefix, settings.outside), time=time
    )
    tree = tree_of(entries.values())
    texts = {
        MASTER: after.master,
        PASSWD: after.passwd,
        GROUP: after.group,
        SHELLS: _shells(lists.read(SHELLS), packages, entries),
    }
    changed = {path: data for path, data in texts.items() if data != lists.read(path)}
    undone += tuple(
        f"/{path} is not a file of this system: nothing is added to it"
        for path in changed
        if lists.file(path) is None
    )
    program = settings.pwd_mkdb if MASTER in changed else None
    databases = user_databases(context, program, after.master) if program else {}
    master_time = time if databases else max(time, _newest(tree))
    packs: list[Blob] = []
    files = _tools_files(settings, (tree, *overlays)) | _account_list(before, after) | databases
    with context.packs.writer(packs) as pack:
        above = (
            *_new_files(pack, files, time=time),
            *_changed_lists(pack, changed, lists, times={MASTER: master_time}, time=time),
        )
    for text in undone:
        context.note(text)
    return InstallResult(tree, above, tuple(packs), undone)


def _shells(old: bytes, packages: Iterable[Installed], entries: Mapping[str, Entry]) -> bytes:
    """The list of shells with those that packages declare and that are there."""
    shells = [shell for package in packages for shell in package.declared.shells]
    present = {path for path, entry in entries.items() if entry.kind != "dir"}
    return shells_with(old, shells, present)


def _tools_files(settings: Installing, trees: Iterable[Tree]) -> dict[str, bytes]:
    """Files that set the path of the package database for all tools, unless a tree has them.

    Base's pkg_add reads /etc, that of pkgsrc's pkg_install (a dependency of pkgin) its prefix, and
    pkgsrc mk.conf. Without these files each tool has a built-in path, which depends on the release.
    Sources: pkg_install.conf(5); https://www.pkgsrc.org/pkgdb-change/.
    """
    known = {path for tree in trees for path in tree.by_path}
    paths = ("etc/pkg_install.conf", f"{settings.prefix}/etc/pkg_install.conf", "etc/mk.conf")
    text = f"PKG_DBDIR=/{settings.database.strip('/')}\n".encode()
    return {path: text for path in paths if path not in known}


def _account_list(before: Lists, after: Lists) -> dict[str, bytes]:
    """The list of the accounts that were added, if there are any."""
    accounts = added(before, after)
    return {ACCOUNTS: accounts.encode(errors="surrogateescape")} if accounts else {}


def _new_files(pack: PackWriter, files: Mapping[str, bytes], *, time: int) -> Iterator[Entry]:
    """The new files of the system, by path."""
    modes = {ACCOUNTS: 0o444, **DATABASES}
    for path, data in files.items():
        mode, digest = modes.get(path, 0o644), pack.add(data)
        yield Entry(path, "file", mode, time=time, size=len(data), sha256=digest, origin="packages")


def _changed_lists(
    pack: PackWriter,
    changed: Mapping[str, bytes],
    lists: _Lists,
    *,
    times: Mapping[str, int],
    time: int,
) -> Iterator[Entry]:
    """The lists that are files of the system, with their new contents."""
    for path, data in changed.items():
        if entry := lists.file(path):
            digest, size = pack.add(data), len(data)
            yield replace(entry, size=size, sha256=digest, time=times.get(path, time))


def user_databases(context: StageContext, program: OutputRef, master: bytes) -> dict[str, bytes]:
    """Path to content of both databases, made by the release's own pwd_mkdb; {} without one.

    The byte order is that of Xen's machines (little endian). Raises ToolError.
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
    """The packages in a tree's package database, by name."""
    folder = f"{database.strip('/')}/"
    meta: dict[str, dict[str, Entry]] = {}
    for entry in tree:
        if entry.kind == "file" and entry.path.startswith(folder):
            package, _, name = entry.path.removeprefix(folder).rpartition("/")
            meta.setdefault(package, {})[name] = entry
    return tuple(
        _package(name, files, contents)
        for name, files in sorted(meta.items())
        if "+CONTENTS" in files
    )


def _package(name: str, files: Mapping[str, Entry], contents: Contents) -> Installed:
    plist = parse_plist(contents.read(files["+CONTENTS"]), where=f"{name}: +CONTENTS")
    script, declared = files.get("+INSTALL"), Declarations()
    if script is not None:
        declared = parse_install(
            contents.read(script), prefix=plist.prefix, where=f"{name}: +INSTALL"
        )
    return Installed(name, plist, declared)


class _Lists:
    """The lists of users, groups and shells of the final system."""

    def __init__(self, tree: Tree, contents: Contents) -> None:
        self._tree = tree
        self._contents = contents

    def file(self, path: str) -> Entry | None:
        """The entry of a list, if it is a file."""
        entry = self._tree.by_path.get(path)
        return entry if entry is not None and entry.kind == "file" else None

    def read(self, path: str) -> bytes:
        """The content of a list, or nothing if there is none."""
        entry = self.file(path)
        return b"" if entry is None else self._contents.read(entry)


def _only_lists(tree: Tree) -> Tree:
    return Tree(
        tuple(
            tree.by_path[path] for path in (GROUP, MASTER, PASSWD, SHELLS) if path in tree.by_path
        )
    )


def _newest(tree: Tree) -> int:
    """A time later than that of every user database: rc rebuilds a database that is older."""
    return max(
        (tree.by_path[path].time + 1 for path in DATABASES if path in tree.by_path), default=0
    )
