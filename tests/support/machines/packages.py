"""Binary packages for tests, as files: packed, signed, in a folder with a summary."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import pysequoia

from buildlib.pkgsrc.signed import hash_file, wrap
from buildlib.pkgsrc.summary import Summary, format_summary
from buildlib.pkgsrc.writer import PackageSource, SourceFile, make_package


def source(pkgname: str, **more: Any) -> PackageSource:
    """A package with one file, for NetBSD/x86_64 1.0."""
    base = pkgname.rpartition("-")[0]
    fields: dict[str, Any] = {
        "pkgpath": f"cat/{base}",
        "comment": f"the package {base}",
        "os_version": "1.0",
        "files": (SourceFile(path=f"bin/{base}", content=pkgname.encode() * 100, mode=0o755),),
    }
    return PackageSource(pkgname=pkgname, **(fields | more))


_PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": partial(gzip.compress, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def packed(made: PackageSource, *, kind: str = "gz") -> bytes:
    """The archive, by Python's own tar; always the same bytes."""
    members, _ = make_package(made)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.mode, info.size = member.mode, len(member.content)
            if member.symlink:
                info.type, info.linkname = tarfile.SYMTYPE, member.symlink
            archive.addfile(info, io.BytesIO(member.content))
    return _PACK[kind](out.getvalue())


def summary(made: PackageSource, **more: Any) -> Summary:
    """Its entry in pkg_summary; `more` overrides fields with wrong values."""
    _, found = make_package(made)
    values = {name: getattr(found, name) for name in Summary.__slots__}
    return Summary(**(values | more))


def summaries(found: Iterable[Summary]) -> bytes:
    """pkg_summary.gz."""
    return gzip.compress(format_summary(found), mtime=0)


def repository(*made: PackageSource, **more: object) -> dict[str, bytes]:
    """The files of a mirror with these packages and their summary."""
    files = {f"packages/{one.pkgname}.tgz": packed(one) for one in made}
    return files | {"packages/pkg_summary.gz": summaries(summary(one, **more) for one in made)}


@cache
def _key(name: str) -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(f"{name} <{name}@example.org>")


def signer(name: str = "packager") -> pysequoia.Tsk:
    """A key, one for each name and run of the tests."""
    return _key(name)


def certificate(name: str = "packager") -> pysequoia.Cert:
    """The public certificate of a key."""
    return signer(name).extract_certificate()


def signed(pkgname: str, package: bytes, *, by: str = "packager", armor: bool = True) -> bytes:
    """The package in its signed wrapper."""
    signature = pysequoia.sign(
        signer(by).signer(),
        hash_file(pkgname, package),
        mode=pysequoia.SignatureMode.DETACHED,
        armor=armor,
    )
    return wrap(pkgname, package, bytes(signature))
