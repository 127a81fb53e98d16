"""Packages of a lock: resolved against the sets' libraries, read and checked before pinned."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.machines.packages import (
    certificate,
    packed,
    repository,
    signed,
    source,
    summary,
)
from support.readers.archives import gz
from support.servers.mirror import Mirror

from buildlib.config.boot_test import BootTestConfig
from buildlib.config.project import Project
from buildlib.config.recipe import (
    Lock,
    LockedPackage,
    Pinned,
    Release,
    Signature,
)
from buildlib.config.recipe import PackageSource as Packages
from buildlib.model.errors import ConfigError, GoldmasterError, SourceError
from buildlib.operations.lock.packages import PackageLocker
from buildlib.pkgsrc.summary import format_summary
from buildlib.pkgsrc.writer import PackageSource
from buildlib.sources.mirrors import Mirrors
from buildlib.store.store import Store

LIBC, LIBX = "/usr/lib/libc.so.12", "/usr/X11R7/lib/libX11.so.7"
RELEASE = Release(
    name="tiny", version="1.0", mirrors=("http://unused.invalid",), path="NetBSD/tiny",
    signature=Signature("list", "key", "0" * 40), boot=BootTestConfig(("login:",)),
    packages=Packages("packages"), binary_sets=("base", "etc", "xbase"), binary_suffix=".tgz",
)
SIGNED = replace(RELEASE, packages=Packages(
    "packages", key="keys/packager.asc", fingerprint=str(certificate().fingerprint)))


def archive(*names: str) -> bytes:
    """A set with files and, at names that end in @, links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(f".{name.removesuffix('@')}")
            if name.endswith("@"):
                info.type, info.linkname = tarfile.SYMTYPE, "elsewhere"
            tar.addfile(info)
    return gz(out.getvalue())


SETS = {"base": archive("/lib/libc.so.12", f"{LIBC}@", "/bin/sh"), "etc": archive("/etc/passwd"),
        "xbase": archive(LIBX)}


def path_of(name: str) -> str:
    return f"NetBSD/tiny/{RELEASE.binary_path(name)}"


def mirror_of(files: Mapping[str, bytes]) -> Mirror:
    return Mirror({path_of(name): data for name, data in SETS.items()} | dict(files))


class Bench:
    """A project with recipes, and a locker of its packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "build")
        self.said: list[str] = []
        self.pins = {RELEASE.binary_path(name): Pinned(hashlib.sha512(data).hexdigest())
                     for name, data in SETS.items()}
        (folder / "keys").mkdir()
        (folder / "keys/packager.asc").write_text(str(certificate()))
        self.recipe("dom0", "a")

    def recipe(self, name: str, *packages: str, sets: tuple[str, ...] = ("base", "etc")) -> None:
        path = self.folder / f"recipes/{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"sets = {list(sets)}\nkernel = 'K'\npackages = {list(packages)}\n")

    def lock(
        self, mirror: Mirror | Path, *, release: Release = RELEASE, old: Lock | None = None,
        offline: bool = False,
    ) -> tuple[LockedPackage, ...]:
        root = mirror.url if isinstance(mirror, Mirror) else str(mirror)
        locker = PackageLocker(
            Project(self.folder, self.store.seen), release, self.store,
            Mirrors((root,), offline=offline), self.folder, self.said.append, self.pins)
        return locker.lock(old)

    def refused(
        self, files: Mapping[str, bytes], *, release: Release = RELEASE
    ) -> GoldmasterError:
        with mirror_of(files) as mirror, pytest.raises(GoldmasterError) as caught:
            self.lock(mirror, release=release)
        return caught.value


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def fetched(mirror: Mirror) -> list[str]:
    return [path.rpartition("/")[2] for path, _ in mirror.requests]


def lock_of(packages: tuple[LockedPackage, ...]) -> Lock:
    return Lock(1, "tiny", "", 1, None, {}, packages)


def test_everything_is_pinned(bench: Bench) -> None:
    """Version, file name, size, both digests, and which recipe wants it."""
    bench.recipe("dom0", "cat/a")
    bench.recipe("domu/www", "b-[0-9]*")
    made = [source("a-1.0", depends=("b>=1",)), source("b-1.5"), source("b-0.9"), source("c-1")]
    files = repository(*made)
    with mirror_of(files) as mirror:
        packages = bench.lock(mirror)
        assert fetched(mirror) == ["pkg_summary.gz", "b-1.5.tgz", "a-1.0.tgz"]
    assert [item.pkgname for item in packages] == ["b-1.5", "a-1.0"], "what is needed comes first"
    for item in packages:
        data = files[f"packages/{item.pkgname}.tgz"]
        assert item.file == f"{item.pkgname}.tgz"
        assert item.pkgpath == f"cat/{item.pkgname[0]}"
        assert item.pin == Pinned(hashlib.sha512(data).hexdigest(),
                                  hashlib.sha256(data).hexdigest(), len(data))
    assert [(item.recipes, item.wanted_by) for item in packages] == [
        (("dom0", "domu/www"), ("domu/www",)), (("dom0",), ("dom0",))]


def test_no_packages_ask_nobody(bench: Bench) -> None:
    bench.recipe("dom0")
    with mirror_of({}) as mirror:
        assert bench.lock(mirror) == ()
        assert mirror.requests == []


def test_the_same_summary_in_another_order(bench: Bench) -> None:
    made = [source("a-1.0", depends=("b>=1", "{c,d}-[0-9]*")), source("b-1.5", depends=("c>=1",)),
            source("b-1.4"), source("c-1"), source("c-2"), source("d-7")]
    files, found = repository(*made), set()
    for seed in range(5):
        shuffled = random.Random(seed).sample(made, len(made))
        text = b"".join(format_summary([summary(one)]) for one in shuffled)
        with mirror_of(files | {"packages/pkg_summary.gz": text}) as mirror:
            found.add(bench.lock(mirror))
    assert len(found) == 1


def test_a_folder_as_mirror(bench: Bench, tmp_path: Path) -> None:
    """With a summary and without one: the same pins."""
    made = [source("a-1.0", depends=("b>=1",)), source("b-1.5")]
    folder = tmp_path / "mirror"
    for path, data in repository(*made).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    with_summary = bench.lock(folder)
    (folder / "packages/pkg_summary.gz").unlink()
    assert bench.lock(folder, offline=True) == with_summary
    assert len(with_summary) == 2


# what packages need


def test_what_is_missing_names_recipe_chain_and_nearest(bench: Bench) -> None:
    bench.recipe("dom0")
    bench.recipe("domu/www", "cat/a")
    error = bench.refused(repository(source("a-1", depends=("b>=1",)),
                                     source("b-1", depends=("libgcrypt>=2",)),
                                     source("libgcrypt-1.9")))
    assert error.reason == "pkg-missing"
    assert error.where == "recipes/domu/www.toml: packages, from packages/pkg_summary.gz"
    assert "cat/a (recipe) → a-1 → b-1 → libgcrypt>=2" in (error.why or "")
    assert error.hint == "there is libgcrypt-1.9"


def test_what_is_missing_in_several_recipes_is_told_at_once(bench: Bench) -> None:
    bench.recipe("dom0", "libgcrypto")
    bench.recipe("domu/sql", "libgcrypt")
    bench.recipe("domu/www", "libgcrypt>=3")
    error = bench.refused(repository(source("libgcrypt-1.9")))
    assert (error.what, error.reason) == ("the packages of 2 recipes cannot be had", "pkg-missing")
    for text in ("no package matches libgcrypto", "recipes/dom0.toml", "libgcrypt>=3 (recipe)",
                 "recipes/domu/www.toml"):
        assert text in (error.why or "")
    assert (error.why or "").count("there is libgcrypt-1.9") == 2


def test_a_library_of_a_set(bench: Bench) -> None:
    """The set is read, the first that has all; a build then takes it from the store."""
    files = repository(source("a-1", requires=(LIBC, "/usr/pkg/lib/liba.so.1"),
                              provides=("/usr/pkg/lib/liba.so.1",)))
    with mirror_of(files) as mirror:
        bench.lock(mirror)
        assert fetched(mirror) == ["pkg_summary.gz", "base.tgz", "a-1.tgz"]
        assert {pin.sha256 for pin in bench.pins.values()} == {""}, "their signer has told none"
        bench.lock(mirror)
        assert fetched(mirror).count("base.tgz") == 1, "the store has it"


def test_no_set_is_read_for_packages_that_need_none(bench: Bench) -> None:
    with mirror_of(repository(source("a-1"))) as mirror:
        bench.lock(mirror)
        assert fetched(mirror) == ["pkg_summary.gz", "a-1.tgz"]


def test_a_library_that_no_set_of_the_recipe_has(bench: Bench) -> None:
    """Another set has it; or base has it in another version."""
    bench.recipe("dom0", "w")
    error = bench.refused(repository(
        source("a-1", requires=(LIBX, "/usr/lib/libc.so.13")), source("w-1", depends=("a>=1",))))
    assert error.reason == "pkg-library"
    assert "recipes/dom0.toml" in (error.where or "")
    assert (error.why or "").splitlines() == [
        f"{LIBX}: w (recipe) → w-1 → a-1", "/usr/lib/libc.so.13: w (recipe) → w-1 → a-1"]
    first, second = (error.hint or "").splitlines()
    assert "add the set that has it to the recipe" in first
    assert "packages.libraries" in first
    assert second == f"/usr/lib/libc.so.13: there is {LIBC}"
    bench.recipe("dom0", "w", sets=("base", "xbase"))
    release = replace(RELEASE, packages=Packages("packages", libraries=("/usr/lib/libc.so.13",)))
    with mirror_of(repository(source("a-1", requires=(LIBX, "/usr/lib/libc.so.13")),
                              source("w-1", depends=("a>=1",)))) as mirror:
        assert len(bench.lock(mirror, release=release)) == 2


def test_a_set_that_is_not_the_signed_one(bench: Bench) -> None:
    files = repository(source("a-1", requires=(LIBC,))) | {path_of("base"): archive("/etc")}
    assert bench.refused(files).reason == "checksum"


# what is fetched


@pytest.mark.parametrize(("more", "reason"), [
    ({"file_size": 7}, "size"),
    ({"file_cksum": "sha512 " + "0" * 128}, "checksum"),
    ({"file_cksum": "SHA256 " + "0" * 64}, "checksum"),
])
def test_what_the_summary_says_of_a_file_holds(
    bench: Bench, more: dict[str, object], reason: str
) -> None:
    error = bench.refused(repository(source("a-1"), **more))
    assert error.reason == reason
    assert "packages/a-1.tgz" in (error.where or "")


@pytest.mark.parametrize("algorithm", ["sha512", "SHA256", "rmd160", "sha1"])
def test_a_digest_that_is_right_or_not_known(bench: Bench, algorithm: str) -> None:
    data = packed(source("a-1"))
    digest = hashlib.new(algorithm.lower(), data).hexdigest() if "sha" in algorithm.lower() else "0"
    with mirror_of(repository(source("a-1"), file_cksum=f"{algorithm} {digest}")) as mirror:
        assert bench.lock(mirror)[0].pin.size == len(data)


GOOD = packed(source("a-1"))


@pytest.mark.parametrize(("data", "reason"), [
    pytest.param(GOOD[:-30], "damaged", id="without its end"),
    pytest.param(GOOD[:200], "damaged", id="its beginning"),
    pytest.param(b"", "damaged", id="nothing"),
    pytest.param(b"\x28\xb5\x2f\xfd" + GOOD, "compression", id="zstd"),
    pytest.param(b"7z\xbc\xaf\x27\x1c" + GOOD, "compression", id="7z"),
    pytest.param(b"LZIP" + GOOD, "compression", id="lzip"),
    pytest.param(b"no archive at all" * 100, "damaged", id="words"),
    pytest.param(packed(source("a-2")), "pkg-name", id="another name"),
    pytest.param(packed(source("a-1", machine_arch="sparc64")), "pkg-platform", id="machine"),
    pytest.param(packed(source("a-1", opsys="SunOS")), "pkg-platform", id="another system"),
    pytest.param(packed(source("a-1", os_version="")), "pkg-platform", id="no version"),
    pytest.param(archive("/etc/passwd"), "pkg-meta", id="no package"),
    pytest.param(b"<!DOCTYPE html><html>not here</html>", "html", id="a page"),
    pytest.param(signed("a-1", GOOD), "signing-key", id="signed"),
])
def test_what_is_no_good_is_not_pinned(bench: Bench, data: bytes, reason: str) -> None:
    error = bench.refused(repository(source("a-1")) | {"packages/a-1.tgz": data})
    assert isinstance(error, SourceError)
    assert error.reason == reason
    assert "a-1" in f"{error.what} {error.where}"


def test_another_version_of_the_system_is_told(bench: Bench) -> None:
    with mirror_of(repository(source("a-1", os_version="1.1"))) as mirror:
        bench.lock(mirror)
    assert "note         a-1 was built for NetBSD 1.1, not 1.0" in bench.said


# what was locked before


def test_what_is_as_locked_is_not_fetched_again(bench: Bench) -> None:
    """Where the summary says by a digest that it is; a package built anew is fetched."""
    def made(text: str) -> dict[str, bytes]:
        one = source("a-1", comment=text)
        digest = hashlib.sha512(packed(one)).hexdigest()
        return repository(one, file_cksum=f"SHA512 {digest}")

    files = made("one")
    with mirror_of(files) as mirror:
        first = bench.lock(mirror)
        mirror.requests.clear()
        assert bench.lock(mirror, old=lock_of(first)) == first
        assert fetched(mirror) == ["pkg_summary.gz"]
        assert bench.said[-1].endswith("as locked")
    with mirror_of(made("another")) as mirror:
        again = bench.lock(mirror, old=lock_of(first))
        assert fetched(mirror) == ["pkg_summary.gz", "a-1.tgz"]
    assert again[0].pin.sha512 != first[0].pin.sha512
    with mirror_of(repository(source("a-1"))) as mirror:  # no digest: it may be any file
        bench.lock(mirror, old=lock_of(again))
        assert "a-1.tgz" in fetched(mirror)


# signed packages


def served(by: str, made: PackageSource) -> dict[str, bytes]:
    files = repository(made)
    path = f"packages/{made.pkgname}.tgz"
    return files | {path: signed(made.pkgname, files[path], by=by)}


def test_signed_packages(bench: Bench) -> None:
    """The pin is of the file as it is served."""
    files = served("packager", source("a-1"))
    with mirror_of(files) as mirror:
        package, = bench.lock(mirror, release=SIGNED)
    assert package.pin.sha512 == hashlib.sha512(files["packages/a-1.tgz"]).hexdigest()


def test_unsigned_or_by_another(bench: Bench) -> None:
    error = bench.refused(repository(source("a-1")), release=SIGNED)
    assert (error.reason, error.where) == ("signature-missing", "packages/a-1.tgz")
    assert "packages.key" in (error.hint or "")
    error = bench.refused(served("other", source("a-1")), release=SIGNED)
    assert (error.reason, error.where) == ("signature", "packages/a-1.tgz")


def test_the_key_is_looked_at_first(bench: Bench) -> None:
    (bench.folder / "keys/packager.asc").write_text(str(certificate("other")))
    with mirror_of(served("packager", source("a-1"))) as mirror:
        with pytest.raises(SourceError, match="not the pinned one"):
            bench.lock(mirror, release=SIGNED)
        (bench.folder / "keys/packager.asc").unlink()
        with pytest.raises(ConfigError, match="cannot be read"):
            bench.lock(mirror, release=SIGNED)
        assert mirror.requests == []
