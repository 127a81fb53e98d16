"""Packages fetched for a lock must match the summary, the old lock and the signing key."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.machines.packages import certificate, packed, repository, signed, source
from support.servers.package_mirror import SIGNED, Bench, archive, fetched, mirror_of

from buildlib.config.lock import Lock, LockedPackage
from buildlib.model.errors import ConfigError, SourceError
from buildlib.pkgsrc.writer import PackageSource


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def lock_of(packages: tuple[LockedPackage, ...]) -> Lock:
    return Lock(1, "tiny", "", 1, None, {}, packages)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"file_size": 7}, "size"),
        ({"file_cksum": "sha512 " + "0" * 128}, "checksum"),
        ({"file_cksum": "SHA256 " + "0" * 64}, "checksum"),
    ],
)
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


@pytest.mark.parametrize(
    ("data", "reason"),
    [
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
    ],
)
def test_what_is_no_good_is_not_pinned(bench: Bench, data: bytes, reason: str) -> None:
    error = bench.refused(repository(source("a-1")) | {"packages/a-1.tgz": data})
    assert isinstance(error, SourceError)
    assert error.reason == reason
    assert "a-1" in f"{error.what} {error.where}"


def test_another_version_of_the_system_is_reported(bench: Bench) -> None:
    with mirror_of(repository(source("a-1", os_version="1.1"))) as mirror:
        bench.lock(mirror)
    assert "note         a-1 was built for NetBSD 1.1, not 1.0" in bench.said


def test_what_is_as_locked_is_not_fetched_again(bench: Bench) -> None:
    """If the summary's digest matches the lock; a rebuilt package is fetched."""

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
    with mirror_of(repository(source("a-1"))) as mirror:  # no digest: the file may have changed
        bench.lock(mirror, old=lock_of(again))
        assert "a-1.tgz" in fetched(mirror)


def served(by: str, made: PackageSource) -> dict[str, bytes]:
    files = repository(made)
    path = f"packages/{made.pkgname}.tgz"
    return files | {path: signed(made.pkgname, files[path], by=by)}


def test_signed_packages(bench: Bench) -> None:
    """The pin is that of the served file."""
    files = served("packager", source("a-1"))
    with mirror_of(files) as mirror:
        (package,) = bench.lock(mirror, release=SIGNED)
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
