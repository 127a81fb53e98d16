"""Locks: made from the signed list, started by hand, completed, refused if they differ."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pysequoia
import pytest
from support.checkouts.configurations import configuration_of
from support.servers.mirror import Fault, Mirror

from buildlib.config.boot_test import BootTestConfig
from buildlib.config.configuration import definition_digest
from buildlib.config.lock import Lock, LockedPackage, Pinned
from buildlib.config.release import PackageSource, Release, Signature
from buildlib.model.errors import ConfigError, SourceError
from buildlib.operations.lock.release import LockMaker, changes
from buildlib.sources.checksums import format_list
from buildlib.sources.mirrors import Mirrors
from buildlib.store.store import Store

SETS = {
    f"NetBSD/tiny/{path}": path.encode() * 1000
    for path in (
        "source/sets/src.tgz",
        "amd64/binary/sets/base.tar.xz",
        "amd64/binary/sets/etc.tar.xz",
    )
}
LIST, KEY = "NetBSD/hashes/tiny.asc", "NetBSD/PGP/officer.asc"
BASE = "amd64/binary/sets/base.tar.xz"
OTHER = "0" * 128


@cache
def signer(name: str) -> pysequoia.Tsk:
    return pysequoia.Tsk.generate(f"{name} <{name}@example.org>")


def certificate(name: str = "officer") -> pysequoia.Cert:
    return signer(name).extract_certificate()


def sha512(data: bytes) -> str:
    return hashlib.sha512(data).hexdigest()


RELEASE = Release(
    name="tiny",
    version="1.0",
    mirrors=("http://unused.invalid",),
    path="NetBSD/tiny",
    signature=Signature(LIST, "keys/officer.asc", str(certificate().fingerprint), KEY),
    boot=BootTestConfig(("login:",)),
    packages=PackageSource("packages"),
    source_sets=("src",),
    binary_sets=("base", "etc"),
)


def published(sets: dict[str, bytes], *, by: str = "officer") -> dict[str, bytes]:
    """The files of a mirror of these sets, without the sets themselves."""
    digests = {path.removeprefix("NetBSD/"): sha512(data) for path, data in sets.items()}
    files = {
        LIST: bytes(
            pysequoia.sign(
                signer(by).signer(),
                format_list("SHA512", digests),
                mode=pysequoia.SignatureMode.CLEAR,
            )
        ),
        KEY: str(certificate()).encode(),
    }
    for folder in dict.fromkeys(path.rpartition("/")[0] for path in sets):
        inside = {
            path.rpartition("/")[2]: data
            for path, data in sets.items()
            if path.rpartition("/")[0] == folder
        }
        files[f"{folder}/SHA512"] = format_list(
            "SHA512", {name: sha512(data) for name, data in inside.items()}
        )
        files[f"{folder}/MD5"] = format_list(
            "MD5", {name: hashlib.md5(data).hexdigest() for name, data in inside.items()}
        )
    return files


class Bench:
    """A project with one recipe without packages, and its LockMaker."""

    def __init__(self, folder: Path) -> None:
        (folder / "recipes").mkdir()
        (folder / "recipes" / "dom0.toml").write_text('sets = ["base"]\nkernel = "K"\n')
        self.key = folder / "sets" / "keys" / "officer.asc"
        self.store = Store(folder / "build")
        self.folder = folder
        self.said: list[str] = []

    def make(
        self, mirrors: Mirrors, old: Lock | None = None, *, release: Release = RELEASE
    ) -> Lock:
        return LockMaker(
            configuration_of(self.folder, release, definition="sets/release.toml"),
            self.store,
            mirrors=mirrors,
            say=self.said.append,
        ).make(old)

    def refused(
        self, mirrors: Mirrors, old: Lock | None = None, *, release: Release = RELEASE
    ) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.make(mirrors, old, release=release)
        return caught.value


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def begun(files: dict[str, Pinned]) -> Lock:
    return Lock(1, "tiny", definition_digest(RELEASE), 0, None, files)


def test_sets_are_pinned_and_not_fetched(bench: Bench) -> None:
    with Mirror(published(SETS)) as mirror:
        lock = bench.make(Mirrors((mirror.url,)))
    assert {path for path, _ in mirror.requests} == {
        LIST,
        KEY,
        *(f"NetBSD/tiny/{path}" for path in RELEASE.list_paths()),
    }
    for path in RELEASE.set_paths():
        assert lock.files[path] == Pinned(sha512(SETS[f"NetBSD/tiny/{path}"]))
    assert lock.list is not None
    assert lock.epoch > 0
    assert set(lock.files) == {*RELEASE.set_paths(), *RELEASE.list_paths()}


def test_a_lock_that_was_begun_is_completed(bench: Bench) -> None:
    """Digests and sizes of a set that was read are kept."""
    right = Pinned(sha512(SETS[f"NetBSD/tiny/{BASE}"]), "b" * 64, 1234)
    with Mirror(published(SETS)) as mirror:
        lock = bench.make(Mirrors((mirror.url,)), begun({BASE: right}))
    assert lock.files[BASE] == right
    assert f"set          {BASE}: as locked" in bench.said


def test_what_differs_from_the_signed_list_is_refused(bench: Bench) -> None:
    """All of them together, with both digests."""
    etc = BASE.replace("base", "etc")
    with Mirror(published(SETS)) as mirror:
        error = bench.refused(
            Mirrors((mirror.url,)), begun({BASE: Pinned(OTHER), etc: Pinned(OTHER)})
        )
    assert error.reason == "lock-mismatch"
    assert error.what == f"{BASE}, {etc} have changed since the lock was made"
    right = [sha512(SETS[f"NetBSD/tiny/{path}"]) for path in (BASE, etc)]
    assert (error.why or "").splitlines() == [
        BASE,
        f"locked {OTHER}",
        f"signed {right[0]}",
        etc,
        f"locked {OTHER}",
        f"signed {right[1]}",
    ]


def test_sets_that_are_not_signed_are_named(bench: Bench) -> None:
    release = replace(RELEASE, binary_sets=("base", "etc", "gmaes", "comp"))
    with Mirror(published(SETS)) as mirror:
        error = bench.refused(Mirrors((mirror.url,)), release=release)
    assert error.reason == "not-listed"
    assert error.what == (
        "amd64/binary/sets/gmaes.tar.xz, amd64/binary/sets/comp.tar.xz are not in the signed list"
    )


def test_a_mirror_whose_lists_are_of_other_sets(bench: Bench) -> None:
    name = f"NetBSD/tiny/{BASE}"
    other = published(SETS | {name: b"other"})
    with Mirror(
        published(SETS) | {path: data for path, data in other.items() if path.endswith("/SHA512")}
    ) as mirror:
        error = bench.refused(Mirrors((mirror.url,)))
    assert error.reason == "lock-mismatch"
    assert "SHA512 and the signed list have different digests for base.tar.xz" in error.what
    assert error.why == f"signed {sha512(SETS[name])}\nlisted {sha512(b'other')}"


def test_a_page_instead_of_a_list_is_not_pinned(bench: Bench) -> None:
    """A mirror that has dropped an old release answers with an HTML page, which is ignored."""
    path = "NetBSD/tiny/source/sets/MD5"
    with Mirror(published(SETS)) as mirror, Mirror(published(SETS)) as archive:
        mirror.misbehave(path, Fault("page"))
        mirrors = Mirrors((mirror.url,), {"NetBSD/tiny": f"{archive.url}/NetBSD/tiny"})
        lock = bench.make(mirrors)
        assert archive.requests == [(path, "")]
        assert lock.files["source/sets/MD5"].sha512 == sha512(published(SETS)[path])
        archive.misbehave(path, Fault("status", status=503))
        error = bench.refused(mirrors)
    assert error.what == "no mirror has MD5"
    assert f"{mirror.url}/{path}: the mirror sent a page" in (error.why or "")
    assert f"{archive.url}/{path}: the server answered 503" in (error.why or "")


# the signing key


@pytest.mark.parametrize("binary", [False, True])
def test_the_pinned_key_is_picked_out_of_several(bench: Bench, binary: bool) -> None:
    both = [certificate("other"), certificate(), certificate("third")]
    data = b"".join(map(bytes, both)) if binary else "".join(map(str, both)).encode()
    with Mirror(published(SETS) | {KEY: data}) as mirror:
        bench.make(Mirrors((mirror.url,)))
        assert bench.key.read_bytes() == data
        assert [path.name for path in bench.key.parent.iterdir()] == ["officer.asc"]
        mirror.misbehave(KEY, Fault("status"))  # it is not requested any more
        bench.make(Mirrors((mirror.url,)))


@pytest.mark.parametrize(
    "data",
    [
        str(certificate("other")).encode(),
        b"",
        b"No key.\n",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
    ],
)
def test_another_key_is_not_written(bench: Bench, data: bytes) -> None:
    with Mirror(published(SETS, by="other") | {KEY: data}) as mirror:
        error = bench.refused(Mirrors((mirror.url,)))
    assert error.reason == "signing-key"
    assert error.where == KEY
    assert not bench.key.exists()
    assert LIST not in {path for path, _ in mirror.requests}
    if b"PUBLIC KEY BLOCK" in data and len(data) > 100:
        assert error.why == (
            f"pinned {certificate().fingerprint}\nfound  {certificate('other').fingerprint}"
        )


def test_a_key_that_is_here_and_another_is_refused_and_stays(bench: Bench) -> None:
    bench.key.parent.mkdir(parents=True)
    bench.key.write_text(str(certificate("other")))
    with Mirror(published(SETS)) as mirror:
        error = bench.refused(Mirrors((mirror.url,)))
    assert error.reason == "signing-key"
    assert str(certificate().fingerprint) in (error.why or "")
    assert str(certificate("other").fingerprint) in (error.why or "")
    assert mirror.requests == []
    assert bench.key.read_text() == str(certificate("other"))


def test_a_key_nobody_knows_a_place_of(bench: Bench) -> None:
    signature = replace(RELEASE.signature, key_path="")
    with Mirror(published(SETS)) as mirror, pytest.raises(ConfigError) as caught:
        bench.make(Mirrors((mirror.url,)), release=replace(RELEASE, signature=signature))
    assert caught.value.reason == "file"
    assert caught.value.where == str(bench.key)


def test_no_server_is_asked_offline(bench: Bench) -> None:
    with Mirror(published(SETS)) as mirror:
        error = bench.refused(Mirrors((mirror.url,), offline=True))
    assert error.reason == "offline"
    assert mirror.requests == []


# what a new lock changes


def with_packages(*names: str) -> Lock:
    """A lock with packages; the text after a `!` is their archive's content."""
    made = [name.partition("!") for name in names]
    return replace(
        begun({}),
        packages=tuple(
            LockedPackage(name, "cat/x", f"{name}.tgz", Pinned(sha512(data.encode())))
            for name, _, data in made
        ),
    )


def test_every_change_is_reported() -> None:
    old = with_packages(
        "same-1", "up-1.0", "down-2.0", "gone-1", "anew-1", "two-1", "two-3", "tag-3rc1"
    )
    new = with_packages(
        "same-1", "up-1.0nb1", "down-2.0alpha", "come-1", "anew-1!other", "two-1", "two-4", "tag-3"
    )
    assert [line.split() for line in changes(old, new)] == [
        ["add", "come", "1"],
        ["downgrade", "down", "2.0", "→", "2.0alpha"],
        ["drop", "gone", "1"],
        ["rebuilt", "anew", "1"],
        ["upgrade", "tag", "3rc1", "→", "3"],
        ["upgrade", "two", "3", "→", "4"],
        ["upgrade", "up", "1.0", "→", "1.0nb1"],
    ]
    assert changes(new, new) == []
    assert [line.split()[0] for line in changes(None, with_packages("a-1", "b-1"))] == [
        "add",
        "add",
    ]


def test_a_second_version_of_a_package_is_an_addition() -> None:
    """Recipes may need different versions."""
    one, two = with_packages("a-1"), with_packages("a-1", "a-2")
    assert [line.split() for line in changes(one, two)] == [["add", "a", "2"]]
    assert [line.split() for line in changes(two, one)] == [["drop", "a", "2"]]
