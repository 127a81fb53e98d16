"""mtree specs, with NetBSD's mtree(8) as the judge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.readers.strategies import few, some, texts, trees

from buildlib.model.digest import sha256
from buildlib.model.errors import ConfigError, StageError
from buildlib.model.mtree import decode, encode, format_tree, parse, without_tags
from buildlib.model.tree import Entry, Tree, tree_of

DIGEST = sha256(b"")
# every byte that a name can contain, two bytes per name so that no name is `.`
BYTES = [
    bytes([number, 0x78]).decode(errors="surrogateescape")
    for number in range(1, 256)
    if number != 0x2F
]


def mtree(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["mtree", *map(str, arguments)], capture_output=True, check=False)


GOLDEN = tree_of(
    [
        Entry(".", "dir", 0o755, time=5, origin="base"),
        Entry(
            "bin/su",
            "file",
            0o4555,
            0,
            7,
            1_700_000_000,
            0,
            DIGEST,
            inode="base/bin/su",
            origin="base",
        ),
        Entry(
            "bin/sudo",
            "file",
            0o4555,
            0,
            7,
            1_700_000_000,
            0,
            DIGEST,
            inode="base/bin/su",
            origin="my set,x",
        ),
        Entry("a b", "link", 0o755, link="#1=\udcff"),
        Entry("dev/null", "char", 0o666, device=(2, 2)),
        Entry("p", "fifo", 0o600),
    ]
)


def test_golden() -> None:
    assert format_tree(GOLDEN) == b"".join(
        line + b"\n"
        for line in (
            b"#mtree",
            b". type=dir uid=0 gid=0 mode=0755 time=5.0 tags=origin:base",
            b"./a\\040b type=link uid=0 gid=0 mode=0755 time=0.0 link=\\0431\\075\\377",
            b"./bin type=dir uid=0 gid=0 mode=0755 time=1700000000.0 tags=origin:base",
            b"./bin/su type=file uid=0 gid=7 mode=4555 time=1700000000.0 size=0 sha256="
            + DIGEST.encode()
            + b" nlink=2 tags=origin:base,inode:base/bin/su",
            b"./bin/sudo type=file uid=0 gid=7 mode=4555 time=1700000000.0 size=0 sha256="
            + DIGEST.encode()
            + b" nlink=2 tags=origin:my\\040set\\054x,inode:base/bin/su",
            b"./dev type=dir uid=0 gid=0 mode=0755 time=0.0",
            b"./dev/null type=char uid=0 gid=0 mode=0666 time=0.0 device=netbsd,2,2",
            b"./p type=fifo uid=0 gid=0 mode=0600 time=0.0",
        )
    )


@some
@given(texts())
def test_words_come_back(text: str) -> None:
    word = encode(text)
    assert decode(word) == text
    assert word.isascii()
    assert not set(word) & set(b' \t\n\r\v\f=#,*?[]"')


@few
@given(trees())
def test_trees_come_back(tree: Tree) -> None:
    assert parse(format_tree(tree)) == tree


@few
@given(trees())
def test_tags_are_taken_off(tree: Tree) -> None:
    assert without_tags(format_tree(tree)) == format_tree(tree, tags=False)


def test_names_of_all_bytes_come_back() -> None:
    tree = tree_of([Entry(f"d/{name}", "link", 0o755, link=name) for name in BYTES])
    assert parse(format_tree(tree)) == tree


@pytest.mark.programs
@settings(few, max_examples=15)
@given(trees())
def test_mtree_reads_what_we_write(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    spec = tmp_path_factory.getbasetemp() / "spec"
    spec.write_bytes(format_tree(tree))
    result = mtree("-C", "-f", spec)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.count(b"\n") == len(tree)


@pytest.mark.programs
def test_mtree_finds_on_disk_what_the_spec_says(tmp_path: Path) -> None:
    """Names, contents, modes, times, links and link counts, as mtree reads them."""
    root = tmp_path / "root"
    # mtree treats a name with one of these as a pattern, even if it is escaped
    literal = [name for name in BYTES if name[0] not in "*?["]
    user: dict[str, Any] = {"uid": os.getuid(), "gid": os.getgid(), "time": 1_700_000_001}
    tree = tree_of(
        [
            Entry(".", "dir", 0o755, **user),
            Entry("d", "dir", 0o1755, **user),
            *(
                Entry(
                    f"d/{name}",
                    "file",
                    0o640,
                    size=len(name),
                    sha256=sha256(b"x" * len(name)),
                    **user,
                )
                for name in literal
            ),
            *(
                Entry(
                    path,
                    "file",
                    0o4755,
                    size=1,
                    sha256=sha256(b"x"),
                    inode="one",
                    origin="a b,c",
                    **user,
                )
                for path in ("one", "two")
            ),
            Entry("l", "link", 0o777, link="a b#=,\\\udcff", **user),
            Entry("p", "fifo", 0o600, **user),
        ]
    )
    _lay_out(tree, root)
    spec = tmp_path / "spec"
    spec.write_bytes(format_tree(tree))
    result = mtree("-f", spec, "-p", root)
    assert (result.returncode, result.stdout) == (0, b"")

    (root / "one").write_bytes(b"y")
    (root / "d" / literal[7]).unlink()
    result = mtree("-f", spec, "-p", root)
    assert result.returncode == 2
    assert b"sha256" in result.stdout
    assert b"missing" in result.stdout


def _lay_out(tree: Tree, root: Path) -> None:
    inodes: dict[str, Path] = {}
    for entry in tree:
        path = root / entry.path
        if entry.kind == "dir":
            path.mkdir()
        elif entry.kind == "link":
            path.symlink_to(entry.link)
        elif entry.kind == "fifo":
            os.mkfifo(path)
        elif entry.inode in inodes:
            path.hardlink_to(inodes[entry.inode])
        else:
            path.write_bytes(b"x" * entry.size)
            inodes |= {entry.inode: path} if entry.inode else {}
        if entry.kind != "link":
            path.chmod(entry.mode)
    for entry in reversed(tree.entries):
        os.utime(root / entry.path, (entry.time, entry.time), follow_symlinks=False)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("./a type=disk", "type=disk is not one of block, char, dir, fifo, file, link"),
        ("./a mode=0644", "keyword 'type' is missing"),
        ("./a type=dir mode=0999", "mode: '0999' is not a number"),
        ("./a type=dir mode=17777", "mode: 17777 is more than"),
        ("./a type=dir uid=-1", "uid: '-1' is not a number"),
        ("./a type=dir uid=\u00b2", "uid: "),
        ("./a type=dir gid=4294967296", "gid: 4294967296 is more than 4294967295"),
        ("./a type=dir gid=" + "9" * 5000, "(5000 characters) is more than"),
        ("./a type=dir time=soon", "'soon'"),
        ("./a type=file", "keyword 'sha256' is missing"),
        ("./a type=file sha256=ABC", "sha256=ABC is not 64"),
        ("./a type=file size=-1 sha256=" + DIGEST, "size: '-1' is not a number"),
        ("./a type=link", "keyword 'link' is missing"),
        ("./a type=char", "keyword 'device' is missing"),
        ("./a type=char device=1,2", "device=1,2: only netbsd,major,minor is supported"),
        ("./a type=char device=netbsd,1,-2", "only netbsd,major,minor"),
        ("./a type=char device=netbsd,1,2,3", "only netbsd,major,minor"),
    ],
)
def test_unusable_entries(line: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"#mtree\n. type=dir\n{line}\n".encode(), where="s.mtree")
    assert caught.value.where == "s.mtree, line 3"
    assert why in (caught.value.why or "")
    assert caught.value.reason == "mtree"


@pytest.mark.parametrize(
    "line",
    [
        "/set type=dir",
        "..",
        "./a/../b type=dir",
        "./a//b type=dir",
        "./ type=dir",
        "/etc type=dir",
        "./a/ type=dir",
        "./a/ type=dir uid=0 gid=0 mode=0755 time=0.0",
        "./a type=dir optional",
        "./a type=dir mdoe=0700",
        "a\\057..\\057b type=dir",
    ],
)
def test_bad_lines(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"\n{line}".encode(), where="s.mtree")
    assert caught.value.where == "s.mtree, line 2"


def test_a_spec_with_a_path_twice() -> None:
    with pytest.raises(StageError, match="twice"):
        parse(b"./a type=dir\n./a type=dir\n")


def test_an_entry_keeps_only_what_its_kind_has() -> None:
    spec = (
        f"./a type=dir size=4 sha256={DIGEST} link=x device=netbsd,1,2 tags=inode:i\n"
        f"./b type=file link=x device=netbsd,1,2 sha256={DIGEST}\n"
    )
    tree = parse(spec.encode())
    assert tree.by_path["a"] == Entry("a", "dir", 0o755)
    assert tree.by_path["b"] == Entry("b", "file", 0o755, sha256=DIGEST)


@some
@given(st.binary(max_size=60) | st.text(" ./a=\\0#\n,", max_size=30).map(str.encode))
def test_no_spec_does_more_than_raise(spec: bytes) -> None:
    try:
        tree = parse(spec)
    except (ConfigError, StageError):
        return
    assert parse(format_tree(tree)) == tree
