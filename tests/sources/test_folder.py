"""Folders of the checkout: nothing of the build host gets into the tree."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from buildlib.sources.folder import fingerprint, read_tree, walk
from buildlib.store.seen import Seen
from buildlib.words.digest import sha256
from buildlib.words.errors import ConfigError, GoldmasterError
from buildlib.words.tree import Entry, Tree

TIME = 1_700_000_000


class Kept:
    """Takes contents as a pack does."""

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
    common = {"time": TIME, "origin": "site"}
    assert tree(overlay).entries == (
        Entry(".", "dir", 0o755, **common),  # type: ignore[arg-type]
        Entry("etc", "dir", 0o755, **common),  # type: ignore[arg-type]
        Entry("etc/localtime", "link", 0o755, link="/usr/share/zoneinfo/UTC",
              **common),  # type: ignore[arg-type]
        Entry("etc/rc.conf", "file", 0o644, size=3, sha256=sha256(b"rc\n"),
              **common),  # type: ignore[arg-type]
        Entry("etc/rc.d", "dir", 0o755, **common),  # type: ignore[arg-type]
        Entry("etc/rc.d/config", "file", 0o755, size=10, sha256=sha256(b"#!/bin/sh\n"),
              **common),  # type: ignore[arg-type]
    )


def test_without_a_spec(overlay: Path) -> None:
    kept = Kept()
    found = read_tree(overlay, overlay / "none", kept, origin="site", time=TIME)
    assert found == tree(overlay)
    assert kept.contents.keys() == found.blobs.keys()


def test_the_build_host_does_not_matter(overlay: Path, tmp_path: Path) -> None:
    """Other owner, umask, times, order of creation and place: the same tree and fingerprint."""
    before = tree(overlay), fingerprint(overlay, tmp_path / "none", Seen(tmp_path / "seen"))
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
    assert before == (tree(other), fingerprint(other, tmp_path / "none", Seen(tmp_path / "seen")))


def test_leftovers_are_no_part_of_a_system(overlay: Path, tmp_path: Path) -> None:
    before = tree(overlay)
    for name in (".git/HEAD", ".svn/entries", "etc/.gitkeep", "etc/.gitignore", "etc/.DS_Store",
                 "etc/.gitattributes", "etc/rc.conf~", "etc/.rc.conf.swp", "etc/#rc.conf#",
                 "__pycache__/x.pyc"):
        (overlay / name).parent.mkdir(exist_ok=True)
        (overlay / name).write_bytes(b"junk")
    (overlay / "etc/.#rc.conf").symlink_to("me@host.1234")
    assert tree(overlay) == before
    assert not any("junk" in path or ".git" in path
                   for path in fingerprint(overlay, tmp_path / "none", Seen(tmp_path / "seen")))
    (overlay / ".profile").write_bytes(b"kept")
    assert ".profile" in tree(overlay).by_path


SPEC = r"""#mtree
# what git cannot hold

. mode=0700
./bin/su mode=4555 gid=7 time=5.5 tags=inode:su
./bin/sudo type=file tags=inode:su
./etc/rc.conf uid=3
./var/empty     type=dir mode=0555
./dev/null type=char mode=0666 device=netbsd,2,2
./dev/wd0a type=block mode=0640 gid=5 device=netbsd,0,0
./dev/p type=fifo mode=0600
./etc/motd type=link link=/var/run/motd
./var/log/messages type=file mode=0600
./odd\040name\134 type=dir mode=1777
"""


def test_the_spec_says_what_files_cannot(overlay: Path) -> None:
    (overlay / "bin").mkdir()
    (overlay / "bin/su").write_bytes(b"su")
    found = tree(overlay, SPEC).by_path
    su = Entry("bin/su", "file", 0o4555, 0, 7, 5, 2, sha256(b"su"), inode="site/su", origin="site")
    assert found["bin/su"] == su
    assert found["bin/sudo"] == Entry(**{**_fields(su), "path": "bin/sudo"})  # type: ignore[arg-type]
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


def _fields(entry: Entry) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Entry.__dataclass_fields__}


def test_a_spec_may_change_what_a_link_is(overlay: Path) -> None:
    found = tree(overlay, "./etc/localtime type=dir mode=0700").by_path["etc/localtime"]
    assert found == Entry("etc/localtime", "dir", 0o700, time=TIME, origin="site")


@pytest.mark.parametrize(
    ("spec", "why", "hint"),
    [
        ("./etc/rc.conff mode=0600", "keyword 'type' is missing", "overlay has no etc/rc.conff"),
        ("./etc/rc.conf mode=rw", "'rw'", ""),
        ("./etc/rc.conf mode=10000", "beyond 7777", ""),
        ("./dev/null type=char", "keyword 'device' is missing", "has no dev/null"),
        ("./dev/null type=char device=linux,1,3", "only netbsd", "has no dev/null"),
        ("./l type=link", "keyword 'link' is missing", "has no l"),
        ("./etc/rc.conf type=disk", "is not one of", ""),
    ],
)
def test_wrong_specs(overlay: Path, spec: str, why: str, hint: str) -> None:
    error = wrong(overlay, spec)
    assert error.reason == "overlay-spec"
    assert (error.where or "").endswith("overlay.mtree")
    assert why in (error.why or "")
    assert hint in (error.hint or "")


@pytest.mark.parametrize("spec", ["./etc/rc.conf mode=0600\n./etc/rc.conf uid=1",
                                  "./../x type=dir", "/set uid=0", "./etc optional"])
def test_malformed_specs(overlay: Path, spec: str) -> None:
    error = wrong(overlay, spec)
    assert error.reason == "mtree"
    assert "overlay.mtree, line" in (error.where or "")


def test_one_inode_with_two_contents(overlay: Path) -> None:
    spec = "./etc/rc.conf tags=inode:x\n./etc/rc.d/config tags=inode:x"
    assert "etc/rc.conf and etc/rc.d/config are one inode, but differ" in str(wrong(overlay, spec))
    (overlay / "etc/rc.conf").write_bytes((overlay / "etc/rc.d/config").read_bytes())
    found = tree(overlay, spec).by_path
    assert found["etc/rc.conf"].inode == found["etc/rc.d/config"].inode == "site/x"


def test_a_spec_with_something_below_a_file(overlay: Path) -> None:
    with pytest.raises(GoldmasterError) as caught:
        tree(overlay, "./etc/rc.conf/x type=dir")
    assert caught.value.reason == "not-a-folder"


def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"\xff\xfe", b"a b", b"new\nline", b"-rf", b"\xc3\xa9"):
        (os.fsencode(folder) + b"/" + name).decode(errors="surrogateescape")
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(name)
    found = tree(folder, "./\\377\\376 mode=0600")
    assert [entry.path for entry in found] == [
        ".", "-rf", "a b", "new\nline", "é", "\udcff\udcfe"]
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
    for action in (lambda: tree(overlay),
                   lambda: fingerprint(overlay, tmp_path / "none", Seen(tmp_path / "seen"))):
        with pytest.raises(ConfigError) as caught:
            action()
        assert (caught.value.reason, caught.value.where) == ("folder", str(overlay / "x"))
        assert caught.value.hint


def test_fingerprint(overlay: Path, tmp_path: Path) -> None:
    spec = tmp_path / "overlay.mtree"
    seen = Seen(tmp_path / "seen")
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
    seen = Seen(tmp_path / "seen")
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
        fingerprint(overlay, tmp_path / "none", Seen(tmp_path / "seen"))
    assert (caught.value.reason, caught.value.where) == ("folder", str(overlay))
    assert caught.value.why


def test_walk_does_not_follow_links(overlay: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").touch()
    (overlay / "link").symlink_to(tmp_path / "outside")
    assert [path for path, _ in walk(str(overlay))] == [
        "etc", "etc/localtime", "etc/rc.conf", "etc/rc.d", "etc/rc.d/config", "link"]
    assert tree(overlay).by_path["link"].link == str(tmp_path / "outside")
