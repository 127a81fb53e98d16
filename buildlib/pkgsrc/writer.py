"""Creates a binary package from a plain description, as pkg_create(1) would.

The result is a list of archive members; the archive is written elsewhere. It depends only on the
description: the same description gives the same bytes.
Source: pkg_install, create/build.c, create/perform.c, create/pl.c; pkgsrc, mk/pkgformat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from buildlib.model.errors import SourceError
from buildlib.pkgsrc.package import META_FILES, META_MODES, read_package, summary_of
from buildlib.pkgsrc.plist import Directive, Kind, format_plist, plist_of
from buildlib.pkgsrc.summary import Summary
from buildlib.pkgsrc.version import split_pkgname

ROOT = "root"
WHEEL = "wheel"
PKGTOOLS_VERSION = "20091115"  # the oldest pkg_install that reads what is written here


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file of the package: `content`, or the target of a symbolic link.

    `path` is relative to the prefix; `mode` has the permission bits; files with the same nonempty
    `inode` are hard links.
    """

    path: str
    content: bytes = b""
    symlink: str = ""
    mode: int = 0o644
    owner: str = ROOT
    group: str = WHEEL
    inode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """The description of a package. `build_date` is text, such as `2024-12-16 12:00:00 +0000`."""

    pkgname: str
    pkgpath: str
    comment: str
    description: str = ""
    depends: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    categories: str = ""
    homepage: str = ""
    license: str = ""
    install: bytes | None = None
    deinstall: bytes | None = None
    files: tuple[SourceFile, ...] = ()
    directories: tuple[str, ...] = ()  # managed ones (@pkgdir), relative to the prefix
    prefix: str = "/usr/pkg"
    machine_arch: str = "x86_64"
    opsys: str = "NetBSD"
    os_version: str = ""
    build_date: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the archive: a file, or a symbolic link if `symlink` is not empty.

    `inode` as in SourceFile.
    """

    name: str
    mode: int
    content: bytes = b""
    symlink: str = ""
    owner: str = ROOT
    group: str = WHEEL
    inode: str = ""


def make_package(source: PackageSource) -> tuple[tuple[Member, ...], Summary]:
    """The members of the package in order, and its summary without size and digest of the file.

    Files are sorted by path. Raises SourceError: `pkgname`, `plist` for a path that is invalid in
    a packing list, `pkg-file` for a duplicate path or one like metadata, `summary`.
    """
    split_pkgname(source.pkgname)
    files = sorted(source.files, key=lambda file: file.path)
    _check_paths(source.pkgname, [file.path for file in files])
    meta = _meta(source, files)
    package = read_package(meta, where=source.pkgname, expected=source.pkgname)
    members = [Member(name, META_MODES[name], data) for name, data in meta.items()]
    members += [
        Member(
            name=file.path,
            mode=0o777 if file.symlink else file.mode,
            content=b"" if file.symlink else file.content,
            symlink=file.symlink,
            owner=file.owner,
            group=file.group,
            inode=file.inode,
        )
        for file in files
    ]
    return tuple(members), summary_of(package, file_name=f"{source.pkgname}.tgz")


def _check_paths(pkgname: str, paths: list[str]) -> None:
    """Reject duplicates, and names of metadata. `paths` are sorted."""
    for path, following in pairwise([*paths, ""]):
        if path == following or path.startswith("+"):
            raise SourceError(
                f"{pkgname}: {path!r} cannot be packed",
                why="names of metadata begin with +"
                if path.startswith("+")
                else "it is given twice",
                reason="pkg-file",
            )


def _meta(source: PackageSource, files: list[SourceFile]) -> dict[str, bytes]:
    """The metadata members by name, in the order of an archive."""
    size = b"%d\n" % sum(len(file.content) for file in files if not file.symlink)
    parts = {
        "+COMMENT": _bytes(source.comment + "\n"),
        "+DESC": _bytes(source.description.rstrip("\n") + "\n"),
        "+INSTALL": source.install,
        "+DEINSTALL": source.deinstall,
        "+BUILD_INFO": _bytes(_build_info(source)),
        "+SIZE_PKG": size,
        "+SIZE_ALL": size,
    }
    present = {meta.name: data for meta in META_FILES if (data := parts.get(meta.name)) is not None}
    plist = plist_of(_directives(source, files, list(present)), where=source.pkgname)
    return {"+CONTENTS": format_plist(plist), **present}


def _directives(
    source: PackageSource, files: list[SourceFile], meta: list[str]
) -> Iterator[Directive]:
    """The packing list: name, prefix, dependencies, conflicts, files, and ignored metadata."""
    yield Directive(Kind.NAME, source.pkgname)
    yield Directive(Kind.CWD, source.prefix)
    for pattern in source.depends:
        yield Directive(Kind.PKGDEP, pattern)
    for pattern in source.conflicts:
        yield Directive(Kind.PKGCFL, pattern)
    owner, group = ROOT, WHEEL
    for file in files:
        if file.owner != owner:
            yield Directive(Kind.OWNER, file.owner)
        if file.group != group:
            yield Directive(Kind.GROUP, file.group)
        owner, group = file.owner, file.group
        yield Directive(Kind.FILE, file.path)
        if file.symlink:
            yield Directive(Kind.COMMENT, f"Symlink:{file.symlink}")
        else:
            digest = hashlib.md5(file.content, usedforsecurity=False).hexdigest()
            yield Directive(Kind.COMMENT, f"MD5:{digest}")
    for path in sorted(source.directories):
        yield Directive(Kind.PKGDIR, path)
    yield Directive(Kind.CWD, source.prefix)
    for name in meta:
        yield Directive(Kind.IGNORE)
        yield Directive(Kind.FILE, name)


def _build_info(source: PackageSource) -> str:
    values = {
        "BUILD_DATE": (source.build_date,),
        "CATEGORIES": (source.categories,),
        "HOMEPAGE": (source.homepage,),
        "LICENSE": (source.license,),
        "LOCALBASE": (source.prefix,),
        "MACHINE_ARCH": (source.machine_arch,),
        "OPSYS": (source.opsys,),
        "OS_VERSION": (source.os_version,),
        "PKGPATH": (source.pkgpath,),
        "PKGTOOLS_VERSION": (PKGTOOLS_VERSION,),
        "PROVIDES": tuple(sorted(source.provides)),
        "REQUIRES": tuple(sorted(source.requires)),
    }
    lines = [(name, value) for name, many in sorted(values.items()) for value in many if value]
    if bad := [value for _, value in lines if "\n" in value]:
        raise SourceError(f"{source.pkgname}: {bad[0]!r} contains a newline", reason="summary")
    return "".join(f"{name}={value}\n" for name, value in lines)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
