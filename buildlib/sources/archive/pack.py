"""A writer of tar archives that produces the same bytes on every machine.

It writes ustar headers, and pax records only if ustar is insufficient. The gzip stream contains
only stored blocks, because compressed bytes differ between versions of zlib.
Source: IEEE Std 1003.1-2017, pax(1); RFC 1951, 3.2.4; RFC 1952.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from struct import pack

from buildlib.model.errors import StageError
from buildlib.model.tree import ROOT, Entry

BLOCK = 512
_TYPES = {"file": b"0", "link": b"2", "char": b"3", "block": b"4", "dir": b"5", "fifo": b"6"}
_STORED = 0xFFFF


def tar(entries: Iterable[Entry], read: Callable[[Entry], bytes], *, dot: bool) -> Iterator[bytes]:
    """A tar archive of `entries`, in their order; `read` returns a file's content.

    With `dot`, names begin with `./` as in NetBSD's binary sets, and the root is a member.
    Files of one inode become hard links to the first.
    """
    first: dict[str, str] = {}
    for entry in entries:
        if entry.path == ROOT and not dot:
            continue
        name = entry.path if not dot else "./" if entry.path == ROOT else f"./{entry.path}"
        if entry.inode and entry.inode in first:
            yield _header(entry, name, b"1", link=first[entry.inode], size=0)
            continue
        if entry.inode:
            first[entry.inode] = name
        size = entry.size if entry.kind == "file" else 0
        yield _header(entry, name, _TYPES[entry.kind], link=entry.link, size=size)
        if size:
            yield read(entry)
            yield bytes(-size % BLOCK)
    yield bytes(2 * BLOCK)


def _header(entry: Entry, name: str, flag: bytes, *, link: str, size: int) -> bytes:
    path, target = (text.encode(errors="surrogateescape") for text in (name, link))
    pax = {key: text for key, text in (("path", path), ("linkpath", target)) if len(text) > 100}
    if any(not _is_utf8(text) for text in pax.values()):
        pax = {"hdrcharset": b"BINARY"} | pax
    numbers = {
        "size": (size, 11),
        "mtime": (entry.time, 11),
        "uid": (entry.uid, 7),
        "gid": (entry.gid, 7),
    }
    pax |= {
        key: b"%d" % value for key, (value, digits) in numbers.items() if not 0 <= value < 8**digits
    }
    fits = {key: 0 if key in pax else value for key, (value, _) in numbers.items()}
    extended = b""
    if pax:
        records = b"".join(_record(key, value) for key, value in pax.items())
        extended = (
            _ustar(b"pax header", b"x", len(records), time=fits["mtime"])
            + records
            + bytes(-len(records) % BLOCK)
        )
    major, minor = entry.device or (0, 0)
    if max(major, minor) >= 8**7:
        raise StageError(
            "a device number is too large for a tar archive", where=entry.path, reason="tar-limit"
        )
    return extended + _ustar(
        path,
        flag,
        fits["size"],
        mode=entry.mode,
        uid=fits["uid"],
        gid=fits["gid"],
        time=fits["mtime"],
        link=target,
        major=major,
        minor=minor,
    )


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _ustar(
    name: bytes,
    flag: bytes,
    size: int,
    *,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    time: int = 0,
    link: bytes = b"",
    major: int = 0,
    minor: int = 0,
) -> bytes:
    fields = [
        name[:100].ljust(100, b"\0"),
        b"%07o\0" % mode,
        b"%07o\0" % uid,
        b"%07o\0" % gid,
        b"%011o\0" % size,
        b"%011o\0" % time,
        b" " * 8,
        flag,
        link[:100].ljust(100, b"\0"),
        b"ustar\x0000",
        bytes(64),
        b"%07o\0" % major,
        b"%07o\0" % minor,
        bytes(155 + 12),
    ]
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _record(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    length = len(body) + len(str(length))  # the length includes its own digits
    return str(length).encode() + body


def gzip_stored(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`pieces` as one gzip member of stored blocks, without name or time."""
    yield b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    checksum = size = 0
    for piece in pieces:
        checksum, size = zlib.crc32(piece, checksum), size + len(piece)
        for start in range(0, len(piece), _STORED):
            part = piece[start : start + _STORED]
            yield pack("<BHH", 0, len(part), len(part) ^ 0xFFFF)
            yield part
    yield b"\x01\0\0\xff\xff"
    yield checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
