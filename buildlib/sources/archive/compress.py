"""Decompression as a stream of chunks, with a limit for its output.

gzip is decompressed by isal, which takes a third of zlib's time. The limit stops decompression
bombs: real sets and packages are compressed at most ten to one, bombs hundreds to one. Bytes after
the end of the compressed data count as damage, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from buildlib.model.errors import ArchiveError

CHUNK = 1 << 18
RATIO_LIMIT = 200
SLACK = 64 << 20
XZ_MEMORY = 96 << 20  # decompressing `xz -9` needs 65 MiB
MEMBERS_LIMIT = 10_000  # gzip members or streams of others, plus one for each KiB read

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x9d": "compress",
    b"\x89LZO": "lzop",
    b"LZIP": "lzip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
}
_READ = frozenset({"gzip", "xz", "bzip2"})
# isal and lzma have their own error classes; compare names to avoid importing both
_DAMAGE = {"LZMAError", "IsalError"}


class _Decoder(Protocol):
    """The common interface of the decompressors of lzma, bz2 and isal, for one stream or member."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def compression(head: bytes) -> str:
    """The compression of a file by its first bytes: `gzip`, `xz`, an unsupported one, or `none`."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "none")


def chunks(path: Path, *, where: str, seen: list[int] | None = None) -> Iterator[bytes]:
    """The decompressed content of the file at `path`, in pieces of at most CHUNK bytes.

    `seen[0]`, if given, is set to the number of compressed bytes read so far, for progress.
    Raises ArchiveError for damage, truncation, an unknown compression, or a bomb.
    """
    limit = path.stat().st_size * RATIO_LIMIT + SLACK
    out = 0
    with path.open("rb") as packed:
        kind = compression(packed.read(8))
        packed.seek(0)
        try:
            for data in _stream(kind, packed, where):
                out += len(data)
                if out > limit:
                    break
                if seen is not None:
                    seen[0] = packed.tell()
                yield data
        except (EOFError, OSError, ValueError) as error:
            raise damaged(where, str(error)) from error
        except Exception as error:
            if type(error).__name__ not in _DAMAGE:
                raise
            if "emory" in str(error):  # liblzma's "Memory usage limit exceeded"
                raise _wants_memory(where) from error
            raise damaged(where, str(error)) from error
    if out > limit:
        raise ArchiveError(
            f"the archive unpacks to more than {RATIO_LIMIT} times its size",
            where=where,
            hint="no release set does; do not use this file",
            reason="bomb",
        )


def _wants_memory(where: str) -> ArchiveError:
    return ArchiveError(
        f"the archive needs more than {XZ_MEMORY >> 20} MiB of memory to unpack",
        where=where,
        why="its dictionary is larger than that of `xz -9`",
        hint="no release set does; do not use this file",
        reason="bomb",
    )


def damaged(where: str, why: str) -> ArchiveError:
    """The error for an archive that ends early or cannot be decompressed."""
    return ArchiveError(
        "the archive is damaged or cut short",
        where=where,
        why=why,
        hint="fetch it again; if the mirror's copy is damaged, use another mirror",
        reason="damaged",
    )


def _stream(kind: str, packed: BinaryIO, where: str) -> Iterator[bytes]:
    if kind == "none":
        while data := packed.read(CHUNK):
            yield data
    elif kind not in _READ:
        raise ArchiveError(
            f"the archive is compressed with {kind}, which goldmaster does not support",
            where=where,
            hint="sets and packages come as .tgz, .tar.gz, .tar.xz or .tar.bz2",
            reason="compression",
        )
    else:
        yield from _members(packed, _decoder(kind))


def _decoder(kind: str) -> Callable[[], _Decoder]:
    if kind == "gzip":
        from isal import igzip_lib

        return lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Decompressor
    import lzma

    # unlike lzma.open, with a limit for the memory that a header may request
    return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


def _members(packed: BinaryIO, decoder: Callable[[], _Decoder]) -> Iterator[bytes]:
    """The content of consecutive members (gzip) or streams (xz, bzip2)."""
    raw = packed.read(CHUNK)
    count = 0
    while raw:
        count += 1
        if count > MEMBERS_LIMIT + (packed.tell() >> 10):  # each costs as much as a KiB of data
            raise ValueError(f"it has {count} members with almost no content")
        member = decoder()
        while not member.eof:
            if data := member.decompress(raw, CHUNK):
                yield data
            raw = b""
            if member.needs_input and not member.eof:
                raw = packed.read(CHUNK)
                if not raw:
                    raise EOFError("it ends too early")
        raw = member.unused_data
        while not (raw := raw.lstrip(b"\0")):  # padding
            if not (raw := packed.read(CHUNK)):
                return
