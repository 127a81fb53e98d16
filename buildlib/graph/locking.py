"""Making a lock: what a release is, to the byte, taken from what its signers published.

Digests of sets come from the verified payload of the signed list and from nowhere else. Packages
have no signed list; what the repository gives now is pinned, and from then on used or refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from buildlib.graph.plan import DOM0
from buildlib.sources import checksums
from buildlib.sources.archive.compress import chunks
from buildlib.sources.download import Pin, fetch, fetch_unpinned
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.openpgp import load_certificate, signed_at, verified_payload
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

    key   file of the signing key; it is fetched where it is not there and the release says whence
    say   gets a line for each thing done
    """

    def __init__(
        self, project: Project, release: Release, store: Store, *, mirrors: Mirrors, key: Path,
        say: Say,
    ) -> None:
        self._project = project
        self._release = release
        self._store = store
        self._mirrors = mirrors
        self._key = key
        self._say = say

    def make(self, old: Lock | None) -> Lock:
        """The lock. Raises SourceError; a set that differs from what `old` pins is refused.

        `old` may be incomplete. The sets themselves are not fetched: the list names them.
        """
        release = self._release
        key = self._key_bytes()
        message = self._small(release.signature.list)
        payload = verified_payload(
            message, key, fingerprint=release.signature.fingerprint,
            where=release.signature.list,
        )
        self._say(f"signed list  {release.signature.list}: good")
        sets = self._sets(checksums.parse(payload, where=release.signature.list), old)
        files = {path: self._list(path, sets) for path in release.list_paths()}
        return Lock(
            lock=1,
            release=release.name,
            definition=definition_digest(release),
            epoch=signed_at(message),
            list=_pinned(message),
            files=files | sets,
            packages=self._packages(),
        )

    def _key_bytes(self) -> bytes:
        """The key; one that was fetched is written only when it is the pinned one."""
        signature = self._release.signature
        if signature.key_path and not self._key.exists():
            data = self._small(signature.key_path)
            load_certificate(data, fingerprint=signature.fingerprint, where=signature.key_path)
            replace_file(self._key, data)
            self._say(f"signing key  {signature.key}: fetched, it is the pinned one")
            return data
        try:
            data = self._key.read_bytes()
        except OSError as error:
            raise ConfigError("the signing key cannot be read", where=self._key,
                              why=error.strerror, reason="file") from error
        load_certificate(data, fingerprint=signature.fingerprint, where=str(self._key))
        return data

    def _sets(
        self, signed: tuple[checksums.Checksum, ...], old: Lock | None
    ) -> dict[str, Pinned]:
        """The pin of every set, from the signed list. Raises SourceError with all problems."""
        release, where = self._release, self._release.signature.list
        digests = {path: checksums.lookup(signed, path) for path in release.set_paths()}
        if absent := [path for path, digest in digests.items() if digest is None]:
            raise SourceError(f"{_named(absent, 'is', 'are')} not in the signed list", where=where,
                              hint="check the sets in the release definition", reason="not-listed")
        before = {path: pin for path, pin in old.files.items() if path in digests} if old else {}
        changed = [path for path, pin in before.items() if pin.sha512 != digests[path]]
        if changed:
            raise SourceError(
                f"{_named(changed, 'has', 'have')} changed since the lock was made", where=where,
                why="\n".join(f"{path}\nlocked {before[path].sha512}\nsigned {digests[path]}"
                              for path in changed),
                hint="a release does not change; find out why before you remove the old lock",
                reason="lock-mismatch",
            )
        sets = {path: before.get(path) or Pinned(digest)
                for path, digest in digests.items() if digest}
        for path in sets:
            self._say(f"set          {path}: {'as locked' if path in before else 'pinned'}")
        return sets

    def _list(self, path: str, sets: Mapping[str, Pinned]) -> Pinned:
        """A list beside the sets. Raises SourceError where it is not of what is signed."""
        data = self._small(f"{self._release.path}/{path}")
        listed = checksums.parse(data, where=path)
        folder, _, algorithm = path.rpartition("/")
        for name, pin in sets.items():
            in_folder, _, base = name.rpartition("/")
            if in_folder == folder and algorithm == "SHA512":
                found = checksums.lookup(listed, base)
                if found != pin.sha512:
                    raise SourceError(
                        f"{path} and the signed list differ on {base}",
                        where=f"{self._release.path}/{path}",
                        why=f"signed {pin.sha512}\nlisted {found or 'not at all'}",
                        hint="the mirror has other sets; use another mirror (`mirror=URL`)",
                        reason="lock-mismatch",
                    )
        return _pinned(data)

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
        return fetch(self._mirrors.urls(path), pin, self._store.blobs,
                     partial=partial / sha256(path.encode()))

    def _small(self, path: str) -> bytes:
        """A small file. The store keeps it: a build that follows need not fetch it again."""
        data = fetch_unpinned(self._mirrors.urls(path))
        self._store.blobs.put(data)
        return data


def replace_file(path: Path, data: bytes) -> None:
    """Have `data` at `path` by one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _named(paths: list[str], one: str, many: str) -> str:
    return f"{', '.join(paths)} {one if len(paths) == 1 else many}"


def _pinned(data: bytes) -> Pinned:
    return Pinned(hashlib.sha512(data).hexdigest(), sha256(data), len(data))


def format_lock(lock: Lock) -> str:
    """The text of a lock file: JSON, one value a line, so that a change is a readable diff.

    A pin tells only what is known.
    """
    def known(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {name: value for name, value in pairs
                if (name, value) not in (("sha256", ""), ("size", -1))}

    return json.dumps(asdict(lock, dict_factory=known), indent=1) + "\n"


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
