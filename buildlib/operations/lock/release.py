"""Makes a lock: pins every file of a release to what its signers published.

Digests of sets come only from the verified payload of the signed list. Packages have no signed
list: see `packages`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from buildlib.config.configuration import Configuration, definition_digest
from buildlib.config.lock import Lock, Pinned
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

    A missing signing key is fetched if the release gives its URL.

    say  receives a line for each step
    """

    def __init__(
        self, configuration: Configuration, store: Store, *, mirrors: Mirrors, say: Say
    ) -> None:
        self._configuration = configuration
        self._release = configuration.release
        self._store = store
        self._mirrors = mirrors
        self._key = configuration.beside[self._release.signature.key].path
        self._say = say

    def make(self, old: Lock | None) -> Lock:
        """The lock. Raises SourceError, also for a set that differs from what `old` pins.

        `old` may be incomplete. Sets are in the signed list, so they are fetched only if packages
        require libraries from them.
        """
        release = self._release
        key = self._key_bytes()
        message, signed = self._signed_list(key)
        self._say(f"signed list  {release.signature.list}: good")
        sets = self._sets(checksums.parse(signed.text, where=release.signature.list), old)
        files = {path: self._list(path, sets) for path in release.list_paths()}
        locker = PackageLocker(self._configuration, self._store, self._mirrors, self._say, sets)
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
        """The list as fetched, and the part of it that the pinned key signed."""
        signature = self._release.signature
        found: list[Signed] = []

        def check(message: bytes) -> None:
            found.append(
                verified(message, key, fingerprint=signature.fingerprint, where=signature.list)
            )

        return self._small(signature.list, limits.LIST, check), found.pop()

    def _key_bytes(self) -> bytes:
        """The key; a fetched key is written only if it is the pinned one."""
        signature = self._release.signature
        if signature.key_path and not self._key.exists():
            data = self._small(
                signature.key_path,
                limits.KEY,
                lambda data: load_certificate(
                    data, fingerprint=signature.fingerprint, where=signature.key_path
                ),
            )
            self._key.parent.mkdir(parents=True, exist_ok=True)
            write_file(self._key, data, durable=True)
            self._say(f"signing key  {signature.key}: fetched, has the pinned fingerprint")
            return data
        try:
            data = self._key.read_bytes()
        except OSError as error:
            raise ConfigError(
                "the signing key cannot be read", where=self._key, why=error.strerror, reason="file"
            ) from error
        load_certificate(data, fingerprint=signature.fingerprint, where=str(self._key))
        return data

    def _sets(self, signed: tuple[checksums.Checksum, ...], old: Lock | None) -> dict[str, Pinned]:
        """The pin of every set, from the signed list. Raises SourceError with all problems."""
        release, where = self._release, self._release.signature.list
        digests = {path: checksums.lookup(signed, path) for path in release.set_paths()}
        if absent := [path for path, digest in digests.items() if digest is None]:
            raise SourceError(
                f"{_named(absent, 'is', 'are')} not in the signed list",
                where=where,
                hint="check the sets in the release definition",
                reason="not-listed",
            )
        before = {path: pin for path, pin in old.files.items() if path in digests} if old else {}
        changed = [path for path, pin in before.items() if pin.sha512 != digests[path]]
        if changed:
            raise SourceError(
                f"{_named(changed, 'has', 'have')} changed since the lock was made",
                where=where,
                why="\n".join(
                    f"{path}\nlocked {before[path].sha512}\nsigned {digests[path]}"
                    for path in changed
                ),
                hint="releases do not change; find out why before you remove the old lock",
                reason="lock-mismatch",
            )
        sets = {
            path: before.get(path) or Pinned(digest) for path, digest in digests.items() if digest
        }
        for path in sets:
            self._say(f"set          {path}: {'as locked' if path in before else 'pinned'}")
        return sets

    def _list(self, path: str, sets: Mapping[str, Pinned]) -> Pinned:
        """A list beside the sets. Raises SourceError if it contradicts the signed list."""
        return _pinned(
            self._small(
                f"{self._release.path}/{path}",
                limits.LIST,
                lambda data: self._check_list(path, data, sets),
            )
        )

    def _check_list(self, path: str, data: bytes, sets: Mapping[str, Pinned]) -> None:
        listed = checksums.parse(data, where=path)
        folder, _, algorithm = path.rpartition("/")
        for name, pin in sets.items():
            in_folder, _, base = name.rpartition("/")
            if in_folder == folder and algorithm == "SHA512":
                found = checksums.lookup(listed, base)
                if found != pin.sha512:
                    raise SourceError(
                        f"{path} and the signed list have different digests for {base}",
                        where=f"{self._release.path}/{path}",
                        why=f"signed {pin.sha512}\nlisted {found or 'not at all'}",
                        hint="the mirror has other sets; use another mirror (`mirror=URL`)",
                        reason="lock-mismatch",
                    )

    def _small(self, path: str, most: int, check: Callable[[bytes], object]) -> bytes:
        """A small file, from the first mirror whose copy passes `check`.

        It is kept in the store, so that the next build need not fetch it again.
        """
        data = fetch_unpinned(
            self._mirrors.urls(path),
            most=most,
            check=check,
            patience=replace(self._mirrors.patience, say=self._say),
        )
        self._store.blobs.put(data)
        return data


def _named(paths: list[str], one: str, many: str) -> str:
    return f"{', '.join(paths)} {one if len(paths) == 1 else many}"


def _pinned(data: bytes) -> Pinned:
    return Pinned(hashlib.sha512(data).hexdigest(), sha256(data), len(data))


def format_lock(lock: Lock) -> str:
    """The text of a lock file: JSON, one value per line, for readable diffs.

    Unknown digests and sizes are left out.
    """

    def known(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {
            name: value
            for name, value in pairs
            if (name, value) not in (("sha256", ""), ("size", -1))
        }

    return json.dumps(asdict(lock, dict_factory=known), indent=1) + "\n"


def changes(old: Lock | None, new: Lock) -> list[str]:
    """The packages added, upgraded, downgraded, dropped and rebuilt, one per line."""
    before, after = _versions(old) if old else {}, _versions(new)
    lines = []
    for base in sorted({*before, *after}):
        had, has = before.get(base, {}), after.get(base, {})
        lines += [
            f"{'rebuilt':<13}{base} {version}"
            for version in has
            if version in had and had[version] != has[version]
        ]
        gone, come = (
            [name for name in had if name not in has],
            [name for name in has if name not in had],
        )
        for one, other in zip(gone, come, strict=False):
            how = "upgrade" if compare(one, other) < 0 else "downgrade"
            lines.append(f"{how:<13}{base} {one} → {other}")
        lines += [f"{'add':<13}{base} {version}" for version in come[len(gone) :]]
        lines += [f"{'drop':<13}{base} {version}" for version in gone[len(come) :]]
    return sorted(lines)


def _versions(lock: Lock) -> Mapping[str, Mapping[str, str]]:
    """Base to its versions, each with its archive's digest; recipes may need several versions."""
    found: dict[str, dict[str, str]] = {}
    for item in lock.packages:
        base, _, version = item.pkgname.rpartition("-")
        found.setdefault(base, {})[version] = item.pin.sha512
    return found
