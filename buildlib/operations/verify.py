"""`doit verify`: reads every fetched file again and compares it with lock, lists and signatures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from buildlib.config.lock import Pinned
from buildlib.engine.engine import Engine
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations.lock.signers import package_signer
from buildlib.pkgsrc.package_file import signed_blocks
from buildlib.pkgsrc.trust import Signer
from buildlib.plan.inputs import LIST
from buildlib.plan.plan import Plan
from buildlib.sources import checksums
from buildlib.sources.openpgp import verified_payload
from buildlib.store.blobs import CHUNK
from buildlib.store.store import Store


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the lock: its path, its pin, and its blob if known."""

    path: str
    pin: Pinned
    blob: Blob | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A file: its path, what it was checked against, and whether it is in the store."""

    path: str
    against: tuple[str, ...]
    present: bool


def verify(plan: Plan, engine: Engine, tell: Callable[[Checked], None]) -> tuple[Checked, ...]:
    """Check all files of the lock that are in the store; `tell` receives each.

    Raises SourceError for the first file with a wrong digest, and removes it from the store.
    """
    store, files = engine.store, tuple(_files(plan, engine))
    digests_of = {file.path: _digests(store, file) for file in files}
    signed = _signed(plan, store, files[0].blob)
    lists = {path: checksums.parse(data, where=path) for path, data in _lists(plan, store, files)}
    signer = package_signer(plan.configuration, store, check_times=False)
    results = []
    for path, digests in digests_of.items():
        against = []
        if digests is not None:
            against = ["lock"]
            name = path.removeprefix(f"{plan.release.path}/")
            if signed is not None and checksums.lookup(signed, name) is not None:
                _compare(path, checksums.lookup(signed, name), digests["SHA512"], "signed list")
                against.append("signature")
            if signer and path.startswith(f"{plan.release.packages.path}/"):
                _check_package(signer, store, path, digests["SHA256"])
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
    """All files that the lock pins, the signed list first."""

    def file(stage: str, path: str, pin: Pinned) -> _File:
        if pin.sha256:
            return _File(path, pin, Blob(pin.sha256, pin.size))
        noted = engine.recorded(stage).get("file")  # a lock has no SHA-256 of sets
        return _File(path, pin, noted.blob if noted else None)

    release, lock = plan.release, plan.lock
    assert lock.list is not None  # there is no plan with an incomplete lock
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
        store.blobs.read(blob.sha256),
        _read_key(plan, release.signature.key),
        fingerprint=release.signature.fingerprint,
        where=LIST,
    )
    return checksums.parse(payload, where=LIST)


def _check_package(signer: Signer, store: Store, path: str, sha256: str) -> None:
    """Check that the whole package is signed. Raises SourceError."""
    for _ in signed_blocks(Path(store.blobs.where(sha256)), signer=signer, where=path):
        pass


def _read_key(plan: Plan, name: str) -> bytes:
    key = plan.beside[name].path
    try:
        return key.read_bytes()
    except OSError as error:
        raise ConfigError(
            "the signing key cannot be read", where=key, why=error.strerror, reason="file"
        ) from error


def _lists(plan: Plan, store: Store, files: tuple[_File, ...]) -> Iterator[tuple[str, bytes]]:
    lists = {f"{plan.release.path}/{path}" for path in plan.release.list_paths()}
    for file in files:
        if file.path in lists and file.blob is not None and store.blobs.has(file.blob):
            yield file.path, store.blobs.read(file.blob.sha256)


def _digests(store: Store, file: _File) -> dict[str, str] | None:
    """All digests of a file, None if it is not in the store; ignores its seal."""
    pin, blob = file.pin, file.blob
    if blob is None or not os.path.lexists(store.blobs.where(blob.sha256)):
        return None
    digests = {
        "SHA256": hashlib.sha256(),
        "SHA512": hashlib.sha512(),
        "MD5": hashlib.md5(usedforsecurity=False),
    }
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
            "the file has a wrong digest",
            where=path,
            why=f"{where}: {wanted}\nfound: {found}",
            hint="a copy that differs from the lock is removed; the next build fetches it again",
            reason="checksum",
        )
