"""pkg-vulnerabilities: package versions with known vulnerabilities, and their advisories.

    -----BEGIN PGP SIGNED MESSAGE-----
    Hash: SHA512

    # $NetBSD: …
    #FORMAT 1.1.0
    #CHECKSUM SHA512 9f0c…
    xz<5.2.5nb2    arbitrary-file-write    https://…

A line has a pattern, the kind of vulnerability, and the advisory's address. The kind `eol` marks a
package that is no longer maintained. The checksum covers the file without empty lines and without
lines that a checkout or a signature changes; it detects damage, not forgery.
Source: pkg_install, lib/vulnerabilities-file.c.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from buildlib.model.errors import SourceError
from buildlib.model.looks import looks_like
from buildlib.pkgsrc.repository import NameIndex
from buildlib.sources.openpgp import verified_payload

EOL = "eol"
LIST_MAX = 32 << 20  # bytes; the real list has 3 MB
LINES_MAX = 300_000  # the real list has 30,000

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----\n"
_ENDS = (b"-----BEGIN PGP SIGNATURE-----\n", b"-----BEGIN PKCS7-----\n")
_NOT_SUMMED = (b"Hash:", b"# $NetBSD", b"#CHECKSUM")
_FORMAT = re.compile(r"#FORMAT\s+1\.1\.0\s*\Z")
_CHECKSUM = re.compile(r"#CHECKSUM\s+([A-Za-z0-9]+)\s+([0-9a-fA-F]+)\s*\Z")
_HASHES = {"SHA512": "sha512", "SHA1": "sha1"}


@dataclass(frozen=True, slots=True)
class Advisory:
    """One line: pattern of packages, kind of vulnerability, address; `line` is its number."""

    pattern: str
    kind: str
    url: str
    line: int


@dataclass(frozen=True, slots=True)
class Advice:
    """An advisory and the affected packages (PKGNAMEs)."""

    advisory: Advisory
    names: tuple[str, ...]


def verified(data: bytes, key: bytes, *, fingerprint: str, where: str) -> bytes:
    """The list in `data`, if it is signed with the pinned key. Raises as `verified_payload`."""
    # the OpenPGP signature is followed by a second one in another form
    message = data.partition(_ENDS[1])[0]
    text = verified_payload(message, key, fingerprint=fingerprint, where=where)
    return text.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"


def parse(data: bytes, *, where: str) -> tuple[Advisory, ...]:
    """The advisories of a list. Checks its checksums, but no signature.

    Raises SourceError: `advisories` with the line that cannot be read, `checksum`.
    """
    if len(data) > LIST_MAX or data.count(b"\n") + data.count(b"\r") > LINES_MAX:
        raise _bad(
            "the list is too long",
            where,
            1,
            why=f"at most {LIST_MAX} bytes and {LINES_MAX} lines are allowed",
        )
    found: list[Advisory] = []
    sums: dict[str, str] = {}
    has_format = False
    for number, raw in _lines(data):
        text = raw.decode(errors="replace").rstrip("\n")
        if text.startswith("#FORMAT"):
            if not _FORMAT.match(text):
                raise _bad(f"{text[:40]!r} is not supported", where, number)
            has_format = True
        elif text.startswith("#CHECKSUM"):
            _check_sum(data, text, where, number, sums)
        elif text.strip() and not text.startswith(("#", "Hash:")):
            if not has_format:
                break
            words = text.split(None, 3)
            if len(words) < 3:
                raise _bad("a line is not PATTERN KIND ADDRESS", where, number, why=repr(text[:60]))
            found.append(Advisory(words[0], words[1], words[2], number))
    if not has_format:
        raise _bad("the list has no #FORMAT", where, 1, why=looks_like(data[:200]))
    return tuple(found)


def about(
    advisories: Iterable[Advisory], names: Iterable[str]
) -> tuple[list[Advice], list[Advisory]]:
    """Advice for `names`, in the list's order, and advisories with unusable patterns."""
    index = NameIndex(names)
    found, unusable = [], []
    for advisory in advisories:
        try:
            matching = index.matching(advisory.pattern)
        except SourceError:
            unusable.append(advisory)
            continue
        if matching:
            found.append(Advice(advisory, matching))
    return found, unusable


def format_list(advisories: Iterable[tuple[str, str, str]]) -> bytes:
    """An unsigned list of (pattern, kind, address) with its checksum."""
    body = "".join(f"{pattern}\t{kind}\t{url}\n" for pattern, kind, url in advisories).encode()
    head = b"#FORMAT 1.1.0\n"
    return head + b"#CHECKSUM SHA512 " + _sum(head + body, "sha512").encode() + b"\n" + body


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines of the list with their numbers in the file, without the signature."""
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        if line in _ENDS:
            return
        if line != _BEGIN:
            yield number, line


def _check_sum(data: bytes, text: str, where: str, number: int, sums: dict[str, str]) -> None:
    """Verify a checksum line; `sums` caches the list's sums by algorithm. Raises SourceError."""
    match = _CHECKSUM.match(text)
    algorithm = _HASHES.get(match[1]) if match else None
    if match is None or algorithm is None:
        raise _bad(f"{text[:60]!r} is not a supported checksum", where, number)
    if algorithm not in sums:
        sums[algorithm] = _sum(data, algorithm)
    found = sums[algorithm]
    if found != match[2].lower():
        raise SourceError(
            "the checksum does not match",
            where=f"{where}, line {number}",
            why=f"{match[1]} listed {match[2].lower()}\n{match[1]} found  {found}",
            hint="the list is damaged or incomplete: fetch it again",
            reason="checksum",
        )


def _sum(data: bytes, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for _, line in _lines(data):
        if line != b"\n" and not line.startswith(_NOT_SUMMED):
            digest.update(line)
    return digest.hexdigest()


def _bad(what: str, where: str, line: int, *, why: str | None = None) -> SourceError:
    return SourceError(
        what,
        where=f"{where}, line {line}",
        why=why,
        reason="advisories",
        hint="check that the file is pkgsrc's pkg-vulnerabilities",
    )
