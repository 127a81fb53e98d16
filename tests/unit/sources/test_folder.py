"""Folders of the checkout: no attribute of the build host gets into the tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from buildlib.model.digest import sha256
from buildlib.model.errors import ConfigError
from buildlib.model.tree import Entry, Tree
from buildlib.sources.folder import check_folder, read_folder, read_tree
from buildlib.store.source_files import fingerprint, walk
from buildlib.store.stat_cache import StatCache

TIME = 1_700_000_000


class Kept:
    """Accepts contents like a pack."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def add_pieces(self, pieces: Iterable[bytes], /) -> tuple[str, int]:
        data = b"".join(pieces)
        self.contents[sha256(data)] = data
        return sha256(data), len(data)


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    folder = tmp_path / "overlay"
    (folder / "etc/rc.d").mkdir(parents=True)
    (folder / "etc/rc.conf").write_bytes(b"rc\n")
    (folder / "etc/rc.d/config").write_bytes(b"#!/bin/sh\n")
    (folder / "etc/rc.d/config").chmod(0o755)
    (folder / "etc/localtime").symlink_to("/usr/share/zoneinfo/UTC")
    return folder


def tree(folder: Path, spec: str = "") -> Tree:
    path = folder.with_name(f"{folder.name}.mtree")
    path.write_text(spec)
    return read_tree(folder, path, Kept(), origin="site", time=TIME)


def wrong(folder: Path, spec: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        tree(folder, spec)
    return caught.value


def test_what_git_keeps_and_defaults_for_the_rest(overlay: Path) -> None:
    common: dict[str, Any] = {"time": TIME, "origin": "site"}
    assert tree(overlay).entries == (
        Entry(".", "dir", 0o755, **common),
        Entry("etc", "dir", 0o755, **common),
        Entry("etc/localtime", "link", 0o755, link="/usr/share/zoneinfo/UTC", **common),
        Entry("etc/rc.conf", "file", 0o644, size=3, sha256=sha256(b"rc\n"), **common),
        Entry("etc/rc.d", "dir", 0o755, **common),
        Entry("etc/rc.d/config", "file", 0o755, size=10, sha256=sha256(b"#!/bin/sh\n"), **common),
    )


def test_without_a_spec(overlay: Path) -> None:
    kept = Kept()
    found = read_tree(overlay, overlay / "none", kept, origin="site", time=TIME)
    assert found == tree(overlay)
    assert kept.contents.keys() == found.blobs.keys()


def test_the_build_host_does_not_matter(overlay: Path, tmp_path: Path) -> None:
    """Tree and fingerprint depend on no owner, umask, time, order of creation or place."""
    before = tree(overlay), fingerprint(overlay, tmp_path / "none", StatCache(tmp_path / "seen"))
    other = tmp_path / "other" / "overlay"
    mask = os.umask(0o077)
    try:
        for path in sorted(overlay.rglob("*"), reverse=True):
            copy = other / path.relative_to(overlay)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                copy.symlink_to(path.readlink())
            elif path.is_file():
                copy.write_bytes(path.read_bytes())
                copy.chmod(0o700 if path.stat().st_mode & 0o100 else 0o600)
                os.utime(copy, (1, 1))
                if os.geteuid() == 0:
                    os.chown(copy, 12345, 54321)
    finally:
        os.umask(mask)
    assert before == (
        tree(other),
        fingerprint(other, tmp_path / "none", StatCache(tmp_path / "seen")),
    )


def test_leftovers_are_no_part_of_a_system(overlay: Path, tmp_path: Path) -> None:
    before = tree(overlay)
    for name in (
        ".git/HEAD",
        ".svn/entries",
        "etc/.gitkeep",
        "etc/.gitignore",
        "etc/.DS_Store",
        "etc/.gitattributes",
        "etc/rc.conf~",
        "etc/.rc.conf.swp",
        "etc/#rc.conf#",
        "__pycache__/x.pyc",
    ):
        (overlay / name).parent.mkdir(exist_ok=True)
        (overlay / name).write_bytes(b"junk")
    (overlay / "etc/.#rc.conf").symlink_to("me@host.1234")
    assert tree(overlay) == before
    assert not any(
        "junk" in path or ".git" in path
        for path in fingerprint(overlay, tmp_path / "none", StatCache(tmp_path / "seen"))
    )
    (overlay / ".profile").write_bytes(b"kept")
    assert ".profile" in tree(overlay).by_path


SPEC = r"""#mtree
# entries that git cannot store

. mode=0700
./bin/su mode=4555 gid=7 time=5.5 tags=inode:su
./bin/sudo type=file tags=inode:su
./etc/rc.conf uid=3
./var/empty     type=dir mode=0555
./dev/null type=char mode=0666 device=netbsd,2,2
./dev/wd0a type=block mode=0640 gid=5 device=netbsd,0,0
./dev/p type=fifo mode=0600
./etc/motd type=link link=/var/run/motd
./var/log/messages mode=0600
./odd\040name\134 type=dir mode=1777
"""


def test_the_spec_says_what_files_cannot(overlay: Path) -> None:
    (overlay / "bin").mkdir()
    (overlay / "bin/su").write_bytes(b"su")
    (overlay / "var/log").mkdir(parents=True)
    (overlay / "var/log/messages").touch()
    found = tree(overlay, SPEC).by_path
    su = Entry("bin/su", "file", 0o4555, 0, 7, 5, 2, sha256(b"su"), inode="site/su", origin="site")
    assert found["bin/su"] == su
    assert found["bin/sudo"] == Entry(**{**_fields(su), "path": "bin/sudo"})
    assert found["."].mode == 0o700
    assert (found["etc/rc.conf"].uid, found["etc/rc.conf"].mode) == (3, 0o644)
    assert found["var/empty"] == Entry("var/empty", "dir", 0o555, time=TIME, origin="site")
    assert found["var"].mode == 0o755
    assert (found["dev/null"].kind, found["dev/null"].device) == ("char", (2, 2))
    assert (found["dev/wd0a"].kind, found["dev/wd0a"].gid) == ("block", 5)
    assert found["dev/p"].kind == "fifo"
    assert found["etc/motd"].link == "/var/run/motd"
    assert (found["var/log/messages"].size, found["var/log/messages"].sha256) == (0, sha256(b""))
    assert found["odd name\\"].mode == 0o1777


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__dataclass_fields__}


def test_a_spec_may_change_what_a_link_is(overlay: Path) -> None:
    found = tree(overlay, "./etc/localtime type=dir mode=0700").by_path["etc/localtime"]
    assert found == Entry("etc/localtime", "dir", 0o700, time=TIME, origin="site")


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("./etc/rc.conff mode=0600", "etc/rc.conff: not in the folder; did you mean etc/rc.conf?"),
        ("./etc/rc.conff type=file", "etc/rc.conff: not in the folder; did you mean etc/rc.conf?"),
        ("./new type=file tags=inode:x", "new: no name of this inode is a file in the folder"),
        ("./etc/rc.conf type=dir", "etc/rc.conf: type=dir, but in the folder it is a file"),
        ("./etc/rc.d type=file", "etc/rc.d: type=file, but in the folder it is a dir"),
        ("./etc/localtime type=file", "etc/localtime: type=file, but in the folder it is a link"),
        ("./etc/rc.conf size=2", "etc/rc.conf: size=2, but the file has 3 bytes; it was changed"),
        ("./etc/rc.conf sha256=" + "0" * 64, "etc/rc.conf: sha256 does not match the file"),
        ("./etc/rc.conf md5digest=" + "0" * 32, "etc/rc.conf: md5 does not match the file"),
        (
            "./etc/rc.conf nlink=2",
            "etc/rc.conf: nlink=2, but the spec has 1 name; give all names of the",
        ),
        ("./etc/rc.conf link=motd", "etc/rc.conf: link is for type=link, this is a file"),
        ("./etc/rc.conf device=netbsd,2,2", "etc/rc.conf: device is for type=block|char, this is"),
        ("./d type=dir sha1=" + "0" * 40, "d: sha1 is for type=file, this is a dir"),
        ("./dev/null type=char", "dev/null: device= is required"),
        ("./l type=link", "l: link= is required"),
        ("./etc/rc.conf/x type=dir", "etc/rc.conf/x: lies below etc/rc.conf, which is a file"),
        ("./etc/rc.conf/x/y type=dir", "etc/rc.conf/x/y: lies below etc/rc.conf, which is a file"),
        ("./etc/rc.conf uname=www", "etc/rc.conf: names of owners are not known here; write"),
    ],
    ids=lambda value: value[:40],
)
def test_lines_that_do_not_fit_the_folder(overlay: Path, spec: str, what: str) -> None:
    error = wrong(overlay, f"#mtree\n{spec}\n")
    assert error.what.startswith(what)
    assert error.where == f"{overlay}.mtree:2"
    assert error.reason == "mtree"


def test_all_lines_that_are_wrong_are_told_at_once(overlay: Path) -> None:
    error = wrong(
        overlay, "./etc/rc.conff mode=0600\n./etc/rc.d type=file\n. mode=0755\n./x mode=0600\n"
    )
    assert (error.what, error.where) == ("the spec has 3 problems", f"{overlay}.mtree")
    beginnings = [problem[:16] for problem in error.problems]
    assert beginnings == ["line 1: etc/rc.c", "line 2: etc/rc.d", "line 4: x: not i"]


def test_what_a_spec_says_right_of_contents_is_taken(overlay: Path) -> None:
    data = (overlay / "etc/rc.conf").read_bytes()
    for key in ("md5", "sha1", "sha256", "sha384digest", "sha512"):
        digest = hashlib.new(key.removesuffix("digest"), data).hexdigest()
        spec = f"./etc/rc.conf size=3 nlink=1 {key}=0x{digest.upper()}"
        assert tree(overlay) == tree(overlay, spec)
        assert check_folder(overlay, overlay.with_name("overlay.mtree"), origin="", time=0).said


def test_optional_and_nochange(overlay: Path) -> None:
    spec = (
        "/set mode=0600\n./etc/none optional\n./none type=dir optional\n"
        "./etc/rc.conf optional\n./etc/rc.d/config nochange\n"
    )
    found = tree(overlay, spec).by_path
    assert not {"etc/none", "none"} & found.keys()
    assert (found["etc/rc.conf"].mode, found["etc/rc.d/config"].mode) == (0o600, 0o755)
    assert "etc/nothing: not in the folder" in str(wrong(overlay, "./etc/nothing nochange"))


def test_names_of_one_file_have_one_owner_and_mode(overlay: Path) -> None:
    found = tree(overlay, "./etc/rc.conf tags=inode:x\n./b type=file mode=0600 tags=inode:x\n")
    assert found.by_path["etc/rc.conf"].mode == found.by_path["b"].mode == 0o600
    error = wrong(
        overlay, "./etc/rc.conf tags=inode:x mode=0644\n./b type=file mode=0600 tags=inode:x\n"
    )
    assert "b: mode=0600, but another name of inode:x, the same file, has 0644" in error.what
    error = wrong(overlay, "./etc/rc.conf tags=inode:x uid=1\n./b type=file uname=a tags=inode:x")
    assert "b: uname=a, but another name of inode:x, the same file, has uid=1" in error.what


@pytest.mark.thorough
@pytest.mark.parametrize("case", ["fifo", "folder", "link to nothing", "large"])
def test_what_is_no_spec_is_told_and_not_read(overlay: Path, tmp_path: Path, case: str) -> None:
    spec = tmp_path / "overlay.mtree"
    if case == "fifo":
        os.mkfifo(spec)
    elif case == "folder":
        spec.mkdir()
    elif case == "large":
        with spec.open("wb") as file:
            file.truncate(1 << 30)
    else:
        spec.symlink_to("nothing")
    with pytest.raises(ConfigError) as caught:
        check_folder(overlay, spec, origin="", time=0)
    assert caught.value.where == str(spec)
    with pytest.raises(ConfigError) as caught:
        read_folder(overlay, spec, Kept(), origin="", time=0)
    assert caught.value.where == str(spec)


def test_a_folder_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "/".join("d" * 520)
    path.mkdir(parents=True)
    with pytest.raises(ConfigError) as caught:
        check_folder(tmp_path / "deep", tmp_path / "none", origin="", time=0)
    assert "1023 bytes" in (caught.value.why or "")


def test_one_inode_with_two_contents(overlay: Path) -> None:
    spec = "./etc/rc.conf tags=inode:x\n./etc/rc.d/config tags=inode:x"
    assert "etc/rc.conf and etc/rc.d/config are one inode, but differ" in str(wrong(overlay, spec))
    (overlay / "etc/rc.conf").write_bytes((overlay / "etc/rc.d/config").read_bytes())
    found = tree(overlay, spec).by_path
    assert found["etc/rc.conf"].inode == found["etc/rc.d/config"].inode == "site/x"


def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"\xff\xfe", b"a b", b"new\nline", b"-rf", b"\xc3\xa9"):
        (os.fsencode(folder) + b"/" + name).decode(errors="surrogateescape")
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(name)
    found = tree(folder, "./\\377\\376 mode=0600")
    assert [entry.path for entry in found] == [".", "-rf", "a b", "new\nline", "é", "\udcff\udcfe"]
    assert found.by_path["\udcff\udcfe"].mode == 0o600


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_cannot_be_read_is_not_opened(
    overlay: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(overlay)  # names of sockets are short
    if kind == "fifo":
        os.mkfifo("x")
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("x")
    for action in (
        lambda: tree(overlay),
        lambda: fingerprint(overlay, tmp_path / "none", StatCache(tmp_path / "seen")),
    ):
        with pytest.raises(ConfigError) as caught:
            action()
        assert (caught.value.reason, caught.value.where) == ("folder", str(overlay / "x"))
        assert caught.value.hint


def test_fingerprint(overlay: Path, tmp_path: Path) -> None:
    spec = tmp_path / "overlay.mtree"
    seen = StatCache(tmp_path / "seen")
    (overlay / "empty").mkdir()
    assert fingerprint(overlay, spec, seen) == {
        "empty": "dir",
        "etc": "dir",
        "etc/localtime": "link /usr/share/zoneinfo/UTC",
        "etc/rc.conf": f"file {sha256(b'rc' + bytes([10]))}",
        "etc/rc.d": "dir",
        "etc/rc.d/config": f"exec {sha256(b'#!/bin/sh' + bytes([10]))}",
    }
    spec.write_text("./x type=dir")
    (overlay / ".mtree").write_text("a file by this name is a file")
    found = fingerprint(overlay, spec, seen)
    assert found["../overlay.mtree"] == f"spec {sha256(spec.read_bytes())}"
    assert found[".mtree"].startswith("file ")


@pytest.mark.parametrize("change", ["content", "exec", "link", "new", "gone", "spec", "dir"])
def test_every_change_that_matters_changes_the_fingerprint(
    overlay: Path, tmp_path: Path, change: str
) -> None:
    spec = tmp_path / "overlay.mtree"
    spec.write_text("#mtree\n")
    seen = StatCache(tmp_path / "seen")
    before = fingerprint(overlay, spec, seen)
    if change == "content":
        (overlay / "etc/rc.conf").write_bytes(b"RC\n")
    elif change == "exec":
        (overlay / "etc/rc.conf").chmod(0o755)
    elif change == "link":
        (overlay / "etc/localtime").unlink()
        (overlay / "etc/localtime").symlink_to("elsewhere")
    elif change == "new":
        (overlay / "new").touch()
    elif change == "gone":
        (overlay / "etc/rc.conf").unlink()
    elif change == "spec":
        spec.write_text("#mtree\n. mode=0700\n")
    else:
        (overlay / "dir").mkdir()
    assert fingerprint(overlay, spec, seen) != before


@pytest.mark.parametrize("case", ["missing", "file", "link to itself"])
def test_a_folder_that_is_not_there(overlay: Path, tmp_path: Path, case: str) -> None:
    shutil.rmtree(overlay)
    if case == "file":
        overlay.touch()
    elif case != "missing":
        overlay.symlink_to("overlay")
    with pytest.raises(ConfigError) as caught:
        fingerprint(overlay, tmp_path / "none", StatCache(tmp_path / "seen"))
    assert (caught.value.reason, caught.value.where) == ("folder", str(overlay))
    assert caught.value.why


def test_walk_does_not_follow_links(overlay: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").touch()
    (overlay / "link").symlink_to(tmp_path / "outside")
    assert [path for path, _ in walk(str(overlay))] == [
        "etc",
        "etc/localtime",
        "etc/rc.conf",
        "etc/rc.d",
        "etc/rc.d/config",
        "link",
    ]
    assert tree(overlay).by_path["link"].link == str(tmp_path / "outside")
