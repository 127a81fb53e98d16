"""The tar writer: the same bytes everywhere, readable by other programs."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.readers.archives import bsdtar_sees, read
from support.readers.strategies import CONTENTS, few, some, trees

from buildlib.model.digest import sha256
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry, Tree, tree_of
from buildlib.sources.archive.pack import gzip_stored, tar

DATA = {sha256(data): data for data in CONTENTS}


def content(entry: Entry) -> bytes:
    return DATA[entry.sha256]


def written(tree: Tree, *, dot: bool = False) -> bytes:
    return b"".join(tar(_linked(tree), content, dot=dot))


def _linked(tree: Tree) -> Tree:
    """`tree` with equal attributes for hard links, which hypothesis does not generate."""
    first: dict[str, Entry] = {}
    return Tree(
        tuple(
            replace(first.setdefault(entry.inode, entry), path=entry.path) if entry.inode else entry
            for entry in tree
        )
    )


@few
@given(trees(), st.booleans())
def test_we_read_what_we_write(tree: Tree, dot: bool) -> None:
    found = read(written(tree, dot=dot))
    names = {"dot": ["."]} if dot and len(tree) else {}
    assert list(found) == [*names.get("dot", []), *(e.path for e in tree if e.path != ".")]
    first: dict[str, str] = {}
    for entry in _linked(tree):
        if entry.path == "." and not dot:
            continue
        member, data = found[entry.path]
        assert (
            member.kind,
            member.mode,
            member.uid,
            member.gid,
            member.time,
            member.link,
            member.device,
        ) == (entry.kind, entry.mode, entry.uid, entry.gid, entry.time, entry.link, entry.device)
        if entry.inode in first:
            assert member.hardlink == first[entry.inode]
        elif entry.kind == "file":
            assert (member.size, data) == (entry.size, content(entry))
            first |= {entry.inode: entry.path} if entry.inode else {}


@pytest.mark.thorough
@few
@given(trees(), st.booleans())
def test_tarfile_reads_what_we_write(tree: Tree, dot: bool) -> None:
    with tarfile.open(
        fileobj=io.BytesIO(written(tree, dot=dot)), encoding="utf-8", errors="surrogateescape"
    ) as archive:
        found = {
            (info.name.removeprefix("./") or ".") if dot else info.name: info for info in archive
        }
        for entry in _linked(tree):
            if entry.path == "." and not dot:
                continue
            info = found.pop(entry.path)
            assert (info.mode, info.uid, info.gid, info.mtime) == (
                entry.mode,
                entry.uid,
                entry.gid,
                entry.time,
            )
            if entry.kind == "link":
                assert info.linkname == entry.link
            if entry.kind == "file":
                stored = archive.extractfile(info)
                assert stored is not None
                assert stored.read() == content(entry)
            if entry.device:
                assert (info.devmajor, info.devminor) == entry.device
    assert not found


@pytest.mark.programs
@settings(few, max_examples=12)
@given(trees(6), st.booleans())
def test_bsdtar_reads_what_we_write(tree: Tree, dot: bool) -> None:
    seen = bsdtar_sees(written(tree, dot=dot))
    for entry in _linked(tree):
        if entry.path == "." and not dot:
            continue
        found = seen.pop(entry.path)
        assert (
            found.kind,
            found.mode,
            found.uid,
            found.gid,
            found.time,
            found.link,
            found.device,
        ) == (entry.kind, entry.mode, entry.uid, entry.gid, entry.time, entry.link, entry.device)
        if entry.kind == "file" and not entry.inode:
            assert (found.size, found.sha256) == (
                entry.size,
                entry.sha256 if entry.size else found.sha256,
            )
    assert not set(seen) - {"."}


GOLDEN = tree_of(
    [
        Entry(".", "dir", 0o755, time=1_700_000_000),
        Entry("bin/su", "file", 0o4555, 0, 7, 1_700_000_000, 6, sha256(b"hello\n"), inode="su"),
        Entry("bin/sudo", "file", 0o4555, 0, 7, 1_700_000_000, 6, sha256(b"hello\n"), inode="su"),
        Entry("dev/null", "char", 0o666, device=(2, 2)),
        Entry("etc/localtime", "link", 0o755, link="/usr/share/zoneinfo/UTC"),
        Entry("n" * 120, "file", 0o644, uid=1 << 31, time=1 << 34, sha256=sha256(b"")),
        Entry("p", "fifo", 0o600),
    ]
)


def test_golden() -> None:
    """Locks pin archives written by this code; other bytes would break them all."""
    packed = b"".join(gzip_stored(tar(GOLDEN, content, dot=True)))
    assert sha256(packed) == "8545d9a792cb01187173b38693ed831be0367f25442d8a28e9abcb19d3c2c2f0"


def test_ustar_alone_where_it_can_say_it() -> None:
    plain = tree_of(
        [
            Entry(
                "n" * 98,
                "link",
                0o755,
                uid=0o7777777,
                gid=0o7777777,
                time=8**11 - 1,
                link="l" * 100,
            )
        ]
    )
    data = written(plain, dot=True)
    assert b"pax header" not in data
    assert read(data)["n" * 98][0].uid == 0o7777777
    assert b"pax header" in written(tree_of([Entry("n" * 101, "fifo", 0)]))
    assert b"hdrcharset=BINARY" in written(tree_of([Entry("\udcff" * 101, "fifo", 0)]))


@pytest.mark.parametrize("device", [(8**7, 0), (0, 8**7)])
def test_what_no_archive_can_say(device: tuple[int, int]) -> None:
    with pytest.raises(StageError) as caught:
        written(tree_of([Entry("a", "char", 0, device=device)]))
    assert caught.value.reason == "tar-limit"


@pytest.mark.thorough
@some
@given(st.lists(st.binary(max_size=40)))
def test_stored_gzip(pieces: list[bytes]) -> None:
    assert gzip.decompress(b"".join(gzip_stored(pieces))) == b"".join(pieces)


@pytest.mark.programs
@pytest.mark.parametrize("size", [0, 1, 0xFFFE, 0xFFFF, 0x10000, 3 * 0xFFFF, 200_001])
def test_gzip_itself_accepts_it(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    packed = b"".join(gzip_stored([data[:size]]))
    result = subprocess.run(["gzip", "-dc"], input=packed, capture_output=True)
    assert (result.returncode, result.stderr, result.stdout) == (0, b"", data[:size])
    assert subprocess.run(["gzip", "-t"], input=packed, capture_output=True).returncode == 0


def test_stored_gzip_is_the_same_everywhere() -> None:
    assert b"".join(gzip_stored([b"ab", b"", b"c"])).hex() == (
        "1f8b08000000000000ff000200fdff6162000100feff63010000ffffc241243503000000"
    )
