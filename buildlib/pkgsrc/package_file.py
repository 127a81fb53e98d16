"""A binary package as a file: out of its signed wrapping, and its metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from buildlib.model.digest import Blob
from buildlib.model.errors import ArchiveError, SourceError
from buildlib.pkgsrc import signed
from buildlib.pkgsrc.package import Package, read_package
from buildlib.sources.archive import compress, tar
from buildlib.sources.openpgp import check_detached
from buildlib.store.blobs import Blobs

META_LIMIT = 16 << 20  # bytes of all metadata: a packing list of 100,000 files has 8 MB


def metadata(
    path: Path, *, where: str, expected: str | None = None, whole: bool = False
) -> Package:
    """What the package at `path` says of itself.

    expected  the PKGNAME it must have
    whole     read to the end, so that a damaged archive is noticed
    Raises SourceError, as `read_package` and the archive's reader do.
    """
    reader = tar.Reader(compress.chunks(path, where=where), where=where)
    meta: dict[str, bytes] = {}
    is_meta = True
    for member in reader:
        is_meta = is_meta and member.path.startswith("+")
        if is_meta and member.path not in meta:
            keep_meta(meta, member, reader, where=where)
        elif not whole:
            break
    return read_package(meta, where=where, expected=expected)


def keep_meta(
    meta: dict[str, bytes], member: tar.Member, reader: tar.Reader, *, where: str
) -> None:
    """Add a metadata member, read whole, to `meta`. Raises ArchiveError for what is no metadata."""
    size = sum(map(len, meta.values())) + member.size
    if size > META_LIMIT or member.kind != "file" or member.hardlink or member.path in meta:
        what = "a link" if member.hardlink else f"a {member.kind} of {member.size} bytes"
        raise ArchiveError("the package has metadata that cannot be used",
                           where=f"{where}: {member.path}",
                           why=f"{what}; all of it has {META_LIMIT} bytes at the most",
                           reason="pkg-meta")
    meta[member.path] = reader.all_data()


def is_signed(path: Path) -> bool:
    """Whether the file is a signed package."""
    with path.open("rb") as file:
        return signed.is_wrapped(file.read(len(signed.MAGIC)))


def unwrap(path: Path, blobs: Blobs, *, key: bytes, fingerprint: str, where: str) -> Blob:
    """The package in the signed file at `path`, of which every byte was signed by the key.

    Raises SourceError: `signature-missing`, `signing-key`, `signature`, `checksum`, `damaged`,
    `pkg-signature`.
    """
    with blobs.writer() as writer:
        for block in signed_blocks(path, key=key, fingerprint=fingerprint, where=where):
            writer.write(block)
    return writer.blob


def signed_blocks(path: Path, *, key: bytes, fingerprint: str, where: str) -> Iterator[bytes]:
    """The package in the signed file at `path`, as `unwrap` has it, in pieces."""
    with path.open("rb") as file:
        wrapped = signed.read_wrapping(file, where=where)
        check_detached(wrapped.hashes, wrapped.signature, key, fingerprint=fingerprint,
                       where=where)
        yield from signed.blocks(file, wrapped, where=where)


def refuse_signed(path: Path, *, where: str) -> None:
    """Raises SourceError (`signing-key`) for a signed package, where no key is known."""
    if is_signed(path):
        raise SourceError(
            "the package is signed, and the release definition names no key", where=where,
            hint="put the repository's key beside the release definition, and name it: "
            "packages.key, packages.fingerprint", reason="signing-key",
        )
