"""A mirror pressed from plain folders has the layout and the formats of NetBSD's."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.readers.trees import TIME
from support.stages.stage_bench import Bench

from buildlib.engine.stage import SourceTree
from buildlib.model.errors import ConfigError
from buildlib.pkgsrc.summary import parse
from buildlib.stages.inputs.local_mirror import Press

PACKAGE = """\
pkgname = "a-1"
pkgpath = "x/a"
comment = "the package a"
categories = "x"
homepage = "https://a.example/"
license = "isc"
depends = ["b>=1"]
conflicts = ["c-[0-9]*"]
requires = ["/lib/libc.so.12"]
provides = ["/usr/pkg/lib/liba.so.1"]

[owned]
"bin/a" = "games:operator"
"""
SETS = {"source/sets/src.tgz": "source/src", "amd64/sets/base.tgz": "binary/base"}
STAGE = Press(
    SourceTree("mini"), "NetBSD-1.0", SETS, "hashes/1.0.asc", "packages/All", "x86_64", "1.0", TIME
)


@pytest.fixture
def stage(tmp_path: Path) -> Press:
    """With two sets, a package, and the signed list."""
    folder = tmp_path / "mini"
    files = {
        "source/src/usr/src/build.sh": "#!/bin/sh\n",
        "binary/base/bin/cat": "cat",
        "binary/base.mtree": "./dev type=dir\n./dev/null type=char device=netbsd,2,2 mode=0666\n",
        "hashes.asc": "signed",
        "packages/a/package.toml": PACKAGE,
        "packages/a/files/bin/a": "#!/bin/sh\nA\n",
        "packages/a/files.mtree": "./bin/a mode=0555\n",
        "packages/README": "not a package",
        "packages/a/more/package.toml": "not one, either",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "packages/a/files/bin/link").symlink_to("a")
    return replace(STAGE, folder=SourceTree(folder, "sets/mini"))


def pressed(bench: Bench, stage: Press) -> dict[str, bytes]:
    return {path: bench.read(output) for path, output in bench.run_stage(stage).items()}


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {info.name: info for info in archive}


def content(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def test_where_everything_is(bench: Bench, stage: Press) -> None:
    files = pressed(bench, stage)
    assert sorted(files) == [
        "NetBSD-1.0/amd64/sets/MD5",
        "NetBSD-1.0/amd64/sets/SHA512",
        "NetBSD-1.0/amd64/sets/base.tgz",
        "NetBSD-1.0/source/sets/MD5",
        "NetBSD-1.0/source/sets/SHA512",
        "NetBSD-1.0/source/sets/src.tgz",
        "hashes/1.0.asc",
        "packages/All/a-1.tgz",
        "packages/All/pkg_summary.gz",
    ]
    assert files["hashes/1.0.asc"] == b"signed"


def test_sets(bench: Bench, stage: Press) -> None:
    """The names in binary sets begin with `./`, those in source sets do not; as in NetBSD's."""
    files = pressed(bench, stage)
    base = members(files["NetBSD-1.0/amd64/sets/base.tgz"])
    assert list(base) == [".", "./bin", "./bin/cat", "./dev", "./dev/null"]
    assert {info.mtime for info in base.values()} == {TIME}
    null = base["./dev/null"]
    assert (null.ischr(), null.mode, null.devmajor, null.devminor) == (True, 0o666, 2, 2)
    assert content(files["NetBSD-1.0/amd64/sets/base.tgz"], "./bin/cat") == b"cat"
    assert "usr/src/build.sh" in members(files["NetBSD-1.0/source/sets/src.tgz"])


def test_lists_of_digests(bench: Bench, stage: Press) -> None:
    files = pressed(bench, stage)
    for folder, name in (("source", "src.tgz"), ("amd64", "base.tgz")):
        where = f"NetBSD-1.0/{folder}/sets"
        for algorithm in ("MD5", "SHA512"):
            digest = hashlib.new(algorithm.lower(), files[f"{where}/{name}"]).hexdigest()
            line = f"{algorithm} ({name}) = {digest}\n"
            assert files[f"{where}/{algorithm}"].decode() == line


def test_archives_are_not_compressed(bench: Bench, stage: Press) -> None:
    """Every zlib would give other bytes."""
    data = pressed(bench, stage)["NetBSD-1.0/source/sets/src.tgz"]
    assert b"#!/bin/sh\n" in data
    assert data[4:8] == bytes(4), "no time"


def test_a_package(bench: Bench, stage: Press) -> None:
    files = pressed(bench, stage)
    archive = files["packages/All/a-1.tgz"]
    found = members(archive)
    assert [name for name in found if not name.startswith("+")] == ["bin/a", "bin/link"]
    assert (found["bin/a"].mode, found["bin/a"].mtime) == (0o555, TIME)
    assert (found["bin/link"].issym(), found["bin/link"].linkname) == (True, "a")
    assert content(archive, "bin/a") == b"#!/bin/sh\nA\n"
    packing = content(archive, "+CONTENTS").decode()
    for line in ("@owner games", "@group operator", "@pkgdep b>=1", "@pkgcfl c-[0-9]*"):
        assert line in packing.splitlines()
    (listed,) = parse([gzip.decompress(files["packages/All/pkg_summary.gz"])])
    assert (listed.pkgname, listed.pkgpath, listed.comment) == ("a-1", "x/a", "the package a")
    assert (listed.depends, listed.conflicts) == (("b>=1",), ("c-[0-9]*",))
    assert listed.requires == ("/lib/libc.so.12",)
    assert listed.provides == ("/usr/pkg/lib/liba.so.1",)
    assert "+INSTALL" not in found


def test_a_package_s_script(bench: Bench, stage: Press) -> None:
    (stage.folder.path / "packages/a/INSTALL").write_text("#!/bin/sh\n# a script\n")
    archive = pressed(bench, stage)["packages/All/a-1.tgz"]
    assert content(archive, "+INSTALL") == b"#!/bin/sh\n# a script\n"


@pytest.mark.parametrize("gone", ["hashes.asc", "packages"])
def test_what_a_release_need_not_have(bench: Bench, stage: Press, gone: str) -> None:
    (stage.folder.path / gone).rename(stage.folder.path / "other")
    files = pressed(bench, stage)
    left = {"hashes.asc": "packages/All/a-1.tgz", "packages": "hashes/1.0.asc"}
    assert [path for path in files if not path.startswith("NetBSD-1.0")][:1] == [left[gone]]
    assert not any(path.startswith(("hashes", "packages/")[gone == "packages"]) for path in files)


@pytest.mark.parametrize(
    "path",
    [
        "source",
        "source/src",
        "binary/base.mtree",
        "hashes.asc",
        "packages",
        "packages/a",
        "packages/a/package.toml",
        "packages/a/files",
        "packages/a/files.mtree",
    ],
)
def test_links_are_refused(bench: Bench, stage: Press, path: str, tmp_path: Path) -> None:
    """What they lead to is not part of the stage's key."""
    place = stage.folder.path / path
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError) as caught:
        pressed(bench, stage)
    assert (caught.value.reason, caught.value.where) == ("press-link", str(place))


def test_the_folder_itself_may_be_a_link(bench: Bench, stage: Press, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(stage.folder.path)
    linked = replace(stage, folder=SourceTree(tmp_path / "link", "sets/mini"))
    assert pressed(bench, linked) == pressed(bench, stage)


def test_a_package_cannot_hold_a_device(bench: Bench, stage: Press) -> None:
    spec = stage.folder.path / "packages/a/files.mtree"
    spec.write_text("./null type=char device=netbsd,2,2 mode=0666\n")
    with pytest.raises(ConfigError, match="cannot hold a char") as caught:
        pressed(bench, stage)
    assert (caught.value.reason, caught.value.where) == ("package-entry", "null")


def test_hard_links_in_a_package(bench: Bench, stage: Press) -> None:
    folder = stage.folder.path / "packages/a"
    (folder / "files.mtree").write_text("./bin/a tags=inode:i\n./bin/b type=file tags=inode:i\n")
    found: Mapping[str, tarfile.TarInfo] = members(pressed(bench, stage)["packages/All/a-1.tgz"])
    assert (found["bin/b"].islnk(), found["bin/b"].linkname) == (True, "bin/a")
    assert os.path.lexists(folder / "files/bin/a")
