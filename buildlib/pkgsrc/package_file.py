"""Files of binary packages: removing the signed wrapper, and reading the metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from buildlib.model.digest import Blob
from buildlib.model.errors import ArchiveError, SourceError
from buildlib.pkgsrc import signed
from buildlib.pkgsrc.package import Package, read_package
from buildlib.pkgsrc.trust import Signer
from buildlib.sources.archive import compress, tar
from buildlib.store.blobs import Blobs

META_LIMIT = 16 << 20  # bytes of all metadata; a packing list of 100,000 files has 8 MB


def metadata(
    path: Path, *, where: str, expected: str | None = None, whole: bool = False
) -> Package:
    """The metadata of the package at `path`.

    expected  the PKGNAME it must have
    whole     read to the end, so that a damaged archive is noticed
    Raises SourceError as `read_package` and the archive's reader do.
    """
    reader = tar.Reader(compress.chunks(path, where=where), where=where)
    meta: dict[str, bytes] = {}
    is_meta = True
    for member in reader:
        is_meta = is_meta and member.path.startswith("+")
        if is_meta:
            keep_meta(meta, member, reader, where=where)
        elif not whole:
            break
    return read_package(meta, where=where, expected=expected)


def keep_meta(
    meta: dict[str, bytes], member: tar.Member, reader: tar.Reader, *, where: str
) -> None:
    """Read a metadata member and add it to `meta`. Raises ArchiveError if it is not usable.

    Its name is a new one: the reader refuses an archive in which a name occurs twice.
    """
    size = sum(map(len, meta.values())) + member.size
    if size > META_LIMIT or member.kind != "file" or member.hardlink:
        what = "a link" if member.hardlink else f"a {member.kind} of {member.size} bytes"
        raise ArchiveError(
            "the package has unusable metadata",
            where=f"{where}: {member.path}",
            why=f"{what}; only files are allowed, with at most {META_LIMIT} bytes in total",
            reason="pkg-meta",
        )
    meta[member.path] = reader.all_data()


def is_signed(path: Path) -> bool:
    """Whether the file is a signed package."""
    with path.open("rb") as file:
        return signed.is_wrapped(file.read(len(signed.MAGIC)))


def unwrap(path: Path, blobs: Blobs, *, signer: Signer, where: str) -> Blob:
    """Store the package in the signed file at `path`, after verifying every byte.

    Raises SourceError: `signature-missing`, `signing-key`, `signature`, `checksum`, `damaged`,
    `pkg-signature`.
    """
    with blobs.writer() as writer:
        for block in signed_blocks(path, signer=signer, where=where):
            writer.write(block)
    return writer.blob


def signed_blocks(path: Path, *, signer: Signer, where: str) -> Iterator[bytes]:
    """The package in the signed file at `path`, verified like `unwrap`, in pieces."""
    with path.open("rb") as file:
        wrapped = signed.read_wrapping(file, where=where)
        signer.check(wrapped, where=where)
        yield from signed.blocks(file, wrapped, where=where)


def refuse_signed(path: Path, *, where: str) -> None:
    """Raise SourceError (`signing-key`) for a signed package; call it if no key is configured."""
    if is_signed(path):
        raise SourceError(
            "the package is signed, but the release definition names no key",
            where=where,
            hint="put the repository's key beside the release definition, and set packages.key (or "
            "packages.certificate) and packages.fingerprint",
            reason="signing-key",
        )
