"""Resolves, fetches, verifies and pins the packages of a lock.

The lock pins what a repository has now; later builds accept nothing else. Before a package is
pinned, it is read completely to check its name, platform and, if packages are signed, signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.config.configuration import Configuration
from buildlib.config.lock import Lock, LockedPackage, Pinned
from buildlib.config.recipe import Recipe
from buildlib.config.release import Release
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.stage import OutputRef
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, SourceError
from buildlib.model.events import silent
from buildlib.operations.lock import packing_lists
from buildlib.operations.lock.signers import package_signer
from buildlib.pkgsrc.package import check_platform
from buildlib.pkgsrc.package_file import metadata, refuse_signed, unwrap
from buildlib.pkgsrc.remote_index import fetch_file, read_offer
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolution.resolve import Chosen, Resolution, of_base, resolve
from buildlib.pkgsrc.summary import Summary
from buildlib.pkgsrc.trust import Signer
from buildlib.sources.archive import compress, tar
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.web import limits
from buildlib.sources.web.download import Pin
from buildlib.stages.inputs.fetch import Fetch
from buildlib.store.store import Store

Say = Callable[[str], None]
_HEX = {"sha512": 128, "sha256": 64}


@dataclass
class PackageLocker:
    """Pins the packages of all recipes of one release.

    sets    path of a set, from the release's folder, to its pin
    say     receives a line for each step
    """

    configuration: Configuration
    store: Store
    mirrors: Mirrors
    say: Say
    sets: Mapping[str, Pinned] = field(default_factory=dict)

    @property
    def release(self) -> Release:
        """The release definition."""
        return self.configuration.release

    def lock(self, old: Lock | None) -> tuple[LockedPackage, ...]:
        """Every package of every recipe, dependencies first. Raises GoldmasterError."""
        if self.configuration.unread:
            raise ConfigError.together(self.configuration.unread)
        recipes = {
            name: recipe for name, recipe in self.configuration.recipes.items() if recipe.packages
        }
        if not recipes:
            return ()
        signer = package_signer(self.configuration, self.store)
        offer = self.offer(signer)
        chosen: dict[str, Chosen] = {}
        of: dict[str, list[str]] = {}
        wanted: dict[str, list[str]] = {}
        resolved = self._resolve_all(recipes, offer)
        for name, found in resolved.items():
            for item in found.packages:
                chosen.setdefault(item.name, item)
                of.setdefault(item.name, []).append(name)
                if item.wanted_as:
                    wanted.setdefault(item.name, []).append(name)
        before = {item.file: item.pin for item in old.packages} if old else {}
        locked = {
            name: self._package(
                item.summary,
                before.get(item.summary.archive),
                signer,
                recipes=of[name],
                wanted=wanted.get(name, []),
            )
            for name, item in chosen.items()
        }
        for name, found in resolved.items():
            pins = [locked[item.name].pin for item in found.packages]
            blobs = (Blob(pin.sha256, pin.size) for pin in pins)
            for note in packing_lists.notes(found.unlisted, blobs, self.store, signer):
                self.say(f"note         recipes/{name}.toml: {note}")
        return tuple(locked.values())

    def offer(self, signer: Signer | None) -> Repository:
        """The packages that the repository has now."""
        return read_offer(
            self.release.packages.path, self.mirrors, self.store, signer=signer, say=self.say
        )

    def _resolve_all(
        self, recipes: Mapping[str, Recipe], offer: Repository
    ) -> Mapping[str, Resolution]:
        """The packages of each recipe. Raises SourceError with the problems of all recipes."""
        found, errors = {}, []
        for name, recipe in recipes.items():
            try:
                found[name] = self._resolve(name, recipe, offer)
            except SourceError as error:
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise SourceError(
                f"the packages of {len(errors)} recipes cannot be resolved",
                where=offer.where,
                why="\n".join(map(str, errors)),
                reason=errors[0].reason,
            )
        return found

    def _resolve(self, name: str, recipe: Recipe, offer: Repository) -> Resolution:
        """The packages of one recipe; reads its sets' libraries if packages require any."""
        try:
            given = self.release.packages.libraries
            found = resolve(recipe.packages, offer, given_libs=given)
            if required := of_base(found).difference(given):
                base = self._base(recipe, required)
                resolve(recipe.packages, offer, provided_libs=base, given_libs=given)
        except SourceError as error:
            error.where = f"recipes/{name}.toml: packages, from {error.where or offer.where}"
            raise
        return found

    def _base(self, recipe: Recipe, required: Set[str]) -> set[str]:
        """Libraries of the recipe's sets, of as few sets as provide all required ones."""
        found: set[str] = set()
        for name in recipe.sets:
            if required <= found:
                break
            found.update(self._libraries(name))
        return found

    def _libraries(self, name: str) -> Iterable[str]:
        """The shared libraries of a set, by full path. Fetches the set as a build does."""
        if name not in self.release.binary_sets:
            return ()  # every build reports this mistake in the recipe
        path = self.release.binary_path(name)
        pin, stage = self.sets[path], f"fetch:{path}"
        fetch = Fetch(f"{self.release.path}/{path}", pin.sha512, pin.sha256, pin.size)
        engine = Engine(
            Graph({stage: fetch}),
            self.store,
            Keys(self.store, CodeDigests(self.store.seen)),
            sink=silent,
            jobs=1,
            services={Mirrors: self.mirrors},
            scope=self.release.name,
        )
        engine.build(stage)
        blob = engine.output(OutputRef(stage, "file")).blob
        self.say(f"set          {path}: {blob.size} bytes, read for its libraries")
        listed = self.store.seen.memo(
            str(self.store.blobs.path(blob)), _list_libraries, kind="libraries"
        )
        return listed.splitlines()

    def _package(
        self,
        summary: Summary,
        before: Pinned | None,
        signer: Signer | None,
        *,
        recipes: list[str],
        wanted: list[str],
    ) -> LockedPackage:
        if before is None or not _is_as_locked(summary, before) or self._kept(before) is None:
            pin, how = self._fetch(summary, signer), "bytes"
        else:
            pin, how = before, "bytes, as locked"
        self.say(f"package      {summary.pkgname}: {pin.size} {how}")
        return LockedPackage(
            summary.pkgname, summary.pkgpath, summary.archive, pin, tuple(recipes), tuple(wanted)
        )

    def _fetch(self, summary: Summary, signer: Signer | None) -> Pinned:
        path = f"{self.release.packages.path}/{summary.archive}"
        warnings: set[str] = set()

        def check(file: Path) -> None:
            if signer is None:
                refuse_signed(file, where=path)
            else:
                file = self.store.blobs.path(
                    unwrap(file, self.store.blobs, signer=signer, where=path)
                )
            package = metadata(file, where=path, expected=summary.pkgname, whole=True)
            warnings.add(
                check_platform(
                    package, machine_arch=self.release.machine_arch, os_version=self.release.version
                )
                or ""
            )

        blob = fetch_file(
            path,
            _promised(summary),
            self.mirrors,
            self.store,
            most=limits.FILE,
            say=self.say,
            check=check,
        )
        for warning in warnings - {""}:
            self.say(f"note         {warning}")
        with self.store.blobs.open(blob) as file:
            sha512 = hashlib.file_digest(file, "sha512").hexdigest()
        return Pinned(sha512, blob.sha256, blob.size)

    def _kept(self, pin: Pinned) -> Blob | None:
        """The file, if it is in the store."""
        blob = Blob(pin.sha256, pin.size)
        return blob if pin.sha256 and pin.size >= 0 and self.store.blobs.has(blob) else None


def _list_libraries(path: str) -> str:
    """Full paths of a set's shared libraries, one per line."""
    reader = tar.Reader(compress.chunks(Path(path), where=path), where=path)
    return "\n".join(
        sorted(
            f"/{member.path}"
            for member in reader
            if member.kind in {"file", "link"} and ".so" in member.path.rpartition("/")[2]
        )
    )


def _cksum(summary: Summary) -> Mapping[str, str]:
    """The digests in FILE_CKSUM that are long enough to identify files, by algorithm."""
    algorithm, _, digest = summary.file_cksum.partition(" ")
    algorithm, digest = algorithm.lower().replace("-", ""), digest.strip().lower()
    return {algorithm: digest} if len(digest) == _HEX.get(algorithm) else {}


def _promised(summary: Summary) -> Pin:
    """The file's digests and size according to its summary."""
    known, size = _cksum(summary), summary.file_size
    return Pin(known.get("sha512", ""), known.get("sha256", ""), -1 if size is None else size)


def _is_as_locked(summary: Summary, pin: Pinned) -> bool:
    """Whether the file is still the locked one, according to its summary."""
    promised = _promised(summary)
    return bool(promised.sha512 or promised.sha256) and promised.allows(
        Pin(pin.sha512, pin.sha256, pin.size)
    )
