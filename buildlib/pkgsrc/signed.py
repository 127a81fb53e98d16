"""Signed packages: the archive in a wrapper with a signature.

    ar(5) archive
        +PKG_HASH            name, size and SHA-512 of each 64 KiB of the package
        +PKG_GPG_SIGNATURE   a detached OpenPGP signature of +PKG_HASH, or
        +PKG_SIGNATURE       a detached PKCS #7 signature of it, in PEM form
        NAME.tgz             the package

`pkg_admin gpg-sign-package` and `x509-sign-package` create it. Names of more than 16 bytes are
before the data (BSD's ar) or in a separate table (GNU's); pkg_install reads both. The package is
read block by block, and each block is checked before it is passed on, so nothing unsigned is ever
unpacked.
Sources: pkg_install, lib/pkg_signature.c, lib/gpgsig.c; ar(5).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from buildlib.model.errors import SourceError

MAGIC = b"!<arch>\n"
HASH, GPG, X509 = "+PKG_HASH", "+PKG_GPG_SIGNATURE", "+PKG_SIGNATURE"
BLOCK = 65536

_HEADER = 60
_SMALL = 16 << 20  # bytes of +PKG_HASH; a package of 8 GB has 16 MB of digests
_SIGNATURE_MAX = 1 << 20
_BLOCK_MIN, _BLOCK_MAX = 1024, 64 << 20  # the first is pkg_install's
_NUMBER = re.compile(rb"[0-9]{1,15}\Z")
_FORM = re.compile(
    r"pkgsrc signature\n\nversion: 1\npkgname: (?P<name>[!-~]+)\nalgorithm: SHA512\n"
    r"block size: (?P<block>[0-9]{1,15})\nfile size: (?P<size>[0-9]{1,15})\n\n"
    r"(?P<digests>(?:[0-9a-f]{128}\n)*+)end pkgsrc signature\n\Z"
)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The wrapper of a signed package.

    pkgname, block, size, digests   the values in +PKG_HASH; digests of the blocks, in hex
    kind                            the member with the signature: GPG or X509
    hashes, signature               +PKG_HASH and its signature as bytes
    start                           offset of the package in bytes
    """

    pkgname: str
    block: int
    size: int
    digests: tuple[str, ...]
    kind: str
    hashes: bytes
    signature: bytes
    start: int


def is_wrapped(head: bytes) -> bool:
    """Whether a file with these first bytes is a signed package."""
    return head.startswith(MAGIC)


def read_wrapping(file: BinaryIO, *, where: str) -> Wrapped:
    """Read the wrapper without checking the signature or any digest.

    Raises SourceError: `signature-missing` for a package that is not signed, `pkg-signature` for a
    wrapper that cannot be read.
    """
    if not is_wrapped(file.read(len(MAGIC))):
        raise SourceError(
            "the package is not signed",
            where=where,
            reason="signature-missing",
            hint="the release definition names who signs packages (packages.key or "
            "packages.certificate): use a repository with signed packages, or remove that",
        )
    members = _members(file, where)
    name, hashes = _small(file, next(members), where)
    kind, signature = _small(file, next(members), where)
    if len(signature) > _SIGNATURE_MAX:
        raise _bad(f"{kind} has {len(signature)} bytes", where)
    if name != HASH or kind not in {GPG, X509}:
        raise _bad(
            f"its members are {name[:80]!r} and {kind[:80]!r}, not {HASH} and {GPG} or {X509}",
            where,
        )
    _, size = next(members)
    found = _FORM.match(hashes.decode("ascii")) if hashes.isascii() else None
    if found is None:
        raise _bad(f"{HASH} does not have the form written by pkg_admin", where)
    block, total = int(found["block"]), int(found["size"])
    digests = tuple(found["digests"].split())
    if not _BLOCK_MIN <= block <= _BLOCK_MAX or total < 1 or len(digests) != -(-total // block):
        raise _bad(
            f"{HASH} has {len(digests)} digests for {total} bytes in blocks of {block}", where
        )
    if size != total:
        raise _bad(f"the package has {size} bytes, {HASH} says {total}", where)
    return Wrapped(found["name"], block, total, digests, kind, hashes, signature, file.tell())


def blocks(file: BinaryIO, wrapped: Wrapped, *, where: str) -> Iterator[bytes]:
    """The package, block by block, each verified with +PKG_HASH.

    Raises SourceError: `checksum`, `damaged` for a truncated file.
    """
    file.seek(wrapped.start)
    left = wrapped.size
    for number, digest in enumerate(wrapped.digests):
        expected = min(wrapped.block, left)
        data = file.read(expected)
        left -= expected
        if len(data) < expected:
            raise SourceError(
                "the archive is damaged or cut short",
                where=where,
                why="it ends too early",
                hint="fetch it again",
                reason="damaged",
            )
        if hashlib.sha512(data).hexdigest() != digest:
            raise SourceError(
                "the package does not match its signature",
                where=where,
                why=f"bytes {number * wrapped.block} to "
                f"{number * wrapped.block + len(data) - 1} have a wrong digest",
                hint="it was changed after it was signed; do not use this file",
                reason="checksum",
            )
        yield data


def hash_file(pkgname: str, package: bytes, *, block: int = BLOCK) -> bytes:
    """+PKG_HASH of a package, which is what gets signed."""
    digests = [
        hashlib.sha512(package[at : at + block]).hexdigest() for at in range(0, len(package), block)
    ]
    head = (
        f"pkgsrc signature\n\nversion: 1\npkgname: {pkgname}\nalgorithm: SHA512\n"
        f"block size: {block}\nfile size: {len(package)}\n\n"
    )
    return "".join(
        [head, *(f"{digest}\n" for digest in digests), "end pkgsrc signature\n"]
    ).encode()


def wrap(
    pkgname: str, package: bytes, signature: bytes, *, kind: str = GPG, file_name: str = ""
) -> bytes:
    """The signed package; `signature` is of its `hash_file`, and of this kind."""
    members = (
        (HASH, hash_file(pkgname, package)),
        (kind, signature),
        (file_name or f"{pkgname}.tgz", package),
    )
    return b"".join([MAGIC, *(piece for name, data in members for piece in _member(name, data))])


def _member(name: str, data: bytes) -> Iterable[bytes]:
    """A member in the form of BSD's ar, without time and owner."""
    text = name.encode()
    before = b""
    if len(text) > 16 or b" " in text or text.startswith(b"#1/"):
        before = text + bytes(-len(text) % 4)
        text = b"#1/%d" % len(before)
    size = len(before) + len(data)
    head = b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (text, 0, 0, 0, 0o100644, size)
    return head, before, data, b"\n" * (size % 2)


def _members(file: BinaryIO, where: str) -> Iterator[tuple[str, int]]:
    """Name and size of each member, with the file positioned at its data."""
    table = b""
    while True:
        at = file.tell()
        header = file.read(_HEADER)
        if len(header) < _HEADER or header[58:] != b"`\n":
            raise _bad(f"no member of the ar archive at byte {at}", where)
        name, size = header[:16].rstrip(b" "), _number(header[48:58], where)
        start, end = at + _HEADER, at + _HEADER + size + size % 2
        if name == b"//":  # GNU: names of the following members
            table = _read(file, size, where)
            file.seek(end)
            continue
        if name.startswith(b"#1/"):
            length = _number(name[3:], where)
            if not 0 < length <= min(size, 1024):
                raise _bad(f"a member's name of {length} bytes", where)
            name, size = _read(file, length, where).rstrip(b"\0"), size - length
        elif re.fullmatch(rb"/[0-9]{1,9}", name):
            name = table[int(name[1:]) :].partition(b"\n")[0].removesuffix(b"/")
        else:
            name = name.removesuffix(b"/")
            file.seek(start)
        yield name.decode(errors="replace"), size
        file.seek(end)


def _small(file: BinaryIO, member: tuple[str, int], where: str) -> tuple[str, bytes]:
    name, size = member
    if size > _SMALL:
        raise _bad(f"{name} has {size} bytes", where)
    return name, _read(file, size, where)


def _read(file: BinaryIO, size: int, where: str) -> bytes:
    if size > _SMALL:
        raise _bad(f"a list of {size} bytes", where)
    data = file.read(size)
    if len(data) < size:
        raise _bad("it ends too early", where)
    return data


def _number(text: bytes, where: str) -> int:
    digits = text.strip(b" ")
    if not _NUMBER.match(digits):
        raise _bad(f"{text!r} is not a number", where)
    return int(digits)


def _bad(why: str, where: str) -> SourceError:
    return SourceError(
        "the signed package cannot be read",
        where=where,
        why=why,
        hint="fetch it again; if it fails again, its repository must sign it again",
        reason="pkg-signature",
    )
