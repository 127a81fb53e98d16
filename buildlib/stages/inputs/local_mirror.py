"""Builds a mirror of your own release from plain folders.

The release's folder contains

    source/SET/usr/src/…, binary/SET/…     sets; SET.mtree beside one adds what git cannot record
    packages/NAME/package.toml, files/…, INSTALL     binary packages
    hashes.asc                             the clear-signed list of the sets' digests

The mirror has the layout, lists and archive formats of NetBSD's. Archives consist of stored
(uncompressed) blocks, so they have the same digests on every host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.config.reading.toml_file import read_toml
from buildlib.engine.stage import Outputs, SourceTree, Stage, StageContext
from buildlib.model.digest import Blob, sha256
from buildlib.model.errors import ConfigError
from buildlib.model.tree import Entry, Tree
from buildlib.pkgsrc.summary import Summary, format_summary
from buildlib.pkgsrc.writer import Member, PackageSource, SourceFile, make_package
from buildlib.sources.archive.pack import gzip_stored, tar
from buildlib.sources.checksums import format_list
from buildlib.sources.folder import read_tree
from buildlib.store.packs import PackWriter, Place, StoredTree, content_of, read_content
from buildlib.store.source_files import walk


@dataclass(frozen=True, slots=True)
class PackageText:
    """A `package.toml`. `owned`: path of a file to OWNER:GROUP, if it is not root:wheel."""

    pkgname: str
    pkgpath: str
    comment: str
    categories: str = ""
    homepage: str = ""
    license: str = ""
    depends: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    owned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Press(Stage):
    """The mirror of a release. Outputs: one for each file, by its path from the mirror's root.

    path, sets, list, packages   as in the release definition; `sets` maps a set's path in the
                                 release's folder to its folder below `folder`
    time   of every entry, seconds since 1970
    """

    folder: SourceTree
    path: str
    sets: Mapping[str, str]
    list: str
    packages: str
    machine_arch: str
    version: str
    time: int

    def run(self, context: StageContext) -> Outputs:
        """Read the folders once and write archives and lists."""
        packs: list[Blob] = []
        with context.packs.writer(packs) as pack:
            sets = {path: self._read(name, pack) for path, name in self.sets.items()}
        places = context.packs.contents(StoredTree(Tree(), tuple(packs)))
        files: dict[str, Blob] = {}
        for path, tree in sets.items():
            dot = path != f"source/sets/{path.rpartition('/')[2]}"
            files[f"{self.path}/{path}"] = _archive(context, tree, places, dot=dot)
        files |= self._lists(context, files)
        hashes = self._plain(self.folder.path / "hashes.asc")
        if hashes.exists():
            files[self.list] = context.blobs.copy_in(hashes)
        return files | self._packages(context)

    def _plain(self, path: Path) -> Path:
        """Return `path` if no part of it is a symbolic link. Raises ConfigError.

        The stage's key records a link's target, not the content it leads to.
        """
        for place in (path, *path.parents):
            if place == self.folder.path:
                break
            if place.is_symlink():
                raise ConfigError(
                    "a symbolic link is not allowed in a release's folder",
                    where=place,
                    why="changes of what it leads to would go unnoticed",
                    hint="put the file or folder itself there",
                    reason="press-link",
                )
        return path

    def _read(self, name: str, pack: PackWriter) -> Tree:
        folder = self._plain(self.folder.path / name)
        spec = self._plain(folder.with_name(f"{folder.name}.mtree"))
        return read_tree(folder, spec, pack, origin=folder.name, time=self.time)

    def _lists(self, context: StageContext, files: Mapping[str, Blob]) -> dict[str, Blob]:
        """The MD5 and SHA512 files of each folder of sets."""
        folders: dict[str, list[str]] = {}
        for path in files:
            folders.setdefault(path.rpartition("/")[0], []).append(path)
        lists = {}
        for folder, paths in folders.items():
            for algorithm in ("MD5", "SHA512"):
                digests = {}
                for path in paths:
                    with context.blobs.open(files[path]) as file:
                        digest = hashlib.file_digest(file, algorithm.lower()).hexdigest()
                    digests[path.rpartition("/")[2]] = digest
                lists[f"{folder}/{algorithm}"] = context.blobs.put(format_list(algorithm, digests))
        return lists

    def _packages(self, context: StageContext) -> dict[str, Blob]:
        folder = self._plain(self.folder.path / "packages")
        files: dict[str, Blob] = {}
        summaries: list[Summary] = []
        found = [
            self._plain(folder / path) if "/" not in path else folder / path
            for path, _ in (walk(str(folder)) if folder.is_dir() else ())
        ]
        for path in found:
            if path.name != "package.toml" or path.parents[1] != folder:
                continue
            members, summary = make_package(self._package(path))
            files[f"{self.packages}/{summary.archive}"] = _members_archive(
                context, members, self.time
            )
            summaries.append(summary)
        if summaries:
            with context.blobs.writer() as writer:
                for piece in gzip_stored([format_summary(summaries)]):
                    writer.write(piece)
            files[f"{self.packages}/pkg_summary.gz"] = writer.blob
        return files

    def _package(self, path: Path) -> PackageSource:
        text = read_toml(self._plain(path), name=str(path)).load(PackageText)
        install = self._plain(path.with_name("INSTALL"))
        files = self._plain(path.with_name("files"))
        self._plain(path.with_name("files.mtree"))
        return PackageSource(
            pkgname=text.pkgname,
            pkgpath=text.pkgpath,
            comment=text.comment,
            description=text.comment,
            depends=text.depends,
            conflicts=text.conflicts,
            provides=text.provides,
            requires=text.requires,
            categories=text.categories,
            homepage=text.homepage,
            license=text.license,
            install=install.read_bytes() if install.exists() else None,
            files=tuple(_package_files(files, text.owned)),
            machine_arch=self.machine_arch,
            os_version=self.version,
        )


def _package_files(folder: Path, owned: Mapping[str, str]) -> Iterator[SourceFile]:
    kept = _Kept()
    spec = folder.with_name(f"{folder.name}.mtree")
    for entry in read_tree(folder, spec, kept, origin=folder.parent.name, time=0):
        if entry.kind == "link":
            yield SourceFile(path=entry.path, symlink=entry.link)
        elif entry.kind == "file":
            owner, _, group = owned.get(entry.path, "root:wheel").partition(":")
            yield SourceFile(
                path=entry.path,
                content=kept.contents[entry.sha256],
                mode=entry.mode,
                owner=owner,
                group=group,
                inode=entry.inode,
            )
        elif entry.kind != "dir":
            raise ConfigError(
                f"a package cannot hold a {entry.kind}", where=entry.path, reason="package-entry"
            )


class _Kept:
    """Takes contents as a pack does, but keeps them in memory: packages are small."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def add_pieces(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        data = b"".join(pieces)
        digest = sha256(data)
        self.contents[digest] = data
        return digest, len(data)


def _archive(
    context: StageContext, tree: Iterable[Entry], places: Mapping[str, Place], *, dot: bool
) -> Blob:
    with context.blobs.writer() as writer:
        entries = tar(tree, lambda entry: read_content(content_of(places, entry)), dot=dot)
        for piece in gzip_stored(entries):
            writer.write(piece)
    return writer.blob


def _members_archive(context: StageContext, members: tuple[Member, ...], time: int) -> Blob:
    """A package's archive: members in pkg_create's order, without directories."""
    contents = {member.name: member.content for member in members}
    entries = [
        Entry(
            member.name,
            "link" if member.symlink else "file",
            member.mode,
            time=time,
            size=len(member.content),
            link=member.symlink,
            inode=member.inode,
        )
        for member in members
    ]
    with context.blobs.writer() as writer:
        for piece in gzip_stored(tar(entries, lambda entry: contents[entry.path], dot=False)):
            writer.write(piece)
    return writer.blob
