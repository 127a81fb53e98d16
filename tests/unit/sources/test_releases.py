"""The releases shipped with the project, and locks that pin only some files."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildlib.config.configuration import Configuration, definition_digest
from buildlib.config.lock import Lock, Pinned
from buildlib.config.reading.places import Places
from buildlib.config.reading.reader import read_configuration
from buildlib.config.release import Release
from buildlib.config.settings import Settings
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load
from buildlib.operations.lock.release import format_lock
from buildlib.store.stat_cache import StatCache

ROOT = Path(__file__).parents[3]
NETBSD = ("netbsd-9.4", "netbsd-10.1", "netbsd-11.0")
ALWAYS = {
    "base",
    "comp",
    "debug",
    "etc",
    "games",
    "man",
    "misc",
    "modules",
    "rescue",
    "tests",
    "text",
    "xbase",
    "xcomp",
    "xdebug",
    "xetc",
    "xfont",
    "xserver",
}
NEW: Mapping[str, set[str]] = {
    "netbsd-9.4": set(),
    "netbsd-10.1": {"gpufw"},
    "netbsd-11.0": {"gpufw", "base32", "debug32", "manhtml"},
}

# Quoted from the signed lists by several public build files.
GOLDEN: Mapping[str, Mapping[str, str]] = {
    "netbsd-10.1": {
        "source/sets/src.tgz": (
            "6ae2053b4b75821238c0757d4f7258daece425de72524c616e07d3adee7c48d8"
            "7422dd47d852a137918cec3dd3c0d339e372f4504dfe9f1bc5520011775bdb86"
        ),
        "source/sets/gnusrc.tgz": (
            "8a1c42030ba44eb2a0c7a5111187bc02e8f4d0860d8491b7863579e612333665"
            "c478625c37b01f08732e3cfd29ec31335f1db1274fd7dcfdc048b09d1b4bbb83"
        ),
        "source/sets/sharesrc.tgz": (
            "703eeb306fc0328cad7e6f0e100d2e7af194f82e613338f4611a7bcd5f6d773d"
            "8789e7ce03ec25268ec2b95ccdb97c3b4289a838a629716498b4d7c3184cb1ef"
        ),
        "source/sets/syssrc.tgz": (
            "766ac21f33cfe0e701dfedb894fa07f36d811da1a12e979181e8fca7af4e6278"
            "52680ce42a7b29e97dd3e2e402ddf9ae7bfba60c8d7dc6b8a3354d8ce8c06926"
        ),
        "amd64/binary/sets/base.tar.xz": (
            "1c6b74cedd7fc92adfe51239808d41e63fc6eb9e9877c1101c1da515a3845727"
            "8c7774e8fc3041d69cefc49821bad836cfdcc5147ad757f2f4a1f59f9e3862e5"
        ),
        "amd64/binary/sets/comp.tar.xz": (
            "ea90d527d1475bd64d2b4c36d9d6ae53cb353cbc8c4feaa2b2bf006710282d2f"
            "47349a8aeeb64531f9da04268ed368ff2603c1e11a30bdfc8b2539ad73fe725f"
        ),
    },
    "netbsd-11.0": {
        "source/sets/src.tgz": (
            "99a8f96202290ce203d98396305f3ae1e38b49663b1210447cb82d05ee171796"
            "9adb6101dab5f06050e9ef981bd6efb798ae1b2e8e7f0079ba5486da4ca82fcc"
        ),
        "source/sets/gnusrc.tgz": (
            "9dcbba3d56eadd012b9999fe3baa186c156a187793105675545fbebe1b536dd2"
            "1b3042b678c981a664c0d68e7ef053d5f6c9a40fad780aecf93db43524d4496a"
        ),
        "source/sets/sharesrc.tgz": (
            "5e67c84962e8065f0b888bb3d8f5d6c140a00871a1f97c57ac2433e272b0c9ab"
            "b1c148b5515995c974390f7b75d92e6347412f470de23a8857f32a62bb4f00cf"
        ),
        "source/sets/syssrc.tgz": (
            "318d451ecc83749607d5448198c02663ea5f0b7f4cc74fb565747f86eead7b66"
            "b5809a37deee219dc6ddb2e5ee332d1cbb94c1a4e9db63620c3abd7586fb3057"
        ),
    },
}


def read(name: str, folder: Path) -> Configuration:
    places = Places(ROOT, StatCache(folder / "seen"), lambda: ROOT)
    return read_configuration(Settings(release=name), places)


def test_these_releases_come_with_the_project() -> None:
    names = {path.stem for path in (ROOT / "sets").glob("*.toml")}
    assert names == {"mini", *NETBSD}
    assert {path.stem for path in (ROOT / "sets").glob("*.lock")} == names - {"netbsd-9.4"}


@pytest.mark.parametrize("name", NETBSD)
def test_a_definition_of_netbsd(tmp_path: Path, name: str) -> None:
    release = read(name, tmp_path).release
    version = name.partition("-")[2]
    assert (release.name, release.version) == (name, version)
    assert release.path == f"NetBSD/NetBSD-{version}"
    assert release.signature.list == f"NetBSD/security/hashes/NetBSD-{version}_hashes.asc"
    assert release.signature.fingerprint.replace(" ", "") == (
        "271133262BF35CB50D4F504689261E17F5EF49FF"
    )
    assert release.signature.key_path.endswith("security-officer@netbsd.org.asc")
    assert set(release.binary_sets) == ALWAYS | NEW[name]
    assert set(release.source_sets) == {"src", "syssrc", "sharesrc", "gnusrc"}
    assert release.source_path("src") == "source/sets/src.tgz"
    assert release.binary_path("base") == "amd64/binary/sets/base.tar.xz"
    assert release.packages.database == ("var/db/pkg" if name == "netbsd-9.4" else "usr/pkg/pkgdb")
    assert "MKREPRO=yes" in release.build.flags
    assert release.boot.expect == ("root on cd0a", "login:")


def facts() -> list[list[str]]:
    """Rows of the table in docs/releases.md: key, releases, values, source."""
    told = (ROOT / "docs/releases.md").read_text()
    told = told.partition("\n## What the definitions of NetBSD rest on\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in told.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def decided(version: str, key: str) -> set[str]:
    """The values that the table has for a key of a release."""
    return {
        value
        for told, releases, values, _ in facts()
        if told.startswith(f"`{key}`") and (releases == "all" or version in releases.split(", "))
        for value in re.findall("`([^`]+)`", values)
    }


def test_each_fact_has_its_source() -> None:
    assert len(facts()) >= 16
    for row in facts():
        assert len(row) == 4, row
        assert re.search(r"`[\w./-]+` 1\.[\d.]+ \(\d{4}-\d\d-\d\d\)|no stored source", row[3]), row


@pytest.mark.parametrize("name", NETBSD)
def test_the_sources_decide_the_same(tmp_path: Path, name: str) -> None:
    release, version = read(name, tmp_path).release, name.partition("-")[2]
    flags = {flag.partition("=")[0] for flag in release.build.flags if not flag.isdigit()}
    assert decided(version, "source_sets") == {*release.source_sets}
    assert decided(version, "source_suffix") == {release.source_suffix}
    assert decided(version, "binary_sets") == {*release.binary_sets}
    assert decided(version, "binary_suffix") == {release.binary_suffix}
    assert decided(version, "packages.database") == {release.packages.database}
    assert decided(version, "build.flags") == flags


def test_the_recipes_kernels_are_those_of_the_sources() -> None:
    configurations = [
        path.read_text() for path in (ROOT / "kernel-configs").iterdir() if path.is_file()
    ]
    included = {
        found
        for text in configurations
        for found in re.findall(r'include\s+"arch/amd64/conf/(\w+)"', text)
    }
    assert included <= decided("10.1", "kernels")
    assert included


@pytest.mark.parametrize("name", GOLDEN)
def test_a_lock_that_is_a_beginning(tmp_path: Path, name: str) -> None:
    configuration = read(name, tmp_path)
    lock, release = configuration.lock, configuration.release
    assert isinstance(lock, Lock)
    assert {path: pin.sha512 for path, pin in lock.files.items()} == GOLDEN[name]
    assert lock.definition == definition_digest(release)
    assert (lock.list, lock.epoch, lock.packages) == (None, 0, ())
    assert set(lock.files) <= set(release.set_paths())
    assert all(not pin.sha256 for pin in lock.files.values())
    sizes = {path: pin.size for path, pin in lock.files.items() if pin.size >= 0}
    assert sizes == ({"source/sets/syssrc.tgz": 79_497_697} if name == "netbsd-10.1" else {})
    assert format_lock(lock) == configuration.lock_file.path.read_text()


def test_a_lock_tells_only_what_is_known() -> None:
    known, half = Pinned("a" * 128, "b" * 64, 7), Pinned("c" * 128)
    lock = Lock(1, "x", "d" * 64, 5, known, {"one": half, "two": known})
    text = format_lock(lock)
    assert json.loads(text)["files"]["one"] == {"sha512": "c" * 128}
    assert load(Lock, json.loads(text), where="x.lock") == lock


def test_mini_pins_no_more_of_its_sets_than_their_signer_says(tmp_path: Path) -> None:
    configuration = read("mini", tmp_path)
    lock, release = configuration.lock, configuration.release
    assert isinstance(lock, Lock)
    assert all(lock.files[path] == Pinned(lock.files[path].sha512) for path in release.set_paths())
    assert all(
        lock.files[path].sha256 and lock.files[path].size > 0 for path in release.list_paths()
    )


def definition(extra: str) -> Release:
    text = (ROOT / "sets" / "netbsd-10.1.toml").read_text()
    before, _, _ = text.partition("[archives]")
    rest = text[text.index("[signature]") :]
    return load(Release, tomllib.loads(f"{before}{extra}\n{rest}"), where="x.toml")


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ('[archives]\n"/NetBSD" = "https://x.example"', "must be a path below"),
        ('[archives]\n"NetBSD/../x" = "https://x.example"', "must be a path below"),
        ('[archives]\n"" = "https://x.example"', "archives.: is empty"),
        ('[archives]\n"NetBSD" = 3', "must be a string"),
        ('archives = ["https://x.example"]', "archives: must be a table"),
    ],
)
def test_archives_that_cannot_be(extra: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        definition(extra)
    assert problem in str(caught.value)


def test_archives_and_where_the_key_is_are_no_sources() -> None:
    """A lock stays valid if a file is found elsewhere, because only its digest counts."""
    assert definition("").archives == {}
    assert definition_digest(definition("")) == definition_digest(
        definition('[archives]\n"NetBSD" = "https://x.example"')
    )


KEY = 'key = "keys/x.asc"\nfingerprint = "0123 4567 89AB CDEF 0123 4567 89AB CDEF 0123 4567"'


def packages(extra: str) -> Release:
    text = (ROOT / "sets" / "netbsd-10.1.toml").read_text()
    return load(
        Release,
        tomllib.loads(text.replace("[packages]\n", f"[packages]\n{extra}\n")),
        where="x.toml",
    )


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ('key = "keys/x.asc"', "packages.key: give key and fingerprint, or neither"),
        (KEY.partition("\n")[2], "packages.key: give key and fingerprint, or neither"),
        (KEY.replace('4567"', '456"'), "packages.fingerprint: must be 40 or 64"),
        (KEY.replace("keys/", "../"), "packages.key: path '../x.asc' must be a path below"),
        ('advisories_key = "a"', "packages.advisories_key: give advisories_key and "),
        ('libraries = ["libx.so.1"]', "must be a full path"),
    ],
)
def test_packages_that_cannot_be(extra: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        packages(extra)
    assert problem in str(caught.value)


def test_who_signs_packages_is_part_of_the_definition() -> None:
    """A lock made when nobody's signature was asked for is stale; the key's form is not told."""
    signed = packages(KEY)
    assert definition_digest(signed) != definition_digest(packages(""))
    assert definition_digest(signed) == definition_digest(
        packages('key = "other.asc"\nfingerprint = "' + "0123456789abcdef" * 2 + '01234567"')
    )
    assert definition_digest(packages('libraries = ["/usr/lib/libx.so.1"]')) == definition_digest(
        packages(f'advisories_key = "a"\nadvisories_fingerprint = "{"0" * 40}"')
    )
