"""Making a lock: what a release is, to the byte, taken from what its signers published.

Digests of sets come from the verified payload of the signed list and from nowhere else. Packages
have no signed list; what the repository gives now is pinned, and from then on used or refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from buildlib.graph.plan import DOM0
from buildlib.sources import checksums
from buildlib.sources.archive.compress import chunks
from buildlib.sources.download import Pin, fetch, fetch_unpinned
from buildlib.sources.openpgp import signed_at, verified_payload
from buildlib.sources.pkgsrc.repository import Repository
from buildlib.sources.pkgsrc.resolve import resolve
from buildlib.sources.pkgsrc.summary import Summary, parse
from buildlib.sources.project import Project, definition_digest
from buildlib.store.store import Store
from buildlib.words.digest import Blob, sha256
from buildlib.words.errors import ConfigError, SourceError
from buildlib.words.model import Lock, LockedPackage, Pinned, Release

Say = Callable[[str], None]


class LockMaker:
    """Makes the lock of one release.

    mirrors  roots, tried in order; `say` gets a line for each thing done
    """

    def __init__(
        self, project: Project, release: Release, store: Store, *, mirrors: Sequence[str],
        key_folder: Path, say: Say,
    ) -> None:
        self._project = project
        self._release = release
        self._store = store
        self._mirrors = mirrors
        self._key = key_folder / release.signature.key
        self._say = say

    def make(self, old: Lock | None) -> Lock:
        """The lock. Raises SourceError; a set that differs from `old` is refused."""
        release = self._release
        message = self._small(release.signature.list)
        payload = verified_payload(
            message, self._key_bytes(), fingerprint=release.signature.fingerprint,
            where=release.signature.list,
        )
        self._say(f"signed list  {release.signature.list}: good")
        signed = checksums.parse(payload, where=release.signature.list)
        files = {path: self._list(path) for path in release.list_paths()}
        files |= {path: self._set(path, signed, old) for path in release.set_paths()}
        return Lock(
            lock=1,
            release=release.name,
            definition=definition_digest(release),
            epoch=signed_at(message),
            list=_pinned(message),
            files=files,
            packages=self._packages(),
        )

    def _key_bytes(self) -> bytes:
        try:
            return self._key.read_bytes()
        except OSError as error:
            raise ConfigError("the signing key cannot be read", where=self._key,
                              why=error.strerror, reason="file") from error

    def _set(self, path: str, signed: tuple[checksums.Checksum, ...], old: Lock | None) -> Pinned:
        sha512 = checksums.lookup(signed, path)
        if sha512 is None:
            raise SourceError(f"{path} is not in the signed list",
                              where=self._release.signature.list,
                              hint="check the sets in the release definition", reason="not-listed")
        before = old.files.get(path) if old else None
        if before is not None and before.sha512 != sha512:
            raise SourceError(
                f"{path} has changed since it was locked", where=self._release.signature.list,
                why=f"locked {before.sha512}\nsigned {sha512}",
                hint="a release does not change; find out why before you remove the old lock",
                reason="lock-mismatch",
            )
        blob = self._fetch(f"{self._release.path}/{path}", Pin(sha512))
        self._say(f"set          {path}: {blob.size} bytes")
        return Pinned(sha512, blob.sha256, blob.size)

    def _list(self, path: str) -> Pinned:
        return _pinned(self._small(f"{self._release.path}/{path}"))

    def _packages(self) -> tuple[LockedPackage, ...]:
        wanted = {name: self._project.recipe(name).packages
                  for name in (DOM0, *(f"domu/{domu}" for domu in self._project.domus()))}
        if not any(wanted.values()):
            return ()
        path = f"{self._release.packages.path}/pkg_summary.gz"
        summary = self._store.blobs.path(self._fetch(path, Pin("")))
        repository = Repository(parse(chunks(summary, where=path)))
        chosen: dict[str, Summary] = {}
        recipes: dict[str, list[str]] = {}
        wanted_by: dict[str, list[str]] = {}
        for recipe, names in wanted.items():
            for item in resolve(names, repository).packages if names else ():
                chosen.setdefault(item.name, item.summary)
                recipes.setdefault(item.name, []).append(recipe)
                if item.wanted_as:
                    wanted_by.setdefault(item.name, []).append(recipe)
        return tuple(
            self._package(summary, recipes[name], wanted_by.get(name, []))
            for name, summary in chosen.items()
        )

    def _package(self, summary: Summary, recipes: list[str], wanted: list[str]) -> LockedPackage:
        blob = self._fetch(f"{self._release.packages.path}/{summary.archive}", Pin(""))
        with self._store.blobs.open(blob) as file:
            sha512 = hashlib.file_digest(file, "sha512").hexdigest()
        self._say(f"package      {summary.pkgname}: {blob.size} bytes")
        return LockedPackage(summary.pkgname, summary.pkgpath, summary.archive,
                             Pinned(sha512, blob.sha256, blob.size), tuple(recipes), tuple(wanted))

    def _fetch(self, path: str, pin: Pin) -> Blob:
        partial = self._store.build / "partial"
        partial.mkdir(parents=True, exist_ok=True)
        return fetch(self._urls(path), pin, self._store.blobs,
                     partial=partial / sha256(path.encode()))

    def _small(self, path: str, *, limit: int = 64 << 20) -> bytes:
        failure: SourceError | None = None
        for url in self._urls(path):
            try:
                return fetch_unpinned(url, limit=limit)
            except SourceError as error:
                failure = error
        raise failure or SourceError("the release has no mirror", reason="no-mirror")

    def _urls(self, path: str) -> list[str]:
        return [f"{mirror.rstrip('/')}/{path}" for mirror in self._mirrors]


def _pinned(data: bytes) -> Pinned:
    return Pinned(hashlib.sha512(data).hexdigest(), sha256(data), len(data))


def format_lock(lock: Lock) -> str:
    """The text of a lock file: JSON, one value a line, so that a change is a readable diff."""
    return json.dumps(asdict(lock), indent=1) + "\n"


def changes(old: Lock | None, new: Lock) -> list[str]:
    """What the new lock adds, upgrades and drops, a line each."""
    before = _versions(old) if old else {}
    after = _versions(new)
    lines = [f"add      {base} {version}" for base, version in after.items() if base not in before]
    lines += [f"upgrade  {base} {before[base]} → {version}" for base, version in after.items()
              if base in before and before[base] != version]
    lines += [f"drop     {base} {before[base]}" for base in before if base not in after]
    return sorted(lines)


def _versions(lock: Lock) -> Mapping[str, str]:
    return {base: version for base, _, version in
            (item.pkgname.rpartition("-") for item in lock.packages)}
