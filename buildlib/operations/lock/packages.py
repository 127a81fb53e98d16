"""The packages of a lock: resolved, fetched, checked, pinned.

What a repository gives now is pinned, and from then on used or refused. Before a package is pinned
it is read to its end: its name, what it was built for, its signature where packages are signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from buildlib.config.project import Project
from buildlib.config.recipe import Lock, LockedPackage, Pinned, Recipe, Release
from buildlib.engine.code_digest import CodeDigests
from buildlib.engine.engine import Engine
from buildlib.engine.graph import Graph
from buildlib.engine.keys import Keys
from buildlib.engine.stage import OutputRef
from buildlib.model.digest import Blob
from buildlib.model.errors import ConfigError, SourceError
from buildlib.model.events import silent
from buildlib.pkgsrc.package import check_platform
from buildlib.pkgsrc.package_file import metadata, refuse_signed, unwrap
from buildlib.pkgsrc.remote_index import TrustedKey, fetch_file, read_offer
from buildlib.pkgsrc.repository import Repository
from buildlib.pkgsrc.resolve import Chosen, of_base, resolve
from buildlib.pkgsrc.summary import Summary
from buildlib.plan.recipe_check import DOM0
from buildlib.sources.archive import compress, tar
from buildlib.sources.mirrors import Mirrors
from buildlib.sources.openpgp import load_certificate
from buildlib.sources.web import limits
from buildlib.sources.web.download import Pin
from buildlib.stages.inputs.fetch import Fetch
from buildlib.store.store import Store

Say = Callable[[str], None]
_HEX = {"sha512": 128, "sha256": 64}


@dataclass
class PackageLocker:
    """Pins the packages of all recipes of one release.

    folder  of the release definition
    sets    path of a set, from the release's folder, to its pin
    say     gets a line for each thing done
    """

    project: Project
    release: Release
    store: Store
    mirrors: Mirrors
    folder: Path
    say: Say
    sets: Mapping[str, Pinned] = field(default_factory=dict)

    def lock(self, old: Lock | None) -> tuple[LockedPackage, ...]:
        """Every package of every recipe, what is needed first. Raises GoldmasterError."""
        names = (DOM0, *(f"domu/{domu}" for domu in self.project.domus()))
        recipes = {name: recipe for name in names
                   if (recipe := self.project.recipe(name)).packages}
        if not recipes:
            return ()
        signer = self.signer()
        offer = self.offer(signer)
        chosen: dict[str, Chosen] = {}
        of: dict[str, list[str]] = {}
        wanted: dict[str, list[str]] = {}
        for name, found in self._resolve_all(recipes, offer).items():
            for item in found:
                chosen.setdefault(item.name, item)
                of.setdefault(item.name, []).append(name)
                if item.wanted_as:
                    wanted.setdefault(item.name, []).append(name)
        before = {item.file: item.pin for item in old.packages} if old else {}
        return tuple(
            self._package(item.summary, before.get(item.summary.archive), signer,
                          recipes=of[name], wanted=wanted.get(name, []))
            for name, item in chosen.items())

    def signer(self) -> TrustedKey | None:
        """Whose signature packages must have; None where they are not signed."""
        source = self.release.packages
        if not source.key:
            return None
        path = self.folder / source.key
        try:
            key = path.read_bytes()
        except OSError as error:
            raise ConfigError("the key that packages are signed with cannot be read", where=path,
                              why=error.strerror, hint="put it there, beside the release "
                              "definition", reason="file") from error
        load_certificate(key, fingerprint=source.fingerprint, where=str(path))
        return TrustedKey(key, source.fingerprint)

    def offer(self, signer: TrustedKey | None) -> Repository:
        """What the repository has now."""
        return read_offer(self.release.packages.path, self.mirrors, self.store, signer=signer,
                          say=self.say)

    def _resolve_all(
        self, recipes: Mapping[str, Recipe], offer: Repository
    ) -> Mapping[str, Iterable[Chosen]]:
        """The packages of each recipe. Raises SourceError that tells of all recipes."""
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
                f"the packages of {len(errors)} recipes cannot be had", where=offer.where,
                why="\n".join(map(str, errors)), reason=errors[0].reason)
        return found

    def _resolve(self, name: str, recipe: Recipe, offer: Repository) -> Iterable[Chosen]:
        """The packages of one recipe, with the libraries of its sets where one is required."""
        try:
            given = self.release.packages.libraries
            found = resolve(recipe.packages, offer, given_libs=given)
            if required := of_base(found).difference(given):
                base = self._base(recipe, required)
                resolve(recipe.packages, offer, provided_libs=base, given_libs=given)
        except SourceError as error:
            error.where = f"recipes/{name}.toml: packages, from {error.where or offer.where}"
            raise
        return found.packages

    def _base(self, recipe: Recipe, required: Set[str]) -> set[str]:
        """Libraries of the recipe's sets, as many sets as it takes to have all that is required."""
        found: set[str] = set()
        for name in recipe.sets:
            if required <= found:
                break
            found.update(self._libraries(name))
        return found

    def _libraries(self, name: str) -> Iterable[str]:
        """The shared libraries of a set, by full path. It is fetched as a build does, for one."""
        if name not in self.release.binary_sets:
            return ()  # what is wrong with the recipe is told by every build
        path = self.release.binary_path(name)
        pin, stage = self.sets[path], f"fetch:{path}"
        fetch = Fetch(f"{self.release.path}/{path}", pin.sha512, pin.sha256, pin.size)
        engine = Engine(Graph({stage: fetch}), self.store,
                        Keys(self.store, CodeDigests(self.store.seen)), sink=silent, jobs=1,
                        services={Mirrors: self.mirrors}, scope=self.release.name)
        engine.build(stage)
        blob = engine.output(OutputRef(stage, "file")).blob
        self.say(f"set          {path}: {blob.size} bytes, read for its libraries")
        listed = self.store.seen.memo(str(self.store.blobs.path(blob)), _list_libraries,
                                      kind="libraries")
        return listed.splitlines()

    def _package(
        self, summary: Summary, before: Pinned | None, signer: TrustedKey | None, *,
        recipes: list[str], wanted: list[str],
    ) -> LockedPackage:
        if before is None or not _is_as_locked(summary, before) or self._kept(before) is None:
            pin, how = self._fetch(summary, signer), "bytes"
        else:
            pin, how = before, "bytes, as locked"
        self.say(f"package      {summary.pkgname}: {pin.size} {how}")
        return LockedPackage(summary.pkgname, summary.pkgpath, summary.archive, pin,
                             tuple(recipes), tuple(wanted))

    def _fetch(self, summary: Summary, signer: TrustedKey | None) -> Pinned:
        path = f"{self.release.packages.path}/{summary.archive}"
        warnings: set[str] = set()

        def check(file: Path) -> None:
            if signer is None:
                refuse_signed(file, where=path)
            else:
                file = self.store.blobs.path(unwrap(file, self.store.blobs, key=signer.key,
                                                    fingerprint=signer.fingerprint, where=path))
            package = metadata(file, where=path, expected=summary.pkgname, whole=True)
            warnings.add(check_platform(package, machine_arch=self.release.machine_arch,
                                        os_version=self.release.version) or "")

        blob = fetch_file(path, _promised(summary), self.mirrors, self.store, most=limits.FILE,
                          say=self.say, check=check)
        for warning in warnings - {""}:
            self.say(f"note         {warning}")
        with self.store.blobs.open(blob) as file:
            sha512 = hashlib.file_digest(file, "sha512").hexdigest()
        return Pinned(sha512, blob.sha256, blob.size)

    def _kept(self, pin: Pinned) -> Blob | None:
        """The file, if the store has it."""
        blob = Blob(pin.sha256, pin.size)
        return blob if pin.sha256 and pin.size >= 0 and self.store.blobs.has(blob) else None


def _list_libraries(path: str) -> str:
    """Full paths of a set's shared libraries, a line each."""
    reader = tar.Reader(compress.chunks(Path(path), where=path), where=path)
    return "\n".join(sorted(
        f"/{member.path}" for member in reader
        if member.kind in {"file", "link"} and ".so" in member.path.rpartition("/")[2]))


def _cksum(summary: Summary) -> Mapping[str, str]:
    """The digests in FILE_CKSUM that can be trusted to tell files apart, by algorithm."""
    algorithm, _, digest = summary.file_cksum.partition(" ")
    algorithm, digest = algorithm.lower().replace("-", ""), digest.strip().lower()
    return {algorithm: digest} if len(digest) == _HEX.get(algorithm) else {}


def _promised(summary: Summary) -> Pin:
    """What the file must be as far as its summary says."""
    known, size = _cksum(summary), summary.file_size
    return Pin(known.get("sha512", ""), known.get("sha256", ""), -1 if size is None else size)


def _is_as_locked(summary: Summary, pin: Pinned) -> bool:
    """Whether the summary says that the file is still the locked one."""
    promised = _promised(summary)
    return bool(promised.sha512 or promised.sha256) and promised.allows(
        Pin(pin.sha512, pin.sha256, pin.size))
