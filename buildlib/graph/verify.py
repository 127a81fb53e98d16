"""`doit verify`: everything that was fetched, read again and held against what vouches for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from buildlib.graph.plan import LIST, Plan
from buildlib.sources import checksums
from buildlib.sources.openpgp import verified_payload
from buildlib.store.store import Store
from buildlib.words.digest import Blob
from buildlib.words.errors import ConfigError, SourceError
from buildlib.words.model import Pinned

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Checked:
    """One file: its path, what it was checked against, and whether it is here."""

    path: str
    against: tuple[str, ...]
    present: bool


def verify(
    plan: Plan, store: Store, tell: Callable[[Checked], None]
) -> tuple[Checked, ...]:
    """Check all files of the lock that are in the store; `tell` hears of each.

    Raises SourceError for the first that is not what it should be; it is removed from the store.
    """
    digests_of = {path: _digests(store, path, pin) for path, pin in _files(plan)}
    signed = _signed(plan, store)
    lists = {path: checksums.parse(data, where=path) for path, data in _lists(plan, store)}
    results = []
    for path, digests in digests_of.items():
        against = []
        if digests is not None:
            against = ["lock"]
            name = path.removeprefix(f"{plan.release.path}/")
            if signed is not None and checksums.lookup(signed, name) is not None:
                _compare(path, checksums.lookup(signed, name), digests["SHA512"], "signed list")
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


def _files(plan: Plan) -> Iterator[tuple[str, Pinned]]:
    yield plan.release.signature.list, plan.lock.list
    for path, pin in plan.lock.files.items():
        yield f"{plan.release.path}/{path}", pin
    for item in plan.lock.packages:
        yield f"{plan.release.packages.path}/{item.file}", item.pin


def _blob(pin: Pinned) -> Blob | None:
    return Blob(pin.sha256, pin.size) if pin.sha256 else None


def _signed(plan: Plan, store: Store) -> tuple[checksums.Checksum, ...] | None:
    blob = _blob(plan.lock.list)
    if blob is None or not store.blobs.has(blob):
        return None
    release = plan.release
    key = plan.definition.parent / release.signature.key
    try:
        certificate = key.read_bytes()
    except OSError as error:
        raise ConfigError("the signing key cannot be read", where=key, why=error.strerror,
                          reason="file") from error
    payload = verified_payload(store.blobs.read(blob.sha256), certificate,
                               fingerprint=release.signature.fingerprint, where=LIST)
    return checksums.parse(payload, where=LIST)


def _lists(plan: Plan, store: Store) -> Iterator[tuple[str, bytes]]:
    for path in plan.release.list_paths():
        blob = _blob(plan.lock.files[path])
        if blob is not None and store.blobs.has(blob):
            yield f"{plan.release.path}/{path}", store.blobs.read(blob.sha256)


def _digests(store: Store, path: str, pin: Pinned) -> dict[str, str] | None:
    """All digests of a file; None where it is not in the store. Its seal does not count."""
    blob = _blob(pin)
    if blob is None or not os.path.lexists(store.blobs.where(blob.sha256)):
        return None
    digests = {"SHA256": hashlib.sha256(), "SHA512": hashlib.sha512(),
               "MD5": hashlib.md5(usedforsecurity=False)}
    with Path(store.blobs.where(blob.sha256)).open("rb") as file:
        while data := file.read(CHUNK):
            for digest in digests.values():
                digest.update(data)
    found = {name: digest.hexdigest() for name, digest in digests.items()}
    if found["SHA512"] != pin.sha512 or found["SHA256"] != pin.sha256:
        store.blobs.discard(blob.sha256)
        _compare(path, pin.sha512, found["SHA512"], "lock")
    return found


def _compare(path: str, wanted: str | None, found: str, where: str) -> None:
    if wanted != found:
        raise SourceError(
            "the file is not what it should be", where=path,
            why=f"{where}: {wanted}\nfound: {found}",
            hint="if it was damaged here it is removed now, and the next build fetches it again",
            reason="checksum",
        )


