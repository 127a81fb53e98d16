"""Extended headers of pax(1): `length key=value` records, of which a reader needs only a few.

A header is read once from front to back. Only records for a member's path, owner, size and time are
kept. A header with more records than any tar(1) writes is rejected, because a compressed kilobyte
could contain a quarter of a million.
Source: IEEE Std 1003.1-2017, pax(1), "pax Extended Header"; tar(5) of libarchive.
"""

from __future__ import annotations

import re

SIZE_LIMIT = 1 << 20  # bytes of a header; names have 1,024, the rest is extended attributes
RECORDS_LIMIT = 256  # of a header; libarchive writes about ten, and two for each attribute
RECORDS_OF_EACH = 24  # average of all members, plus RECORDS_MORE in total
RECORDS_MORE = 4096

SPARSE = "GNU.sparse"
_NEWLINE = 0x0A  # which ends each record
_LENGTH = re.compile(rb"([0-9]{1,18}) ")
_KEPT = (b"path=", b"linkpath=", b"size=", b"uid=", b"gid=", b"mtime=")


def records(data: bytes) -> tuple[dict[str, str], int]:
    """The relevant records in `data`, and the number of all records.

    SPARSE is a key if it is the header of a sparse file. Raises ValueError for a record with a
    wrong length, and for too many records.
    """
    found: dict[str, str] = {}
    at = number = 0
    while at < len(data):
        head = _LENGTH.match(data, at)
        end = at + int(head[1]) if head else 0
        if head is None or not head.end() < end <= len(data) or data[end - 1] != _NEWLINE:
            raise ValueError("a pax record with a wrong length")
        if data.startswith(_KEPT, head.end(), end):
            key, _, value = data[head.end() : end - 1].partition(b"=")
            found[key.decode()] = value.decode(errors="surrogateescape")
        elif data.startswith(SPARSE.encode(), head.end(), end):
            found[SPARSE] = "1"
        at = end
        number += 1
        if number > RECORDS_LIMIT:
            raise ValueError(f"a pax header of more than {RECORDS_LIMIT} records")
    return found, number
