"""Making a lock: what a release is, to the byte, taken from what its signers published.

Digests of sets come from the verified payload of the signed list and from nowhere else. Packages
have no signed list: see `packagelock`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from buildlib.config.project import Project, definition_digest
from buildlib.config.recipe import Lock, Pinned, Release
from buildlib.host.atomic_files import write_file
from buildlib.model.digest import sha256
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations.lock.packages import PackageLocker
from buildlib.pkgsrc.version import compare
from buildlib.sources import checksums
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.openpgp import Signed, load_certificate, verified
from buildlib.sources.web import limits
from buildlib.sources.web.download import fetch_unpinned
from buildlib.store.store import Store

Say = Callable[[str], None]


class LockMaker:
    """Makes the lock of one release.

    folder  of the release definition; a signing key is fetched into it where it is not there and
            the release says whence
    say     gets a line for each thing done
    """

    def __init__(
        self, project: Project, release: Release, store: Store, *, mirrors: Mirrors, folder: Path,
        say: Say,
    ) -> None:
        self._project = project
        self._release = release
        self._store = store
        self._mirrors = mirrors
        self._key = folder / release.signature.key
        self._folder = folder
        self._say = say

    def make(self, old: Lock | None) -> Lock:
        """The lock. Raises SourceError; a set that differs from what `old` pins is refused.

        `old` may be incomplete. Sets are not fetched, for the list names them, but where packages
        require libraries of theirs.
        """
        release = self._release
        key = self._key_bytes()
        message, signed = self._signed_list(key)
        self._say(f"signed list  {release.signature.list}: good")
        sets = self._sets(checksums.parse(signed.text, where=release.signature.list), old)
        files = {path: self._list(path, sets) for path in release.list_paths()}
        locker = PackageLocker(self._project, release, self._store, self._mirrors, self._folder,
                               self._say, sets)
        packages = locker.lock(old)
        return Lock(
            lock=1,
            release=release.name,
            definition=definition_digest(release),
            epoch=signed.time,
            list=_pinned(message),
            files=files | sets,
            packages=packages,
        )

    def _signed_list(self, key: bytes) -> tuple[bytes, Signed]:
        """The list as it is, and what of it the pinned key has signed."""
        signature = self._release.signature
        found: list[Signed] = []

        def check(message: bytes) -> None:
            found.append(verified(message, key, fingerprint=signature.fingerprint,
                                  where=signature.list))

        return self._small(signature.list, limits.LIST, check), found.pop()

    def _key_bytes(self) -> bytes:
        """The key; one that was fetched is written only when it is the pinned one."""
        signature = self._release.signature
        if signature.key_path and not self._key.exists():
            data = self._small(signature.key_path, limits.KEY, lambda data: load_certificate(
                data, fingerprint=signature.fingerprint, where=signature.key_path))
            self._key.parent.mkdir(parents=True, exist_ok=True)
            write_file(self._key, data, durable=True)
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
        return _pinned(self._small(f"{self._release.path}/{path}", limits.LIST,
                                   lambda data: self._check_list(path, data, sets)))

    def _check_list(self, path: str, data: bytes, sets: Mapping[str, Pinned]) -> None:
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

    def _small(self, path: str, most: int, check: Callable[[bytes], object]) -> bytes:
        """A small file of the first mirror whose file passes `check`.

        The store keeps it: a build that follows need not fetch it again.
        """
        data = fetch_unpinned(self._mirrors.urls(path), most=most, check=check,
                              patience=replace(self._mirrors.patience, say=self._say))
        self._store.blobs.put(data)
        return data


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
    """What the new lock adds, upgrades, downgrades, drops and has built anew, a line each."""
    before, after = _versions(old) if old else {}, _versions(new)
    lines = []
    for base in sorted({*before, *after}):
        had, has = before.get(base, {}), after.get(base, {})
        lines += [f"{'rebuilt':<13}{base} {version}" for version in has
                  if version in had and had[version] != has[version]]
        gone, come = [name for name in had if name not in has], [
            name for name in has if name not in had]
        for one, other in zip(gone, come, strict=False):
            how = "upgrade" if compare(one, other) < 0 else "downgrade"
            lines.append(f"{how:<13}{base} {one} → {other}")
        lines += [f"{'add':<13}{base} {version}" for version in come[len(gone) :]]
        lines += [f"{'drop':<13}{base} {version}" for version in gone[len(come) :]]
    return sorted(lines)


def _versions(lock: Lock) -> Mapping[str, Mapping[str, str]]:
    """Base to its versions, each with its archive's digest: recipes may want several."""
    found: dict[str, dict[str, str]] = {}
    for item in lock.packages:
        base, _, version = item.pkgname.rpartition("-")
        found.setdefault(base, {})[version] = item.pin.sha512
    return found
