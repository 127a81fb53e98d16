"""Lists of digests in BSD form: `SHA512 (base.tgz) = 0123…`.

Source: cksum(1), sha512(1) of NetBSD. This is the form of the MD5 and SHA512 files beside the sets,
and of the signed list, which has paths in the parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from buildlib.model.errors import SourceError
from buildlib.model.looks import LINES_MAX, looks_like

_LINE = re.compile(r"([A-Za-z0-9-]+) \((.+)\) = ([0-9a-fA-F]+)\s*\Z")
_LENGTHS = {"MD5": 32, "SHA1": 40, "RMD160": 40, "SHA256": 64, "SHA512": 128}


@dataclass(frozen=True, slots=True)
class Checksum:
    """One line: algorithm (`SHA512`, …), path as listed, digest in lower-case hex."""

    algorithm: str
    path: str
    digest: str


def parse(text: bytes, *, where: str) -> tuple[Checksum, ...]:
    """The checksums in a list, in its order. Lines of other forms are skipped.

    Raises SourceError for a list without checksums, with a digest of a wrong length, or with more
    than LINES_MAX lines.
    """
    if text.count(b"\n") > LINES_MAX:
        raise SourceError(
            "too many checksums for a release",
            where=where,
            why=f"at most {LINES_MAX} lines are allowed",
            reason="checksum-list",
        )
    found = []
    for number, line in enumerate(text.decode(errors="replace").split("\n"), 1):
        match = _LINE.match(line)
        if match is None:
            continue
        algorithm, path, digest = match[1].upper().replace("-", ""), match[2], match[3].lower()
        if len(digest) != _LENGTHS.get(algorithm, len(digest)):
            raise SourceError(
                f"a {algorithm} digest of {len(digest)} digits",
                where=f"{where}, line {number}",
                reason="checksum-list",
            )
        found.append(Checksum(algorithm, path, digest))
    if not found:
        raise SourceError(
            "no checksum in the list",
            where=where,
            why=looks_like(text[:200]),
            reason="checksum-list",
        )
    return tuple(found)


def lookup(checksums: Iterable[Checksum], path: str, algorithm: str = "SHA512") -> str | None:
    """The digest of the file at `path`; in the list, `path` may be preceded by other folders.

    Raises SourceError if several matching lines differ.
    """
    digests = {
        line.digest
        for line in checksums
        if line.algorithm == algorithm and (line.path == path or line.path.endswith("/" + path))
    }
    if len(digests) > 1:
        raise SourceError(
            f"the list has two {algorithm} digests for one file",
            where=path,
            reason="checksum-list",
        )
    return digests.pop() if digests else None


def format_list(algorithm: str, digests: Mapping[str, str]) -> bytes:
    """A list of `digests` (path to hex), sorted by path."""
    return "".join(
        f"{algorithm} ({path}) = {digest}\n" for path, digest in sorted(digests.items())
    ).encode()
