"""Rock Ridge: POSIX file attributes as system use fields of an ISO 9660 directory record.

This is version 1.10 (`RRIP_1991A`), which NetBSD's cd9660 looks for. Hard links share an extent
and contain the link count; libarchive identifies files by that, NetBSD by their directory records.
Sources: IEEE P1281 (SUSP 1.12), IEEE P1282 (RRIP 1.12); sys/fs/cd9660 of NetBSD for `PN`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache

from buildlib.formats.fixed_fields import FixedFields, both
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry

TYPE_BITS = {
    "fifo": 0o010000,
    "char": 0o020000,
    "dir": 0o040000,
    "block": 0o060000,
    "file": 0o100000,
    "link": 0o120000,
}
CE_LENGTH = 28
_FIELD_LIMIT = 255
_NAME_LIMIT = 255
_TARGET_LIMIT = 1023  # NetBSD's MAXPATHLEN, without the NUL
_SL_ROOM = _FIELD_LIMIT - 5
_SL_MORE, _SL_ROOT = 1, 8
_SL_FLAGS = {b".": 2, b"..": 4}
_CE = FixedFields("ISO 9660", "<2sBB", "field length version")

SHARING = b"SP\x07\x01\xbe\xef\x00"
_IDENTIFIER = b"RRIP_1991A"
_DESCRIPTOR = (
    b"THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
)
_SOURCE = (
    b"PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN "
    b"PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION."
)
EXTENSION = (
    bytes(
        [
            0x45,
            0x52,
            8 + len(_IDENTIFIER) + len(_DESCRIPTOR) + len(_SOURCE),
            1,
            len(_IDENTIFIER),
            len(_DESCRIPTOR),
            len(_SOURCE),
            1,
        ]
    )
    + _IDENTIFIER
    + _DESCRIPTOR
    + _SOURCE
)


@lru_cache(maxsize=1024)
def date7(seconds: int) -> bytes:
    """A time in the format of directory records (ECMA-119, 9.1.5), in UTC. Raises StageError."""
    try:
        moment = time.gmtime(seconds)
    except (OverflowError, ValueError, OSError):
        moment = None
    if moment is None or not 1900 <= moment.tm_year <= 2155:
        raise StageError(
            f"the time {seconds} cannot be written on a CD",
            why="ISO 9660 stores the year in one byte: 1900 to 2155",
            reason="iso-date",
        )
    return bytes([moment.tm_year - 1900, *moment[1:6], 0])


def attributes(entry: Entry, links: int) -> bytes:
    """The fields PX, TF and, for devices, PN."""
    fields = _common(TYPE_BITS[entry.kind] | entry.mode, links, entry.uid, entry.gid, entry.time)
    if entry.device is None:
        return fields
    major, minor = entry.device
    if not (0 <= major < 1 << 12 and 0 <= minor < 1 << 20):
        raise StageError(
            f"{major},{minor} is not a NetBSD device number",
            why="the major number has 12 bits, the minor number 20",
            reason="iso-device",
        )
    # NetBSD reads the major number from the high word, the minor from the low one's outer bits
    return fields + b"PN\x14\x01" + both(major) + both((minor << 12 & 0xFFF00000) | minor & 0xFF)


@lru_cache(maxsize=4096)
def _common(mode: int, links: int, uid: int, gid: int, time: int) -> bytes:
    return (
        b"PX\x24\x01"
        + both(mode, "mode")
        + both(links, "links")
        + both(uid, "uid")
        + both(gid, "gid")
        + b"TF\x1a\x01\x0e"
        + date7(time) * 3  # modification, access, attribute change
    )


def names(name: str) -> list[bytes]:
    """The NM fields for `name`. Raises StageError for a name that is too long for readers."""
    data = name.encode(errors="surrogateescape")
    if len(data) > _NAME_LIMIT:
        raise StageError(
            f"a name of {len(data)} bytes cannot be written on a CD",
            why=f"Rock Ridge readers accept at most {_NAME_LIMIT} bytes",
            reason="iso-name",
        )
    room = _FIELD_LIMIT - 5
    pieces = [data[start : start + room] for start in range(0, len(data), room)]
    return [
        b"NM" + bytes([5 + len(piece), 1, int(number < len(pieces))]) + piece
        for number, piece in enumerate(pieces, 1)
    ]


def plain_target(target: str) -> str:
    """A link's target in a form that SL fields can store: no empty names, no `/` at the end."""
    if "//" not in target and not target.endswith("/"):
        return target
    return "/" * target.startswith("/") + "/".join(filter(None, target.split("/")))


def symlink(target: str) -> list[bytes]:
    """The SL fields for a link's target. Raises StageError for a target that is too long."""
    data = target.encode(errors="surrogateescape")
    if len(data) > _TARGET_LIMIT:
        raise StageError(
            f"a link's target of {len(data)} bytes cannot be written on a CD",
            why=f"NetBSD allows at most {_TARGET_LIMIT} bytes",
            reason="iso-link",
        )
    fields = list(_fill(_components(data)))
    return [
        b"SL" + bytes([5 + len(field), 1, int(number < len(fields))]) + field
        for number, field in enumerate(fields, 1)
    ]


def _components(target: bytes) -> list[tuple[int, bytes]]:
    """(flag, name) of each part of a path; a part with a flag needs no name."""
    parts = [(_SL_FLAGS.get(name, 0), name) for name in target.split(b"/") if name]
    return [(_SL_ROOT, b"")] * target.startswith(b"/") + parts


def _fill(components: list[tuple[int, bytes]]) -> Iterator[bytes]:
    """Component records, combined into as few fields as possible.

    Every field but the last ends within a name: libarchive inserts no `/` at the end of a field,
    other readers do. A `.` or `..` that falls there is written like any name.
    """
    field = b""
    for number, component in enumerate(components, 1):
        flag, name = component
        room = _SL_ROOM if number == len(components) else _SL_ROOM - 2
        while len(field) + 2 + (0 if flag else len(name)) > room:
            head = name[: min(_SL_ROOM - 2 - len(field), len(name) - 1)]
            yield field + bytes([_SL_MORE, len(head)]) + head
            field, flag, name = b"", 0, name[len(head) :]
        field += bytes([flag, 0]) if flag else bytes([0, len(name)]) + name
    yield field


def split(fields: list[bytes], room: int) -> tuple[bytes, bytes]:
    """Split `fields` between a record with `room` bytes and a continuation area.

    If there is a continuation, CE_LENGTH bytes are left free in the record for its address.
    Names and targets of maximum length fit into one sector.
    """
    if sum(map(len, fields)) <= room:
        return b"".join(fields), b""
    used = count = 0
    while used + len(fields[count]) <= room - CE_LENGTH:
        used += len(fields[count])
        count += 1
    return b"".join(fields[:count]), b"".join(fields[count:])


def continuation(sector: int, offset: int, length: int) -> bytes:
    """The CE field, which locates the continuation area."""
    return (
        _CE.pack(b"CE", CE_LENGTH, 1)
        + both(sector, "sector")
        + both(offset, "offset")
        + both(length, "length")
    )
