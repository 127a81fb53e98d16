"""The tar reader: archives written by other programs."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.readers.archives import BLOCK, END, bsdtar_sees, header, member, pax, read
from support.readers.strategies import CONTENTS, entry_lists, few, some

from buildlib.model.digest import sha256
from buildlib.model.errors import ArchiveError
from buildlib.model.tree import Entry
from buildlib.sources.archive import tar

DATA = {sha256(data): data for data in CONTENTS}
TYPES = {
    "file": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "char": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def info_of(entry: Entry) -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"./{entry.path}")
    info.type, info.size, info.mode = TYPES[entry.kind], entry.size, entry.mode
    info.uid, info.gid, info.mtime = entry.uid, entry.gid, entry.time
    info.linkname = entry.link
    info.devmajor, info.devminor = entry.device or (0, 0)
    return info


def by_tarfile(entries: list[Entry], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=form, encoding="utf-8", errors="surrogateescape"
    ) as archive:
        for entry in entries:
            archive.addfile(info_of(entry), io.BytesIO(DATA.get(entry.sha256, b"")))
    return buffer.getvalue()


def is_same(entry: Entry, found: tar.Member, data: bytes) -> bool:
    return found == tar.Member(
        entry.path,
        entry.kind,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.time,
        entry.size,
        entry.link,
        "",
        entry.device,
    ) and data == DATA.get(entry.sha256, b"")


@few
@given(entry_lists(), st.sampled_from([1, 511, 512, 4096]))
def test_pax_archives_of_tarfile(entries: list[Entry], size: int) -> None:
    found = read(by_tarfile(entries, tarfile.PAX_FORMAT), size=size)
    assert list(found) == [entry.path for entry in entries]
    assert all(is_same(entry, *found[entry.path]) for entry in entries)


@few
@given(entry_lists())
def test_gnu_archives_of_tarfile(entries: list[Entry]) -> None:
    """Long names in separate members, large numbers in base 256."""
    found = read(by_tarfile(entries, tarfile.GNU_FORMAT))
    assert all(is_same(entry, *found[entry.path]) for entry in entries)


@few
@given(entry_lists(id_limit=0o10000000))
def test_ustar_archives_of_tarfile(entries: list[Entry]) -> None:
    entries = [
        entry
        for entry in entries
        if entry.time < 8**11
        and max(len(text.encode(errors="surrogateescape")) for text in (entry.path, entry.link))
        < 95
    ]
    found = read(by_tarfile(entries, tarfile.USTAR_FORMAT))
    assert all(is_same(entry, *found[entry.path]) for entry in entries)


@pytest.mark.programs
@settings(few, max_examples=12)
@given(entry_lists(6, time_limit=8**11), st.sampled_from(["gnutar", "pax", "ustar"]))
def test_archives_of_bsdtar(entries: list[Entry], form: str) -> None:
    entries = [
        replace(entry, device=(4, 0o777777)) if entry.device else entry for entry in entries
    ]  # it has room for six digits
    if form == "ustar":
        entries = [
            Entry(
                entry.path,
                entry.kind,
                entry.mode,
                size=entry.size,
                sha256=entry.sha256,
                link=entry.link,
                device=entry.device,
            )
            for entry in entries
            if len((entry.path + entry.link).encode(errors="surrogateescape")) < 90
        ]
    given_to_it = by_tarfile(entries, tarfile.PAX_FORMAT)
    result = subprocess.run(
        ["bsdtar", "-cf", "-", f"--format={form}", "@-"],
        input=given_to_it,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert result.returncode == 0, result.stderr
    found = read(result.stdout)
    assert {
        path: (at.kind, at.mode, at.uid, at.gid, at.time, at.size, at.link, at.device)
        for path, (at, _) in found.items()
    } == {
        entry.path: (
            entry.kind,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.time,
            entry.size,
            entry.link,
            entry.device,
        )
        for entry in entries
    }
    assert all(
        data == DATA.get(entry.sha256, b"") for entry in entries for _, data in [found[entry.path]]
    )


@pytest.mark.programs
def test_hard_links_are_told_by_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    for form in ("pax", "gnutar", "ustar"):
        made = subprocess.run(
            ["bsdtar", "-cf", "-", f"--format={form}", "./a", "./b"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        ).stdout
        found = read(made)
        assert [(at.path, at.kind, at.hardlink, data) for at, data in found.values()] == [
            ("a", "file", "", b"data"),
            ("b", "file", "a", b""),
        ]


def test_a_set_of_netbsd_in_its_own_form() -> None:
    """`./` before names, the root as a member, setuid bits, devices, links to anywhere."""
    found = read(
        b"".join(
            [
                member(b"./", flag=b"5", mode=0o755),
                member(b"./bin/", flag=b"5", mode=0o755),
                member(b"./bin/su", b"su", mode=0o104555, uid=0, gid=7),
                member(b"./etc/localtime", flag=b"2", link=b"/usr/share/zoneinfo/UTC"),
                member(b"./rescue/up", flag=b"2", link=b"../../../.."),
                member(b"./dev/null", flag=b"3", major=2, minor=2, mode=0o666),
                member(b"./dev/wd0a", flag=b"4", major=0, minor=0),
                member(b"./var/p", flag=b"6"),
                END,
            ]
        )
    )
    assert [(at.path, at.kind, at.mode, at.link, at.device) for at, _ in found.values()] == [
        (".", "dir", 0o755, "", None),
        ("bin", "dir", 0o755, "", None),
        ("bin/su", "file", 0o4555, "", None),
        ("etc/localtime", "link", 0o644, "/usr/share/zoneinfo/UTC", None),
        ("rescue/up", "link", 0o644, "../../../..", None),
        ("dev/null", "char", 0o666, "", (2, 2)),
        ("dev/wd0a", "block", 0o644, "", (0, 0)),
        ("var/p", "fifo", 0o644, "", None),
    ]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (member(b"b", prefix=b"p/q"), "p/q/b"),
        (member(b"b", magic=b"ustar  \0", prefix=b"1234567"), "b"),  # GNU has times there
        (member(b"b", magic=b"", prefix=b"junk"), "b"),  # seventh edition
        (member(b"n" * 100), "n" * 100),
        (member(b"././@LongLink", b"long/name\0", b"L") + member(b"short"), "long/name"),
        (pax({"path": b"from/pax", "comment": b"x=y\n z"}) + member(b"short"), "from/pax"),
        (pax({"path": b"\xff"}) + member(b"short"), "\udcff"),
        (pax({"path": b""}) + member(b"short"), "short"),
        (pax({"path": b"all"}, b"g") + member(b"short"), "all"),
        (pax({"path": b"all"}, b"g") + pax({"path": b"one"}) + member(b"short"), "one"),
        (pax({"comment": b"4f2c"}, b"g") + member(b"a"), "a"),  # git archive
        (member(b"./a//b/./c"), "a/b/c"),
        (member(b"a", flag=b"\0"), "a"),
        (member(b"a", flag=b"7"), "a"),
        (member(b"..."), "..."),
        (member(b"a\\..\\b"), "a\\..\\b"),
    ],
)
def test_names(data: bytes, path: str) -> None:
    (found,) = read(data + END).values()
    assert found[0].path == path


def test_a_name_that_ends_in_a_slash_is_a_folder() -> None:
    """The form of folders in Seventh Edition tar(1)."""
    assert read(member(b"a/", flag=b"\0") + END)["a"][0].kind == "dir"
    with pytest.raises(ArchiveError, match="a folder with data"):
        read(member(b"a/", b"data", flag=b"0") + END)


def test_numbers() -> None:
    base256 = (2**34).to_bytes(12, "big")
    base256 = bytes([base256[0] | 0x80]) + base256[1:]
    negative = (-5).to_bytes(12, "big", signed=True)
    for fields, time in (
        ({"time": b" 1234567 \0"}, 0o1234567),
        ({"time": b"1234567\0junk"}, 0o1234567),
        ({"time": b"777777777777"}, 8**12 - 1),
        ({"time": b""}, 0),
        ({"time": base256}, 2**34),
        ({"time": negative}, 0),
    ):
        assert read(member(**fields) + END)["a"][0].time == time
    found = read(
        pax({"mtime": b"1700000000.987654321", "uid": b"4294967295", "gid": b"7"})
        + member(time=5, uid=1)
        + pax({"mtime": b"-3.5"})
        + member(b"b")
        + END
    )
    assert (found["a"][0].time, found["a"][0].uid, found["a"][0].gid) == (
        1_700_000_000,
        2**32 - 1,
        7,
    )
    assert found["b"][0].time == 0


def test_the_size_of_a_pax_header_counts() -> None:
    found = read(pax({"size": b"5"}) + header(size=0) + b"hello" + bytes(507) + member(b"b") + END)
    assert found["a"][1] == b"hello"
    assert "b" in found


@pytest.mark.programs
@pytest.mark.parametrize("flag", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_a_size_without_data(flag: bytes) -> None:
    """Some members have no data, whatever the header says, as in pax(1), tarfile and bsdtar."""
    data = b"".join(
        [member(b"first"), header(b"a", flag, link=b"first", size=300), member(b"last", b"x"), END]
    )
    assert list(read(data)) == ["first", "a", "last"]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["first", "a", "last"]
    assert set(bsdtar_sees(data)) == {"first", "a", "last"}
    assert read(data)["last"][1] == b"x"


def test_folders_may_come_twice_or_late() -> None:
    data = b"".join(
        [
            member(b"a/b"),
            member(b"a", flag=b"5", mode=0o700),
            member(b"a", flag=b"5", mode=0o755),
            END,
        ]
    )
    assert list(read(data)) == ["a/b", "a"]


def test_data_need_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = tar.Reader(
        iter([member(b"a", b"x" * 1000) + member(b"b", b"y" * 700) + END]), where="x"
    )
    first = next(iter(reader))
    assert next(reader.data()) == b"x" * 1000
    assert first.size == 1000
    second = next(iter(reader))
    assert reader.all_data() == b"y" * second.size
    assert not list(reader.data())


@few
@given(entry_lists(4), st.data())
def test_no_prefix_is_taken_for_the_whole(entries: list[Entry], data: st.DataObject) -> None:
    whole = by_tarfile(entries, tarfile.PAX_FORMAT)
    end = len(whole.rstrip(b"\0"))
    end += -end % BLOCK  # from here on there are zeros only: the end is seen at the first block
    cut = data.draw(st.integers(0, end + BLOCK - 1))
    with pytest.raises(ArchiveError):
        read(whole[:cut])


@some
@given(st.data())
def test_flipped_bits_do_no_more_than_raise(data: st.DataObject) -> None:
    whole = bytearray(
        pax({"path": b"p/q", "mtime": b"1.5"})
        + member(b"a", b"data", mode=0o755)
        + member(b"b", flag=b"2", link=b"x")
        + member(b"c", flag=b"1", link=b"p/q")
        + member(b"d", flag=b"3", major=4)
        + END
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):  # with the checksum made to fit
            start = at - at % BLOCK
            block = whole[start : start + BLOCK]
            total = sum(block) - sum(block[148:156]) + 256
            whole[start + 148 : start + 156] = b"%06o\0 " % total
    try:
        found = read(bytes(whole))
    except ArchiveError:
        return
    for path in found:
        assert not path.startswith("/")
        assert ".." not in path.split("/")
