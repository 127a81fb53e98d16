"""`doit verify`: everything that was fetched, read again and held against what vouches for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from buildlib.config.recipe import Pinned
from buildlib.engine.engine import Engine
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, SourceError
from buildlib.pkgsrc.package_file import signed_blocks
from buildlib.plan.inputs import LIST
from buildlib.plan.plan import Plan
from buildlib.sources import checksums
from buildlib.sources.openpgp import verified_payload
from buildlib.store.blobs import CHUNK
from buildlib.store.store import Store


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the lock: its path, what it must be, and its blob as far as that is known."""

    path: str
    pin: Pinned
    blob: Blob | None


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its path, what it was checked against, and whether it is here."""

    path: str
    against: tuple[str, ...]
    present: bool


def verify(
    plan: Plan, engine: Engine, tell: Callable[[Checked], None]
) -> tuple[Checked, ...]:
    """Check all files of the lock that are in the store; `tell` hears of each.

    Raises SourceError for the first that is not what it should be; it is removed from the store.
    """
    store, files = engine.store, tuple(_files(plan, engine))
    digests_of = {file.path: _digests(store, file) for file in files}
    signed = _signed(plan, store, files[0].blob)
    lists = {path: checksums.parse(data, where=path) for path, data in _lists(plan, store, files)}
    results = []
    for path, digests in digests_of.items():
        against = []
        if digests is not None:
            against = ["lock"]
            name = path.removeprefix(f"{plan.release.path}/")
            if signed is not None and checksums.lookup(signed, name) is not None:
                _compare(path, checksums.lookup(signed, name), digests["SHA512"], "signed list")
                against.append("signature")
            if path.startswith(f"{plan.release.packages.path}/") and plan.release.packages.key:
                _check_package(plan, store, path, digests["SHA256"])
                against.append("signature")
            for list_path, lines in lists.items():
                algorithm = list_path.rpartition("/")[2]
                if list_path.rpartition("/")[0] != path.rpartition("/")[0] or path == list_path:
                    continue
                listed = checksums.lookup(lines, path.rpartition("/")[2], algorithm)
                if listed is not None:
                    _compare(path, listed, digests[algorithm], list_path)
                    against.append(algorithm)
        checked = Checked(path, tuple(against), present=digests is not None)
        tell(checked)
        results.append(checked)
    return tuple(results)


def _files(plan: Plan, engine: Engine) -> Iterator[_File]:
    """All that the lock pins, the signed list first."""
    def file(stage: str, path: str, pin: Pinned) -> _File:
        if pin.sha256:
            return _File(path, pin, Blob(pin.sha256, pin.size))
        noted = engine.recorded(stage).get("file")  # no lock knows the SHA-256 of a set
        return _File(path, pin, noted.blob if noted else None)

    release, lock = plan.release, plan.lock
    assert lock.list is not None  # an incomplete lock makes no plan
    yield file(LIST, release.signature.list, lock.list)
    for path, pin in lock.files.items():
        yield file(f"fetch:{path}", f"{release.path}/{path}", pin)
    for item in lock.packages:
        yield file(f"fetch:{item.file}", f"{release.packages.path}/{item.file}", item.pin)


def _signed(plan: Plan, store: Store, blob: Blob | None) -> tuple[checksums.Checksum, ...] | None:
    if blob is None or not store.blobs.has(blob):
        return None
    release = plan.release
    payload = verified_payload(
        store.blobs.read(blob.sha256), _read_key(plan, release.signature.key),
        fingerprint=release.signature.fingerprint, where=LIST)
    return checksums.parse(payload, where=LIST)


def _check_package(plan: Plan, store: Store, path: str, sha256: str) -> None:
    """Whether the pinned key has signed a package, all of it. Raises SourceError."""
    source = plan.release.packages
    for _ in signed_blocks(Path(store.blobs.where(sha256)), key=_read_key(plan, source.key),
                           fingerprint=source.fingerprint, where=path):
        pass


def _read_key(plan: Plan, name: str) -> bytes:
    key = plan.definition.parent / name
    try:
        return key.read_bytes()
    except OSError as error:
        raise ConfigError("the signing key cannot be read", where=key, why=error.strerror,
                          reason="file") from error


def _lists(plan: Plan, store: Store, files: tuple[_File, ...]) -> Iterator[tuple[str, bytes]]:
    lists = {f"{plan.release.path}/{path}" for path in plan.release.list_paths()}
    for file in files:
        if file.path in lists and file.blob is not None and store.blobs.has(file.blob):
            yield file.path, store.blobs.read(file.blob.sha256)


def _digests(store: Store, file: _File) -> dict[str, str] | None:
    """All digests of a file; None where it is not in the store. Its seal does not count."""
    pin, blob = file.pin, file.blob
    if blob is None or not os.path.lexists(store.blobs.where(blob.sha256)):
        return None
    digests = {"SHA256": hashlib.sha256(), "SHA512": hashlib.sha512(),
               "MD5": hashlib.md5(usedforsecurity=False)}
    with Path(store.blobs.where(blob.sha256)).open("rb") as content:
        while data := content.read(CHUNK):
            for digest in digests.values():
                digest.update(data)
    found = {name: digest.hexdigest() for name, digest in digests.items()}
    if found["SHA512"] != pin.sha512 or found["SHA256"] != blob.sha256:
        store.blobs.discard(blob.sha256)
        _compare(file.path, pin.sha512, found["SHA512"], "lock")
    return found


def _compare(path: str, wanted: str | None, found: str, where: str) -> None:
    if wanted != found:
        raise SourceError(
            "the file is not what it should be", where=path,
            why=f"{where}: {wanted}\nfound: {found}",
            hint="if it was damaged here it is removed now, and the next build fetches it again",
            reason="checksum",
        )


