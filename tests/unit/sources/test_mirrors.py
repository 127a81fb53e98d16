"""The mirrors of a release: their order, and offline."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from buildlib.config.release import Release
from buildlib.model.errors import SourceError
from buildlib.model.schema import load
from buildlib.sources.mirrors import Mirrors, mirrors_of

ROOT = Path(__file__).parents[3]
PATH = "NetBSD/NetBSD-9.9/source/sets/src.tgz"
ARCHIVES = {"NetBSD/NetBSD-9.9": "https://archive.example/NetBSD-9.9/"}


def test_roots_in_their_order_and_archives_last() -> None:
    mirrors = Mirrors(("https://a.example/pub/", "/srv/pub"), ARCHIVES)
    assert mirrors.urls(PATH) == [
        f"https://a.example/pub/{PATH}",
        f"/srv/pub/{PATH}",
        "https://archive.example/NetBSD-9.9/source/sets/src.tgz",
    ]


@pytest.mark.parametrize(
    "path", ["NetBSD/NetBSD-9.90/source/sets/src.tgz", "NetBSD/NetBSD-9.9", "NetBSD/security/x.asc"]
)
def test_an_archive_has_what_is_below_its_path_only(path: str) -> None:
    assert Mirrors(("/srv",), ARCHIVES).urls(path) == [f"/srv/{path}"]


def test_offline_asks_folders_only() -> None:
    roots = ("HTTPS://a.example/pub", "file:///srv/pub", "/srv/other", "http://[broken")
    assert Mirrors(roots, ARCHIVES, offline=True).urls(PATH) == [
        f"file:///srv/pub/{PATH}",
        f"/srv/other/{PATH}",
        f"http://[broken/{PATH}",
    ]
    with pytest.raises(SourceError) as caught:
        Mirrors(roots[:1], ARCHIVES, offline=True).urls(PATH)
    assert caught.value.reason == "offline"
    assert str(caught.value).splitlines() == [
        "src.tgz is not in the store, and fetching is disabled",
        f"  where: HTTPS://a.example/pub/{PATH}",
        "  why:   the setting offline=yes",
        "  do:    run once with `offline=no`, or name a folder that has it (`mirror=FOLDER`)",
    ]


def test_no_mirror_at_all() -> None:
    assert Mirrors().urls(PATH) == []
    assert Mirrors(offline=True).urls(PATH) == []


def test_a_mirror_of_ones_own_stands_in_place_of_all() -> None:
    release = load(
        Release, tomllib.loads((ROOT / "sets/netbsd-10.1.toml").read_text()), where="netbsd-10.1"
    )
    path = f"{release.path}/SHA512"
    assert mirrors_of(release, mirror="/srv").urls(path) == [f"/srv/{path}"]
    assert mirrors_of(release).urls(path) == [
        f"https://cdn.netbsd.org/pub/{path}",
        f"https://ftp.netbsd.org/pub/{path}",
        "https://archive.netbsd.org/pub/NetBSD-archive/NetBSD-10.1/SHA512",
    ]
    with pytest.raises(SourceError):
        mirrors_of(release, offline=True).urls(path)
