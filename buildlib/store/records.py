"""Records of finished stages: under each key, its document and the stage's outputs.

A key is the digest of its document, so comparing two documents shows why a stage runs. A record
appears by one rename, after all the content that it names.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from buildlib.host.atomic_files import fresh_name, remove, write_file
from buildlib.host.reading import read_small
from buildlib.model import json_text
from buildlib.model.digest import SHA256_HEX, Blob, Json, canonical, digest_of

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a stage.

    blob   the content; for a tree its mtree spec
    packs  packs with contents of the tree's files; empty for a file
    files  blobs with contents of the tree's files: kernels, images
    """

    blob: Blob
    packs: tuple[Blob, ...] = ()
    files: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A finished stage: its key document, and its outputs by name."""

    document: Document
    outputs: Mapping[str, Output]


class Records:
    """The records below one folder."""

    def __init__(self, folder: Path) -> None:
        self._records = folder / "records"
        self._last = folder / "last"
        self._tmp = folder / "tmp"
        for path in (self._records, self._last, self._tmp):
            path.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> Record | None:
        """The record under `key`, or None if it is missing or damaged."""
        try:
            data = json_text.loads(_content(self._where(key)))
            if data.pop("sum") != digest_of(data) or digest_of(data["document"]) != key:
                return None
            outputs = {
                name: Output(_blob(blob), _blobs(packs), _blobs(files))
                for name, (blob, packs, files) in data["outputs"].items()
            }
            return Record(data["document"], outputs)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def put(self, key: str, record: Record) -> None:
        """Store `record` under `key`, the digest of its document, replacing an existing one."""
        outputs: dict[str, Json] = {
            name: [
                [output.blob.sha256, output.blob.size],
                [[pack.sha256, pack.size] for pack in output.packs],
                [[file.sha256, file.size] for file in output.files],
            ]
            for name, output in record.outputs.items()
        }
        data: dict[str, Json] = {"document": record.document, "outputs": outputs}
        self._replace(self._where(key), canonical(data | {"sum": digest_of(data)}))

    def drop(self, key: str) -> None:
        """Delete the record under `key`."""
        remove(self._where(key))

    def all(self) -> Iterator[str]:
        """Every key, in any order."""
        for folder in filter(Path.is_dir, self._records.iterdir()):
            for path in folder.iterdir():
                yield path.stem

    def last(self, name: str) -> str | None:
        """The key under which stage `name` was last up to date."""
        return _read_key(self._last / quote(name, safe=""))

    def set_last(self, name: str, key: str) -> None:
        """Save `key` as the last key of stage `name`."""
        self._replace(self._last / quote(name, safe=""), key.encode())

    def clear_last(self) -> list[str]:
        """Remove invalid last keys. Return the names of their stages."""
        names = [path.name for path in self._last.iterdir() if _read_key(path) is None]
        for name in names:
            remove(self._last / name)
        return [unquote(name) for name in names]

    def all_last(self) -> dict[str, str]:
        """Stage name to last key."""
        keys = {unquote(path.name): _read_key(path) for path in self._last.iterdir()}
        return {name: key for name, key in keys.items() if key}

    def _where(self, key: str) -> Path:
        return self._records / key[:2] / f"{key}.json"

    def _replace(self, path: Path, data: bytes) -> None:
        """Write the file atomically.

        It is not synced: a power cut may leave it empty, which `get` and `last` notice. The only
        cost is to check the stage once more.
        """
        write_file(path, data, scratch=fresh_name(self._tmp), clearing=True)


def _content(path: Path) -> bytes:
    """The content of a file; empty if it is missing, not a regular file, or too large."""
    try:
        return read_small(path) if path.is_file() else b""
    except FileNotFoundError:
        return b""
    except OSError as error:
        if error.errno == errno.EFBIG:
            return b""
        raise


def _read_key(path: Path) -> str | None:
    try:
        text = _content(path).decode("ascii")
    except ValueError:
        return None
    return text if SHA256_HEX.fullmatch(text) else None


def _blobs(pairs: list[list[Any]]) -> tuple[Blob, ...]:
    return tuple(map(_blob, pairs))


def _blob(pair: list[Any]) -> Blob:
    """A blob from a pair (SHA-256, size). Raises ValueError or TypeError for anything else."""
    sha256, size = pair
    if not SHA256_HEX.match(sha256) or type(size) is not int or size < 0:
        raise ValueError("not a digest and size")
    return Blob(sha256, size)
