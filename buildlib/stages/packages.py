"""Staging binary packages into a tree, without root and without running their scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from buildlib.sources.archive import compress, tar
from buildlib.sources.pkgsrc.modes import apply_mode
from buildlib.sources.pkgsrc.package import META_MODES, Package, check_platform, read_package
from buildlib.sources.pkgsrc.pkgdb import owners, register
from buildlib.sources.pkgsrc.plist import Kind, PlistFile
from buildlib.stages.stage import From, Job, Outputs, Stage
from buildlib.store.events import Note
from buildlib.store.packs import PackWriter, StoredTree
from buildlib.words.digest import Blob
from buildlib.words.errors import ArchiveError, SourceError
from buildlib.words.tree import Entry, tree_of

META_LIMIT = 16 << 20


@dataclass(frozen=True)
class Packages(Stage):
    """The tree of installed packages: their files and the package database. Output: `tree`.

    archives   PKGNAME to its archive, in an order where what is needed comes first
    automatic  those nobody asked for, that others need
    database   where the package database lies, from the root
    time       of the database's files, seconds since 1970
    """

    archives: Mapping[str, From]
    automatic: tuple[str, ...]
    database: str
    machine_arch: str
    version: str
    time: int

    def run(self, job: Job) -> Outputs:
        """One pass over every archive."""
        packs: list[Blob] = []
        entries: list[Entry] = []
        packages: list[Package] = []
        with job.packs.writer(packs) as pack:
            for number, (name, ref) in enumerate(self.archives.items(), 1):
                package, files = stage_package(job.path(ref), pack, name=name)
                warning = check_platform(
                    package, machine_arch=self.machine_arch, os_version=self.version)
                if warning:
                    job.sink(Note(warning, job.name))
                packages.append(package)
                entries += files
                job.tell(number, len(self.archives), "files", name)
            owners(packages)  # two packages with one file: an error that names both
            entries += self._database(packages, pack)
        return {"tree": StoredTree(tree_of(entries), tuple(packs))}

    def _database(self, packages: list[Package], pack: PackWriter) -> list[Entry]:
        files = register(packages, automatic=self.automatic, pkgdb=f"/{self.database}")
        return [
            Entry(path.lstrip("/"), "file", META_MODES[path.rpartition("/")[2]], time=self.time,
                  size=len(data), sha256=pack.add(data), origin="pkgdb")
            for path, data in files.items()
        ]


def stage_package(path: Path, pack: PackWriter, *, name: str) -> tuple[Package, list[Entry]]:
    """Metadata and entries of the package at `path`; its contents go into `pack`.

    Only what its packing list names is installed, below its prefix. Raises SourceError.
    """
    where = f"package {name}"
    reader = tar.Reader(compress.chunks(path, where=where), where=where)
    meta: dict[str, bytes] = {}
    members: dict[str, Entry] = {}
    for member in reader:
        if member.path.startswith("+") and not members:
            if member.size > META_LIMIT:
                raise ArchiveError("metadata of that size is none", where=where, reason="pkg-meta")
            meta[member.path] = reader.all_data()
        elif member.kind in {"file", "link"}:
            members[member.path] = _entry(member, reader, pack, members, origin=name)
        elif member.kind != "dir":
            raise ArchiveError(f"a package cannot hold a {member.kind}",
                               where=f"{where}: {member.path}", reason="member-type")
    package = read_package(meta, where=where, expected=name)
    return package, _installed(package, members, where)


def _entry(
    member: tar.Member, reader: tar.Reader, pack: PackWriter, members: Mapping[str, Entry], *,
    origin: str,
) -> Entry:
    if member.hardlink:
        first = members[member.hardlink]
        return replace(first, path=member.path)
    sha256, size = pack.add_pieces(reader.data()) if member.kind == "file" else ("", 0)
    return Entry(member.path, member.kind, member.mode, member.uid, member.gid, member.time,
                 size, sha256, member.link, origin=origin)


def _installed(package: Package, members: dict[str, Entry], where: str) -> list[Entry]:
    prefix = package.prefix.strip("/")
    entries = []
    for file in package.plist.files:
        member = members.get(file.path)
        if member is None:
            raise SourceError(f"{file.path} is in the packing list, not in the archive",
                              where=where, reason="pkg-file")
        entries.append(replace(_attributed(member, file), path=f"{prefix}/{file.path}"))
    for path in package.plist.arguments(Kind.PKGDIR):
        folder = f"{prefix}/{path.strip('/')}"
        entries.append(Entry(folder, "dir", 0o755, time=0, origin=package.name))
    return entries


def _attributed(entry: Entry, file: PlistFile) -> Entry:
    mode = entry.mode
    if file.mode and entry.kind == "file":
        mode = apply_mode(file.mode, mode)
    return replace(entry, mode=mode & 0o7777)
