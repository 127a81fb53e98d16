"""Stages binary packages into a tree, without root and without running their scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.digest import Blob
from buildlib.model.errors import ArchiveError, SourceError
from buildlib.model.tree import Entry, tree_of
from buildlib.pkgsrc.install import Place, pkgdir_path, plain, written_by
from buildlib.pkgsrc.modes import apply_mode
from buildlib.pkgsrc.package import META_MODES, Package, check_platform, read_package
from buildlib.pkgsrc.package_file import keep_meta
from buildlib.pkgsrc.pkgdb import in_order, owners, register
from buildlib.pkgsrc.pkginstall import Declarations, parse_install
from buildlib.pkgsrc.plist import Kind, PlistFile
from buildlib.pkgsrc.unapplied import actions_of
from buildlib.sources.archive import compress, tar
from buildlib.store.packs import PackWriter, StoredTree

SMALL = 1 << 20  # bytes; a file up to this size is read at once


@dataclass(frozen=True)
class Packages(Stage):
    """The tree of installed packages: their files and the package database. Output: `tree`.

    archives   PKGNAME to its archive; the metadata determine the order of installation
    automatic  packages installed only because others depend on them
    database   path of the package database, from the root
    time       of the database's files, seconds since 1970
    prefix     where packages are installed; outside: where else they may write, from the root

    What scripts declare is applied by `root`, because it needs the tree of the whole system.
    """

    archives: Mapping[str, OutputRef]
    automatic: tuple[str, ...]
    database: str
    machine_arch: str
    version: str
    time: int
    prefix: str
    outside: tuple[str, ...]

    def run(self, context: StageContext) -> Outputs:
        """Read every archive once."""
        packs: list[Blob] = []
        entries: dict[str, Entry] = {}
        staged: list[Package] = []
        files: dict[str, list[Entry]] = {}
        with context.packs.writer(packs) as pack:
            for number, (name, ref) in enumerate(self.archives.items(), 1):
                package, files[name] = stage_package(context.path(ref), pack, name=name)
                staged.append(package)
                context.tell(number, len(self.archives), "files", name)
            packages = in_order(staged, self.automatic)
            for package in packages:
                _add(entries, files[package.name])
            self._check(packages, context)
            _add(entries, self._database(packages, pack))
        return {"tree": StoredTree(tree_of(entries.values()), tuple(packs))}

    def _check(self, packages: list[Package], context: StageContext) -> None:
        """Raise SourceError for what cannot be installed; print notes for the user."""
        owners(packages)  # raises an error that names both packages if they share a file
        written = [
            (package.name, path)
            for package in packages
            for path in written_by(package.plist, package.plist.arguments(Kind.PKGDIR))
        ]
        Place(self.prefix, self.outside).check(written)
        for name, path in written:
            if path.startswith(f"{self.database}/"):
                raise SourceError(
                    f"{name} installs /{path}",
                    where=f"package {name}",
                    why="that is in the package database, which packages must not write to",
                    hint="leave the package out",
                    reason="pkg-outside",
                )
        others = [
            package.name
            for package in packages
            if check_platform(package, machine_arch=self.machine_arch, os_version=self.version)
        ]
        if others:
            context.note(f"built for another version than {self.version}: {_some(others)}")
        more = [package.name for package in packages if _actions(package)]
        if more:
            context.note(
                f"{len(more)} of {len(packages)} packages have install-script actions that are not "
                f"applied (doit packages-report): {_some(more)}"
            )

    def _database(self, packages: list[Package], pack: PackWriter) -> list[Entry]:
        files = register(packages, automatic=self.automatic, pkgdb=f"/{self.database}")
        return [
            Entry(
                path.lstrip("/"),
                "file",
                META_MODES[path.rpartition("/")[2]],
                time=self.time,
                size=len(data),
                sha256=pack.add(data),
                origin="pkgdb",
            )
            for path, data in files.items()
        ]


def stage_package(path: Path, pack: PackWriter, *, name: str) -> tuple[Package, list[Entry]]:
    """Metadata and entries of the package at `path`; writes its contents into `pack`.

    Only files in its packing list are installed, below its prefix. Raises SourceError.
    """
    where = f"package {name}"
    reader = tar.Reader(compress.chunks(path, where=where), where=where)
    meta: dict[str, bytes] = {}
    members: dict[str, Entry] = {}
    for member in reader:
        if member.path.startswith("+") and not members:
            keep_meta(meta, member, reader, where=where)
        elif member.kind in {"file", "link"}:
            members[member.path] = _entry(member, reader, pack, members, origin=name)
        elif member.kind != "dir":
            raise ArchiveError(
                f"a package cannot contain a {member.kind}",
                where=f"{where}: {member.path}",
                reason="member-type",
            )
    package = read_package(meta, where=where, expected=name)
    return package, _installed(package, members, where)


def _entry(
    member: tar.Member,
    reader: tar.Reader,
    pack: PackWriter,
    members: dict[str, Entry],
    *,
    origin: str,
) -> Entry:
    if member.hardlink:
        first = members.get(member.hardlink)
        if first is None:  # metadata are not installed
            raise ArchiveError(
                f"hard link to {member.hardlink}, which is not a file of the package",
                where=f"package {origin}: {member.path}",
                reason="hard-link",
            )
        first = members[member.hardlink] = replace(
            first, inode=first.inode or f"{origin}/{first.path}"
        )
        return replace(first, path=member.path)
    sha256, size = "", member.size
    if size > SMALL:
        sha256, size = pack.add_pieces(reader.data())
    elif member.kind == "file":
        sha256 = pack.add(reader.all_data())
    return Entry(
        member.path,
        member.kind,
        member.mode,
        member.uid,
        member.gid,
        member.time,
        size,
        sha256,
        member.link,
        origin=origin,
    )


def _installed(package: Package, members: dict[str, Entry], where: str) -> list[Entry]:
    prefix = package.prefix.strip("/")
    entries = []
    for file in package.plist.files:
        member = members.get(file.path)
        if member is None:
            raise SourceError(
                f"{file.path} is in the packing list but not in the archive",
                where=where,
                reason="pkg-file",
            )
        entries.append(replace(_attributed(member, file), path=plain(f"{prefix}/{file.path}")))
    folders = {pkgdir_path(prefix, path): None for path in package.plist.arguments(Kind.PKGDIR)}
    entries += [Entry(path, "dir", 0o755, time=0, origin=package.name) for path in folders]
    return _of_one_inode(entries)


def _attributed(entry: Entry, file: PlistFile) -> Entry:
    mode = entry.mode
    if file.mode and entry.kind == "file":
        mode = apply_mode(file.mode, mode)
    return replace(entry, mode=mode & 0o7777)


def _add(entries: dict[str, Entry], more: list[Entry]) -> None:
    """Add entries; packages may share a folder. Raises SourceError (`pkg-conflict`).

    Files that two packages share are reported later, when all packages are known.
    """
    for entry in more:
        other = entries.setdefault(entry.path, entry)
        if (other.kind == "dir") != (entry.kind == "dir"):
            raise SourceError(
                f"{other.origin} and {entry.origin} disagree about the type of /{entry.path}",
                where=f"package {entry.origin}",
                why=f"a {other.kind} and a {entry.kind}",
                hint="leave one of them out",
                reason="pkg-conflict",
            )


def _of_one_inode(entries: list[Entry]) -> list[Entry]:
    """Give all names of a file the attributes of the last one in the packing list."""
    last = {entry.inode: entry for entry in entries if entry.inode}
    return [
        replace(last[entry.inode], path=entry.path) if entry.inode else entry for entry in entries
    ]


def _actions(package: Package) -> bool:
    declared = Declarations()
    if package.install is not None:
        declared = parse_install(
            package.install, prefix=package.prefix, where=f"{package.name}: +INSTALL"
        )
    return bool(actions_of(package.install, package.plist, declared))


def _some(names: list[str]) -> str:
    """The first names, and the number of the others."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
