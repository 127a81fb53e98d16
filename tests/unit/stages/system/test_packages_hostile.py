"""Packages that mean harm, or that something has damaged: an error, or nothing outside."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.readers.archives import END, header, member, pax
from support.readers.strategies import few, some

from buildlib.engine.stage import OutputRef, StageContext
from buildlib.model.digest import sha256
from buildlib.model.errors import GoldmasterError
from buildlib.model.tree import Tree
from buildlib.pkgsrc.writer import make_package
from buildlib.sources.archive.pack import gzip_stored
from buildlib.stages.system.packages import Packages
from buildlib.store.blobs import Blobs
from buildlib.store.packs import Packs, StoredTree, content_of, read_content
from buildlib.testing.repositories import Shape, archive, package_sources

DATABASE = "usr/pkg/pkgdb"
OUTSIDE = "var/games"
META = {
    "+CONTENTS": b"@name a-1.0\n@cwd /usr/pkg\nbin/a\n", "+COMMENT": b"A\n", "+DESC": b"A\n",
    "+BUILD_INFO": b"OPSYS=NetBSD\nOS_VERSION=10.1\nMACHINE_ARCH=x86_64\n",
}


class Stager:
    """Stages archives, each run in a store of its own below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0

    def stage(self, archives: Mapping[str, bytes]) -> tuple[Tree, Callable[[str], bytes]]:
        """The tree, and a function that reads a file of it. Raises GoldmasterError."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        packs = Packs(folder, Blobs(folder))
        refs = {name: OutputRef(f"fetch:{name}", "file") for name in archives}
        paths = {}
        for number, (name, data) in enumerate(archives.items()):
            paths[refs[name]] = folder / str(number)
            paths[refs[name]].write_bytes(data)
        job = SimpleNamespace(
            name="packages", path=paths.__getitem__, packs=packs, sink=lambda _event: None,
            tell=lambda *_: None, note=lambda _text: None)
        stage = Packages(refs, automatic=(), database=DATABASE, machine_arch="x86_64",
                         version="10.1", time=0, prefix="usr/pkg", outside=(OUTSIDE,))
        stored = cast("StoredTree", stage.run(cast("StageContext", job))["tree"])
        places = packs.contents(stored)

        def content(path: str) -> bytes:
            return read_content(content_of(places, stored.tree.by_path[path]))

        return stored.tree, content


@pytest.fixture(scope="module")
def stager(tmp_path_factory: pytest.TempPathFactory) -> Stager:
    return Stager(tmp_path_factory.mktemp("staged"))


def tar_of(meta: Mapping[str, bytes], *members: bytes) -> bytes:
    head = b"".join(member(name.encode(), data) for name, data in meta.items())
    return head + b"".join(members) + END


def check(tree: Tree, content: Callable[[str], bytes]) -> None:
    """Nothing lies outside of where packages may write, and every content is what it should be."""
    for entry in tree:
        parts = entry.path.split("/")
        assert entry.path == "." or not {"", ".", ".."} & set(parts)
        below = any(f"{entry.path}/".startswith(f"{top}/") for top in ("usr/pkg", OUTSIDE))
        above = any(f"{top}/".startswith(f"{entry.path}/") for top in ("usr/pkg", OUTSIDE))
        assert below or entry.path == "." or (above and entry.kind == "dir"), entry.path
        assert entry.kind in {"file", "link", "dir"}
        if entry.path.startswith(f"{DATABASE}/"):
            assert entry.origin == "pkgdb" or entry.kind == "dir"
        if entry.kind == "file":
            data = content(entry.path)
            assert (len(data), sha256(data)) == (entry.size, entry.sha256)


def told(error: GoldmasterError) -> None:
    """It says what, and has a reason."""
    assert error.what
    assert error.reason


def test_a_good_one(stager: Stager) -> None:
    tree, content = stager.stage({"a-1.0": tar_of(META, member(b"bin/a", b"A"))})
    check(tree, content)
    assert content("usr/pkg/bin/a") == b"A"
    assert content(f"{DATABASE}/a-1.0/+CONTENTS") == META["+CONTENTS"]


A = member(b"bin/a", b"A")


@pytest.mark.parametrize(
    ("contents", "members", "reason"),
    [
        # hard links to what is no file of the package
        (b"", (member(b"bin/a", flag=b"1", link=b"+CONTENTS"),), "hard-link"),
        (b"", (A, member(b"bin/b", flag=b"1", link=b"+DESC")), "hard-link"),
        (b"", (member(b"bin/a", flag=b"1", link=b"/etc/passwd"),), "escape"),
        (b"", (member(b"bin/a", flag=b"1", link=b"bin/a"),), "hard-link"),
        # files below a link, which would be written where it leads
        (b"", (member(b"bin", flag=b"2", link=b"/etc"), A), "below-link"),
        # names that lead out, in the archive and in the packing list
        (b"", (A, member(b"../../etc/passwd", b"x")), "escape"),
        (b"", (A, member(b"/etc/passwd", b"x")), "escape"),
        (b"../../etc/passwd\n", (A,), "plist"),
        (b"@pkgdir ../../etc\n", (A,), "plist"),
        (b"@pkgdir /etc/x\n", (A,), "pkg-outside"),
        # into the database of packages
        (b"pkgdb/a-1.0/+EXTRA\n", (A, member(b"pkgdb/a-1.0/+EXTRA", b"x")), "pkg-outside"),
        (b"./pkgdb//b-1/+DESC\n", (A, member(b"pkgdb/b-1/+DESC", b"x")), "pkg-file"),
        # one name for a file and a folder, or for two files
        (b"@pkgdir bin/a\n", (A,), "pkg-conflict"),
        (b"bin/a/b\n", (A, member(b"bin/a/b", b"x")), "below-link"),
        (b"bin/./a\n", (A,), "pkg-file"),
        # what a package does not hold
        (b"dev/mem\n", (A, member(b"dev/mem", flag=b"3")), "member-type"),
        (b"bin/b\n", (A,), "pkg-file"),
        (b"share\n", (A, member(b"share", flag=b"5")), "pkg-file"),
    ],
)
def test_harm(stager: Stager, contents: bytes, members: tuple[bytes, ...], reason: str) -> None:
    meta = META | {"+CONTENTS": META["+CONTENTS"] + contents}
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of(meta, *members)})
    assert caught.value.reason == reason
    assert caught.value.where


@pytest.mark.parametrize(
    ("prefix", "good"),
    [("/usr/pkg", True), ("/usr/pkg/", True), ("//usr//pkg", True), ("/var/games", True),
     ("usr/pkg", True), ("/", False), ("/etc", False), ("/usr/pkg/../../etc", False),
     ("/usr/pkgs", False), ("/usr", False), (".", False), ("..", False), ("/usr/pkg/..", False)],
)
def test_prefixes(stager: Stager, prefix: str, good: bool) -> None:
    meta = META | {"+CONTENTS": f"@name a-1.0\n@cwd {prefix}\nbin/a\n".encode()}
    try:
        tree, content = stager.stage({"a-1.0": tar_of(meta, A)})
    except GoldmasterError as error:
        assert not good
        assert error.reason in {"pkg-outside", "plist"}  # noqa: PT017  either is right
    else:
        assert good
        check(tree, content)


@pytest.mark.parametrize("flag", [b"1", b"2", b"3", b"5", b"6"])
def test_metadata_is_files(stager: Stager, flag: bytes) -> None:
    """A link in place of +DESC would be read as an empty one."""
    head = {name: data for name, data in META.items() if name != "+BUILD_INFO"}
    wrong = member(b"+BUILD_INFO", flag=flag, link=b"+DESC")
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of(head, wrong, A)})
    assert caught.value.reason in {"pkg-meta", "member-type"}


def test_metadata_of_gigabytes(stager: Stager) -> None:
    huge = header(b"+DESC", size=1 << 32)
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of({"+CONTENTS": b""}, huge)})
    assert caught.value.reason == "pkg-meta"


NAMES = st.sampled_from([
    b"bin/a", b"bin/b", b"./bin/a", b"bin//a", b"bin", b"lib", b"lib/c", b"+CONTENTS", b"+DESC",
    b"+EVIL", b"../etc/passwd", b"/etc/passwd", b"x/../../y", b".", b"..", b"", b"/", b"\xff\xfe",
    b"n" * 100, b"pkgdb/a-1.0/+DESC", b"share/a b", b"@cwd /etc", b"bin/a/c", b"tab\tname",
])
LINKS = st.sampled_from([b"", b"bin/a", b"+CONTENTS", b"/etc/passwd", b"../../..", b"lib", b"."])
FLAGS = st.sampled_from([b"0", b"0", b"0", b"1", b"2", b"5", b"3", b"4", b"6", b"7", b"\0", b"L",
                         b"K", b"x", b"g", b"S", b"V"])
MEMBERS = st.one_of(
    st.builds(lambda name, data, flag, link: member(name, data, flag, link=link),
              NAMES, st.sampled_from([b"", b"A", b"b" * 600]), FLAGS, LINKS),
    st.builds(lambda name, size: header(name, size=size),
              NAMES, st.sampled_from([1, 512, 10**9, b"\x80" + b"\xff" * 11, b"-1", b""])),
    st.builds(lambda name, link: pax({"path": name or b"q", "linkpath": link or b"q"}),
              NAMES, LINKS),
    st.binary(max_size=20),
)
LINES = st.sampled_from([
    b"bin/a", b"bin/b", b"lib/c", b"lib", b"+DESC", b"share/a b", b"@cwd /etc", b"@cwd /usr/pkg",
    b"@cwd /var/games", b"@name b-2", b"@ignore", b"@mode 4755", b"@mode u+s", b"@owner root",
    b"@group nobody", b"@exec rm -rf /", b"@unexec rm -rf /", b"@pkgdir bin", b"@pkgdir etc/x",
    b"@pkgdir /etc", b"@pkgdir /usr/pkg/x", b"@pkgdep a>=1", b"@pkgdep b-[0-9]*", b"@pkgcfl a-1.0",
    b"@comment MD5:0cc175b9c0f1b6a831c399e269772661", b"@comment Symlink:/etc", b"@dirrm bin",
    b"../x", b"/x", b"\xff\xfe", b"", b"@", b"pkgdb/a-1.0/+DESC", b"bin/a/c", b"n" * 100,
])
SCRIPTS = st.sampled_from([
    None, b"", b"#!/bin/sh\n# FILE: /etc/passwd c share/x 0644\n# DIR: /etc 0777 root wheel\n",
    b"# USER: root:wheel:0\n# GROUP: wheel:0\n# PERMS: ../../etc 04777\n# RCD: \n", b"\xff\0",
    b"# FILE: " + b"a/" * 3000 + b"\n", b"[" * 5000 + b"\n", b"A=" * 3000 + b"`\n",
])


@some
@given(st.lists(LINES, max_size=8), st.lists(MEMBERS, max_size=5), SCRIPTS,
       st.sampled_from([b"/usr/pkg", b"/", b"/etc", b"/usr/pkg/../../etc", b"/var/games"]))
@example([b"bin/a", b"lib/c"], [A, member(b"lib/c", flag=b"1", link=b"bin/a")], None, b"/usr/pkg")
def test_nothing_gets_out(
    stager: Stager, lines: list[bytes], members: list[bytes], script: bytes | None, prefix: bytes
) -> None:
    contents = b"\n".join([b"@name a-1.0", b"@cwd " + prefix, *lines, b""])
    meta = {"+CONTENTS": contents, "+COMMENT": b"A\n", "+DESC": b"A\n"}
    meta |= {"+INSTALL": script} if script is not None else {}
    meta["+BUILD_INFO"] = META["+BUILD_INFO"]
    try:
        tree, content = stager.stage({"a-1.0": tar_of(meta, *members)})
    except GoldmasterError as error:
        told(error)
    else:
        check(tree, content)


(SOURCE,) = package_sources(Shape(packages=1, files=6, size=9000, older=0))
WHOLE = b"".join(archive(make_package(SOURCE)[0]))
PACKED: dict[str, bytes] = {
    "none": WHOLE, "gzip": gzip.compress(WHOLE, mtime=0), "bzip2": bz2.compress(WHOLE),
    "xz": lzma.compress(WHOLE), "stored": b"".join(gzip_stored([WHOLE])),
}


@pytest.mark.parametrize("form", PACKED)
def test_every_compression(stager: Stager, form: str) -> None:
    tree, content = stager.stage({SOURCE.pkgname: PACKED[form]})
    check(tree, content)
    for file in SOURCE.files:
        assert file.symlink or content(f"usr/pkg/{file.path}") == file.content


@pytest.mark.parametrize("form", PACKED)
@few
@given(data=st.data())
def test_cut_short(stager: Stager, form: str, data: st.DataObject) -> None:
    whole = PACKED[form]
    end = len(whole) - (1024 if form == "none" else 0)  # two empty blocks: one is enough
    cut = data.draw(st.integers(0, end - 1) | st.sampled_from([0, 1, end - 1]))
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({SOURCE.pkgname: whole[:cut]})
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize("form", PACKED)
@few
@given(data=st.data())
def test_damaged(stager: Stager, form: str, data: st.DataObject) -> None:
    """In whatever way: an error, or a tree in which all is in its place."""
    broken = bytearray(PACKED[form])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(broken) - 1))
        kind = data.draw(st.sampled_from(["flip", "drop", "add", "swap"]))
        if kind == "flip":
            broken[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "drop":
            del broken[at : at + data.draw(st.integers(1, 600))]
            broken = broken or bytearray(b"x")
        elif kind == "add":
            broken[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            broken[at : at + 512] = broken[:512]
    try:
        tree, content = stager.stage({SOURCE.pkgname: bytes(broken)})
    except GoldmasterError as error:
        told(error)
    else:
        check(tree, content)


def test_packages_that_need_each_other(stager: Stager) -> None:
    """In a ring, and one of them itself: each is there, and each is required by the one before."""
    archives = {}
    for base, needs in (("a", "b"), ("b", "c"), ("c", "a")):
        contents = f"@name {base}-1.0\n@cwd /usr/pkg\n@pkgdep {needs}>=1\n@pkgdep c-[0-9]*\n"
        archives[f"{base}-1.0"] = tar_of(META | {"+CONTENTS": contents.encode()})
    tree, content = stager.stage(archives)
    check(tree, content)
    required = {base: content(f"{DATABASE}/{base}-1.0/+REQUIRED_BY") for base in "abc"}
    assert required == {"a": b"c-1.0\n", "b": b"a-1.0\n", "c": b"c-1.0\nb-1.0\na-1.0\n"}


def test_unknown_compression(stager: Stager) -> None:
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": b"\x28\xb5\x2f\xfd" + bytes(100)})
    assert caught.value.reason == "compression"


@pytest.mark.parametrize(
    ("info", "text"),
    [(b"OPSYS=NetBSD\nOS_VERSION=10.1\nMACHINE_ARCH=aarch64\n", "aarch64"),
     (b"OPSYS=SunOS\nOS_VERSION=10.1\nMACHINE_ARCH=x86_64\n", "SunOS"), (b"", "lacks OPSYS")],
)
def test_another_platform(stager: Stager, info: bytes, text: str) -> None:
    with pytest.raises(GoldmasterError) as caught:
        stager.stage({"a-1.0": tar_of(META | {"+BUILD_INFO": info}, A)})
    assert caught.value.reason == "pkg-platform"
    assert text in str(caught.value)


@few
@given(st.permutations(["a", "b", "c"]), st.booleans())
def test_two_packages_with_one_file(stager: Stager, bases: list[str], is_folder: bool) -> None:
    """Whichever comes first, both are named; and a file where another has a folder."""
    archives = {}
    for base in bases:
        lines = f"@name {base}-1.0\n@cwd /usr/pkg\nbin/{base}\n"
        members = [member(f"bin/{base}".encode(), base.encode())]
        if base != "c":
            path = "share/x/y" if is_folder and base == "b" else "share/x"
            lines += f"{path}\n"
            members.append(member(path.encode(), base.encode()))
        archives[f"{base}-1.0"] = tar_of(META | {"+CONTENTS": lines.encode()}, *members)
    with pytest.raises(GoldmasterError) as caught:
        stager.stage(archives)
    assert caught.value.reason in {"pkg-conflict", "not-a-folder"}
    assert "a-1.0" in str(caught.value)
    assert "b-1.0" in str(caught.value)
