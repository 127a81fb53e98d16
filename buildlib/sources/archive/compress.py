"""Decompression as a stream of chunks, with a limit on what may come out.

gzip goes through isal, which takes a third of zlib's time. The limit is against bombs: real sets
and packages pack ten to one at the most; hundreds to one is somebody's joke.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from buildlib.words.errors import ArchiveError

CHUNK = 1 << 18
RATIO_LIMIT = 200
SLACK = 64 << 20
XZ_MEMORY = 256 << 20

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
}
# isal and lzma have error classes of their own; naming them would import both
_DAMAGE = {"LZMAError", "IsalError"}


def compression(head: bytes) -> str:
    """`gzip`, `xz`, `bzip2`, `zstd`, or `none`, by the first bytes of a file."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "none")


def chunks(path: Path, *, where: str, seen: list[int] | None = None) -> Iterator[bytes]:
    """The decompressed content of the file at `path`, in pieces of at most CHUNK bytes.

    `seen[0]`, if given, is kept at the number of packed bytes read so far, for progress.
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
                    raise ArchiveError(
                        f"unpacks to more than {RATIO_LIMIT} times its size",
                        where=where,
                        hint="no release set does; do not use this file",
                        reason="bomb",
                    )
                if seen is not None:
                    seen[0] = packed.tell()
                yield data
        except (EOFError, OSError, ValueError) as error:
            raise damaged(where, str(error)) from error
        except Exception as error:
            if type(error).__name__ not in _DAMAGE:
                raise
            raise damaged(where, str(error)) from error


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
    if kind == "gzip":
        from isal import igzip

        with igzip.open(packed, "rb") as stream:
            while data := stream.read(CHUNK):
                yield data
    elif kind == "xz":
        yield from _xz(packed)
    elif kind == "bzip2":
        import bz2

        with bz2.BZ2File(packed) as unpacked:
            while data := unpacked.read(CHUNK):
                yield data
    elif kind == "none":
        while data := packed.read(CHUNK):
            yield data
    else:
        raise ArchiveError(
            f"compressed with {kind}, which goldmaster does not read",
            where=where,
            hint="sets and packages come as .tgz, .tar.gz, .tar.xz or .tar.bz2",
            reason="compression",
        )


def _xz(packed: BinaryIO) -> Iterator[bytes]:
    """xz streams, one after another; lzma.open has no limit on the memory a header may ask for."""
    import lzma

    rest = b""
    while raw := rest or packed.read(CHUNK):
        rest = b""
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
        while not decoder.eof:
            if data := decoder.decompress(raw, CHUNK):
                yield data
            raw = packed.read(CHUNK) if decoder.needs_input and not decoder.eof else b""
            if not raw and decoder.needs_input and not decoder.eof:
                raise EOFError("the last xz stream is incomplete")
        rest = decoder.unused_data.lstrip(b"\0")  # stream padding
