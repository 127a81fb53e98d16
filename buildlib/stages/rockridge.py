"""Rock Ridge: what POSIX knows of a file, as system use fields of an ISO 9660 directory record.

Version 1.10 (`RRIP_1991A`), the one NetBSD's cd9660 looks for. Names of one inode share an extent.
Sources: IEEE P1281 (SUSP 1.12), IEEE P1282 (RRIP 1.12); sys/fs/cd9660 of NetBSD for `PN`.
"""

from __future__ import annotations

import time
from struct import Struct, pack

from buildlib.words.errors import StageError
from buildlib.words.tree import Entry

TYPE_BITS = {"fifo": 0o010000, "char": 0o020000, "dir": 0o040000, "block": 0o060000,
             "file": 0o100000, "link": 0o120000}
CE_LENGTH = 28
AREA_LIMIT = 2048
_FIELD_LIMIT = 255
_NAME_LIMIT = 255
_BOTH = Struct("<L").pack, Struct(">L").pack

SHARING = b"SP\x07\x01\xbe\xef\x00"
_IDENTIFIER = b"RRIP_1991A"
_DESCRIPTOR = (b"THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM "
               b"SEMANTICS")
_SOURCE = (b"PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN "
           b"PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.")
EXTENSION = (
    bytes([0x45, 0x52, 8 + len(_IDENTIFIER) + len(_DESCRIPTOR) + len(_SOURCE), 1,
           len(_IDENTIFIER), len(_DESCRIPTOR), len(_SOURCE), 1])
    + _IDENTIFIER + _DESCRIPTOR + _SOURCE
)


def both(number: int) -> bytes:
    """A 32-bit number in both byte orders (ECMA-119, 7.3.3)."""
    return _BOTH[0](number) + _BOTH[1](number)


def date7(seconds: int) -> bytes:
    """A time as a directory record has it (ECMA-119, 9.1.5), UTC."""
    moment = time.gmtime(seconds)
    if not 1900 <= moment.tm_year <= 2155:
        raise StageError(f"the year {moment.tm_year} cannot be written on a CD", reason="iso-date")
    return bytes([moment.tm_year - 1900, moment.tm_mon, moment.tm_mday,
                  moment.tm_hour, moment.tm_min, moment.tm_sec, 0])


def attributes(entry: Entry, links: int) -> bytes:
    """PX, TF and, for devices, PN."""
    date = date7(entry.time)
    fields = (
        b"PX\x24\x01" + both(entry.mode | TYPE_BITS[entry.kind]) + both(links)
        + both(entry.uid) + both(entry.gid)
        + b"TF\x1a\x01\x0e" + date * 3  # modification, access, attribute change
    )
    if entry.device is not None:
        major, minor = entry.device
        # NetBSD takes the major number from the high word, the minor from the low one's outer bits
        fields += b"PN\x14\x01" + both(major) + both((minor << 12 & 0xFFF00000) | minor & 0xFF)
    return fields


def names(name: str) -> list[bytes]:
    """NM fields for `name`, in pieces. Raises StageError for a name no system can read."""
    data = name.encode(errors="surrogateescape")
    if len(data) > _NAME_LIMIT:
        raise StageError(
            f"a name of {len(data)} bytes cannot be written on a CD",
            where=name, why=f"Rock Ridge readers take {_NAME_LIMIT} bytes at the most",
            reason="iso-name",
        )
    room = _FIELD_LIMIT - 5
    pieces = [data[start : start + room] for start in range(0, len(data), room)]
    return [
        b"NM" + bytes([5 + len(piece), 1, int(number < len(pieces))]) + piece
        for number, piece in enumerate(pieces, 1)
    ]


def symlink(target: str) -> list[bytes]:
    """SL fields for a link's target: components, each in one field."""
    data = target.encode(errors="surrogateescape")
    parts = data.split(b"/")
    components = []
    for number, part in enumerate(parts):
        if number == 0 and part == b"" and len(parts) > 1:
            components.append(b"\x08\0")  # root
        elif part == b"":
            continue
        elif part in {b".", b".."}:
            components.append(bytes([2 if part == b"." else 4, 0]))
        else:
            room = _FIELD_LIMIT - 7
            for start in range(0, len(part), room):
                piece = part[start : start + room]
                more = start + room < len(part)
                components.append(bytes([int(more), len(piece)]) + piece)
    fields: list[list[bytes]] = [[]]
    for component in components:
        if 5 + sum(map(len, fields[-1])) + len(component) > _FIELD_LIMIT:
            fields.append([])
        fields[-1].append(component)
    return [
        b"SL" + bytes([5 + sum(map(len, field)), 1, int(number < len(fields))]) + b"".join(field)
        for number, field in enumerate(fields, 1)
    ]


def split(fields: list[bytes], room: int) -> tuple[bytes, bytes]:
    """What of `fields` goes into a record with `room` bytes, and what into a continuation area.

    Where there is a continuation, CE_LENGTH bytes are left free in the record for its address.
    """
    if sum(map(len, fields)) <= room:
        return b"".join(fields), b""
    used = count = 0
    while used + len(fields[count]) <= room - CE_LENGTH:
        used += len(fields[count])
        count += 1
    area = b"".join(fields[count:])
    if len(area) > AREA_LIMIT:
        raise StageError("name and link target are too long for a CD", reason="iso-name")
    return b"".join(fields[:count]), area


def continuation(sector: int, offset: int, length: int) -> bytes:
    """CE: where the continuation area is."""
    return pack("<2sBB", b"CE", CE_LENGTH, 1) + both(sector) + both(offset) + both(length)
