"""Digests, and the canonical form of documents for hashing.

Content is named by SHA-256, in lower-case hex, as OCI registries, REAPI and mtree(8) do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

SHA256_HEX = re.compile(r"[0-9a-f]{64}\Z")
SHA512_HEX = re.compile(r"[0-9a-f]{128}\Z")


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes in the store: their SHA-256 (hex) and size (bytes)."""

    sha256: str
    size: int


def sha256(data: bytes) -> str:
    """SHA-256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


def canonical(document: Json) -> bytes:
    """`document` as canonical JSON: keys sorted, no white space, UTF-8.

    Floats are not part of `Json`: their text differs between writers (RFC 8785, 3.2.2.3).
    In file names, bytes that are not UTF-8 are surrogates (PEP 383), which are written as escapes.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest_of(document: Json) -> str:
    """SHA-256 of the canonical form of `document`."""
    return sha256(canonical(document))
