"""Archives for tests: read completely, described by bsdtar, and built byte by byte."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buildlib.model.mtree import decode
from buildlib.sources.archive.tar import Member, Reader

BLOCK = 512
END = bytes(2 * BLOCK)


def gz(data: bytes) -> bytes:
    """`data` compressed by gzip, without a time, so that it is always the same."""
    return gzip.compress(data, mtime=0)


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    """`data` as a stream whose pieces are not aligned to the blocks of a tar archive."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


def read(data: bytes, *, size: int = 700) -> dict[str, tuple[Member, bytes]]:
    """All members of an uncompressed tar archive, with their contents."""
    reader = Reader(pieces(data, size), where="x.tar")
    return {member.path: (member, b"".join(reader.data())) for member in reader}


@dataclass(frozen=True)
class Seen:
    """A member as bsdtar describes it."""

    kind: str
    mode: int
    uid: int
    gid: int
    time: int
    size: int
    sha256: str
    link: str
    device: tuple[int, int] | None


def bsdtar_sees(data: bytes) -> dict[str, Seen]:
    """The members that bsdtar finds, by path without `./`; hard links have no content."""
    result = subprocess.run(
        ["bsdtar", "-cf", "-", "--format=mtree", "--options=mtree:all", "@-"],
        input=data,
        capture_output=True,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    seen = {}
    for line in result.stdout.splitlines():
        name, *words = line.split()
        if not words:
            continue
        path = decode(name).removeprefix("./").removeprefix("/") or "."
        keys = {
            key.decode(): decode(value)
            for key, _, value in (word.partition(b"=") for word in words)
        }
        device = keys.get("device", "").split(",")[1:]
        seen[path] = Seen(
            keys["type"],
            int(keys["mode"], 8),
            int(keys["uid"]),
            int(keys["gid"]),
            int(keys["time"].partition(".")[0]),
            int(keys.get("size", 0)),
            keys.get("sha256digest", ""),
            keys.get("link", ""),
            (int(device[0]), int(device[1])) if device else None,
        )
    return seen


def header(name: bytes = b"a", flag: bytes = b"0", **fields: Any) -> bytes:
    """One raw header block. Numbers are written in octal, bytes unchanged."""
    layout = (
        ("name", 100, name),
        ("mode", 8, 0o644),
        ("uid", 8, 0),
        ("gid", 8, 0),
        ("size", 12, 0),
        ("time", 12, 0),
        ("checksum", 8, b" " * 8),
        ("flag", 1, flag),
        ("link", 100, b""),
        ("magic", 8, b"ustar\x0000"),
        ("uname", 32, b""),
        ("gname", 32, b""),
        ("major", 8, 0),
        ("minor", 8, 0),
        ("prefix", 155, b""),
        ("pad", 12, b""),
    )
    assert not fields.keys() - {key for key, _, _ in layout}
    block = b""
    for key, width, default in layout:
        value = fields.get(key, default)
        if isinstance(value, int):
            value = b"%0*o\0" % (width - 1, value)
        assert len(value) <= width
        block += value.ljust(width, b"\0")
    if "checksum" not in fields:
        block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    return block


def member(name: bytes = b"a", data: bytes = b"", flag: bytes = b"0", **fields: Any) -> bytes:
    """A header, and data padded to a block."""
    fields = {"size": len(data), **fields}
    return header(name, flag, **fields) + data + bytes(-len(data) % BLOCK)


def pax(records: bytes | dict[str, bytes], flag: bytes = b"x") -> bytes:
    """A pax extended header with `records`, or with the given bytes."""
    if not isinstance(records, bytes):
        records = b"".join(map(_record, records, records.values()))
    return member(b"pax", records, flag)


def _record(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    return b"%d" % (len(body) + len(str(length))) + body
