"""A reader of tar archives: ustar, pax (POSIX.1-2001) and GNU long names.

Unlike Python's tarfile, it is made for system sets: it accepts absolute link targets, setuid bits
and devices, which the caller must handle, but rejects names that leave the archive's root, contents
below a link and duplicate names. It takes one pass without seeking. The sources of a release have
220,000 members, so properties that many of them share (owner, folder) are checked only once.
Source: pax(1), IEEE Std 1003.1-2017 "pax Interchange Format"; tar(5) of libarchive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from zlib import adler32

from buildlib.model.errors import ArchiveError
from buildlib.model.tree import ROOT, Kind
from buildlib.sources.archive import pax as extended
from buildlib.sources.archive.compress import damaged

BLOCK = 512
NAME_LIMIT = 1024  # bytes; PATH_MAX of NetBSD
SPELLING_LIMIT = 4 * NAME_LIMIT  # characters of a name before `.` and `//` are removed
PATHS_LIMIT = 250_000  # NetBSD's source sets have at most 100,000
TEXT_LIMIT = 16 << 20  # characters of all names and targets; NetBSD's sources have 6 million
MEMBERS_LIMIT = 2 * PATHS_LIMIT  # folders may occur twice
EXTENSIONS_LIMIT = 8  # extended headers before one member: x, g, and GNU's L and K
_ID_LIMIT = (1 << 32) - 1
_TIME_LIMIT = 1 << 40
_DEVICE_LIMIT = (1 << 32) - 1

_ZEROS = bytes(BLOCK)
# name; mode, uid and gid; size; time; checksum; type; link; magic; device; prefix
_HEADER = Struct("100s24s12s12s8sc100s6s66x16s155s12x")
_USTAR = b"ustar\0"
_FEW = 1000
_NO_NAMES = {"", ".", ".."}
_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "file",
    b"2": "link",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}


@dataclass(slots=True)
class Member:
    """One member. `hardlink` is the path of an earlier member with the content, or empty."""

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int
    time: int
    size: int
    link: str
    hardlink: str
    device: tuple[int, int] | None


class Reader:
    """Members of a tar stream, in order. Read a member's data before the next member.

    where  name of the archive in errors
    """

    def __init__(self, stream: Iterator[bytes], *, where: str) -> None:
        self._stream = stream
        self._where = where
        self._buffer = b""
        self._at = 0
        self._left = 0  # data bytes of the current member not yet read
        self._pad = 0
        self._seen: dict[str, Kind] = {}
        self._records = 0  # of pax headers so far
        self._text = 0  # characters of the names and targets so far
        self._heads: dict[
            str, str
        ] = {}  # folder as spelt in names to its path, with `/` at the end
        self._owners: dict[bytes, tuple[int, int, int]] = {}

    def __iter__(self) -> Iterator[Member]:
        pax_global: dict[str, str] = {}
        count = 0
        while (member := self._next(pax_global)) is not None:
            count += 1
            if count > MEMBERS_LIMIT:
                raise self._error(f"more than {MEMBERS_LIMIT} members", reason="bomb")
            yield member

    def data(self) -> Iterator[bytes]:
        """The rest of the current member's data, in pieces."""
        while self._left:
            piece = self._piece(self._left)
            self._left -= len(piece)
            yield piece

    def all_data(self) -> bytes:
        """The current member's data as one string. For members of a known, small size."""
        left, self._left = self._left, 0
        return self._take(left)

    def _next(self, pax_global: dict[str, str]) -> Member | None:
        """The next member, or None at the end. Long names and pax records come before it."""
        pax: dict[str, str] = {}
        extensions = 0
        while True:
            if gap := self._left + self._pad:
                self._skip(gap)
                self._left = self._pad = 0
            header = self._take(BLOCK)
            if header == _ZEROS:
                self._finish()
                return None
            fields = _HEADER.unpack(header)
            self._verify(header, fields[4])
            size, flag = self._number(fields[2]), fields[5]
            if flag in b"xgLK":
                self._pad = -size % BLOCK
                extensions += 1
                if extensions > EXTENSIONS_LIMIT:
                    raise self._error(
                        f"more than {EXTENSIONS_LIMIT} extended headers in a row", reason="bomb"
                    )
                self._extend(flag, size, pax_global if flag == b"g" else pax)
                continue
            return self._member(fields, size, {**pax_global, **pax} if pax_global else pax)

    def _extend(self, flag: bytes, size: int, pax: dict[str, str]) -> None:
        if size > extended.SIZE_LIMIT:
            raise self._error(f"an extended header of {size} bytes")
        data = self._take(size)
        if flag == b"L":
            pax["path"] = _text(data)
        elif flag == b"K":
            pax["linkpath"] = _text(data)
        else:
            try:
                more, number = extended.records(data)
            except ValueError as error:
                raise self._error(str(error)) from None
            pax.update(more)
            self._records += number
            most = extended.RECORDS_MORE + extended.RECORDS_OF_EACH * len(self._seen)
            if self._records > most:
                raise self._error(
                    f"{self._records} pax records for {len(self._seen)} names", reason="bomb"
                )

    def _member(self, fields: tuple[bytes, ...], size: int, pax: dict[str, str]) -> Member:
        raw_name, ids, _, raw_time, _, flag, raw_link, magic, raw_device, raw_prefix = fields
        name = _text(raw_name)
        if magic == _USTAR and raw_prefix[0]:
            name = f"{_text(raw_prefix)}/{name}"
        link, device = _text(raw_link) if raw_link[0] else "", None
        kind, hard = _KINDS.get(flag), flag == b"1"
        if pax:
            name, link = pax.get("path") or name, pax.get("linkpath") or link
            size = self._decimal(pax["size"]) if "size" in pax else size
        if kind is None or (pax and extended.SPARSE in pax):
            form = f"type {flag!r}" if kind is None else "sparse file"
            raise self._error(f"a member of {form} is not supported", name, "member-type")
        if kind != "file" or hard:
            size = 0  # whatever the header says, no data follows (pax, "ustar": typeflag)
        elif name.endswith("/"):  # the form of folders in Seventh Edition tar(1)
            kind = "dir"
            if size:
                raise self._error("a folder with data", name)
        self._left, self._pad = size, -size % BLOCK
        path = self._place(name, kind)
        if kind == "link":
            if not link or "\0" in link or _too_long(link):
                raise self._error("a link without a usable target", name)
            self._text += len(link)
        if kind in {"char", "block"}:
            device = (
                self._number(raw_device[:8], _DEVICE_LIMIT),
                self._number(raw_device[8:], _DEVICE_LIMIT),
            )
        mode, uid, gid = self._owner_of(ids, pax)
        return Member(
            path,
            kind,
            mode,
            uid,
            gid,
            self._time(raw_time, pax),
            size,
            link if kind == "link" else "",
            self._earlier(link, path) if hard else "",
            device,
        )

    def _owner_of(self, ids: bytes, pax: dict[str, str]) -> tuple[int, int, int]:
        """Mode, uid and gid."""
        if pax and ("uid" in pax or "gid" in pax):
            return (
                self._number(ids[:8]) & 0o7777,
                self._decimal(pax["uid"], _ID_LIMIT)
                if "uid" in pax
                else self._number(ids[8:16], _ID_LIMIT),
                self._decimal(pax["gid"], _ID_LIMIT)
                if "gid" in pax
                else self._number(ids[16:], _ID_LIMIT),
            )
        owner = self._owners.get(ids)
        if owner is None:
            owner = (
                self._number(ids[:8]) & 0o7777,
                self._number(ids[8:16], _ID_LIMIT),
                self._number(ids[16:], _ID_LIMIT),
            )
            if len(self._owners) < _FEW:
                self._owners[ids] = owner
        return owner

    def _place(self, name: str, kind: Kind) -> str:
        """The path of a member. Raises ArchiveError if the name is not allowed."""
        head, slash, last = name.removesuffix("/").rpartition("/")
        folder = self._heads.get(head) if slash else None
        if folder is None or last in _NO_NAMES or len(last) > 60 or "\0" in last:
            path = self._first_of(head, last, name, kind)
        else:  # in a known folder, by a name that is short enough in any encoding
            path = folder + last
            if _too_long(path):
                raise self._error("the name is too long", name, "name-length")
        before = self._seen.get(path)
        if before is not None and not before == kind == "dir":
            raise self._error("the name occurs twice", name, "duplicate-path")
        self._seen[path] = kind
        self._text += len(path)
        if len(self._seen) > PATHS_LIMIT or self._text > TEXT_LIMIT:
            raise self._error(
                f"more than {PATHS_LIMIT} names, or {TEXT_LIMIT} characters of them", reason="bomb"
            )
        return path

    def _first_of(self, head: str, last: str, name: str, kind: Kind) -> str:
        """The path of a member in a folder whose spelling `head` is new."""
        path = self._inside(name)
        if path == ROOT and kind != "dir":
            raise self._error(f"the root would be a {kind}", name, "escape")
        parent = path.rpartition("/")[0]
        if parent and self._seen.get(parent) != "dir":
            self._open(parent, name)
        if last not in _NO_NAMES and len(head) <= len(parent) + 2:  # normal form, perhaps with `./`
            self._heads[head] = f"{parent}/" if parent else ""
        return path

    def _open(self, folder: str, name: str) -> None:
        """Record folders above a member that the archive lacks; none of them may be a link."""
        while folder:
            before = self._seen.get(folder)
            if before == "dir":  # then its parents are known too
                return
            if before is not None:
                raise self._error(f"lies below {folder}, which is a {before}", name, "below-link")
            self._seen[folder] = "dir"
            self._text += len(folder)
            folder = folder.rpartition("/")[0]

    def _inside(self, name: str) -> str:
        if len(name) > SPELLING_LIMIT:
            raise self._error("the name is too long", name, "name-length")
        parts = name.split("/")
        names = [part for part in parts if part not in _NO_NAMES]
        if not name or not parts[0] or ".." in parts or "\0" in name:
            raise self._error("the name leads out of the archive", name, "escape")
        path = "/".join(names) or ROOT
        if _too_long(path) or any(
            len(part.encode(errors="surrogateescape")) > 255 for part in names
        ):
            raise self._error("the name is too long", name, "name-length")
        return path

    def _earlier(self, link: str, path: str) -> str:
        target = self._inside(link)
        if target == path or self._seen.get(target) != "file":
            raise self._error(
                f"hard link to {link[:240]!r}, which is not an earlier file", path, "hard-link"
            )
        return target

    def _verify(self, header: bytes, stored: bytes) -> None:
        # the low half of Adler-32 is 1 + the sum, modulo 65,521; this is exact for 256 bytes, and
        # takes a tenth of the time of sum()
        total = (
            (adler32(header[412:], adler32(header[:148])) & 0xFFFF)
            + (adler32(header[156:412]) & 0xFFFF)
            - 2
            + 8 * 32
        )
        if self._number(stored) != total:
            raise damaged(self._where, "a header's checksum does not match")

    def _number(self, field: bytes, limit: int = 1 << 63, low: int = 0) -> int:
        """A number in octal, or in base 256 (GNU, star), from `low` to `limit`."""
        digits = field.rstrip(b"\0 ")
        if not digits.isdigit():  # int() would accept signs, spaces and `_`
            value = self._odd_number(field)
        else:
            try:
                value = int(digits, 8)
            except ValueError:
                raise damaged(self._where, f"{digits!r} is not a number") from None
        if not low <= value <= limit:
            raise damaged(self._where, f"the number {value} is out of range")
        return value

    def _odd_number(self, field: bytes) -> int:
        """A number in base 256, or with spaces or NULs in unusual places."""
        if field[0] & 0x80:  # two's complement, except for the bit that marks it
            value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
            return value - ((field[0] & 0x40) << (8 * len(field) - 7))
        text = field.partition(b"\0")[0].strip(b" ") or b"0"
        if not text.isdigit() or b"8" in text or b"9" in text:
            raise damaged(self._where, f"{text!r} is not a number")
        return int(text, 8)

    def _decimal(self, text: str, limit: int = 1 << 63) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= limit):
            raise damaged(self._where, f"{text[:40]!r} is not a number, or out of range")
        return int(text)

    def _time(self, field: bytes, pax: dict[str, str]) -> int:
        """Seconds; a fraction is cut off, times before 1970 become 0."""
        if not pax or "mtime" not in pax:
            return max(0, self._number(field, _TIME_LIMIT, -_TIME_LIMIT))
        whole = pax["mtime"].partition(".")[0]
        return 0 if whole.startswith("-") else self._decimal(whole, _TIME_LIMIT)

    def _finish(self) -> None:
        """Read to the end, so that the decompressor verifies its checksum."""
        for _ in self._stream:
            pass

    def _piece(self, most: int) -> bytes:
        """The next bytes: at least one, at most `most`."""
        if self._at >= len(self._buffer):
            self._buffer, self._at = next(self._stream, b""), 0
            if not self._buffer:
                raise damaged(self._where, "the last member is incomplete")
        piece = self._buffer[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end <= len(self._buffer):
            data = self._buffer[self._at : end]
            self._at = end
            return data
        pieces = []
        while size:
            piece = self._piece(size)
            size -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def _skip(self, size: int) -> None:
        if self._at + size <= len(self._buffer):
            self._at += size
            return
        while size:
            size -= len(self._piece(size))

    def _error(self, what: str, name: str = "", reason: str = "member") -> ArchiveError:
        name = name if len(name) <= 240 else name[:80] + "…"
        return ArchiveError(
            what,
            where=f"{self._where}: {name}" if name else self._where,
            hint="nothing of it is used; check where the archive comes from",
            reason=reason,
        )


def _too_long(path: str) -> bool:
    if len(path) <= NAME_LIMIT and path.isascii():
        return False
    return len(path.encode(errors="surrogateescape")) > NAME_LIMIT


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")
