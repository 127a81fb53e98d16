"""The cost of an archive: time and memory grow with its size, up to stated limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.readers.archives import END, member, pax, read
from support.spending import spent

from buildlib.model.errors import ArchiveError
from buildlib.sources.archive import compress, tar, unpack
from buildlib.store.store import Store

WORD = b"abcdefghij"


def empty_records() -> Iterator[bytes]:
    yield pax(b"4 =\n" * (1 << 18))


def many_small_headers() -> Iterator[bytes]:
    for number in range(2000):
        yield pax(b"5 a=\n" * 200) * 6 + member(b"%d" % (number % 7), flag=b"5")


def records_for_each() -> Iterator[bytes]:
    for number in range(5000):
        yield pax(b"5 a=\n" * 20) + member(b"%d" % number)


def global_records() -> Iterator[bytes]:
    yield pax(b"".join(b"13 %08d=\n" % number for number in range(70_000)), b"g")
    for number in range(1000):
        yield member(b"%d" % number)


def headers_without_member() -> Iterator[bytes]:
    for _ in range(1000):
        yield pax({"path": b"a"})


def deep_and_different() -> Iterator[bytes]:
    for number in range(980):
        yield pax({"path": b"%04d" % number + b"/a" * 508}) + member()


def long_spellings() -> Iterator[bytes]:
    for number in range(200):
        yield pax({"path": b"a" + b"/." * 500_000 + b"/%d" % number}) + member()


def other_spellings() -> Iterator[bytes]:
    for number in range(3000):
        yield pax({"path": b"a" + b"/." * (number % 1900) + b"/%d" % number}) + member()


def long_names() -> Iterator[bytes]:
    for number in range(22_000):
        yield pax({"path": b"/".join([b"%08d" % number] * 90)}) + member()


def long_links() -> Iterator[bytes]:
    for number in range(18_000):
        yield pax({"linkpath": b"x" * 1000}) + member(b"%d" % number, flag=b"2", link=b"x")


def gnu_names() -> Iterator[bytes]:
    for number in range(20):
        yield member(b"L", b"/".join([b"%d" % number] * 100_000), b"L") + member()


ARCHIVES: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "a header of 262,144 records": (empty_records, "more than 256 records"),
    "headers of 200 records": (many_small_headers, "pax records for"),
    "20 records for each of 5,000": (records_for_each, ""),
    "global records": (global_records, "more than 256 records"),
    "headers without a member": (headers_without_member, "extended headers in a row"),
    "980 members in 508 folders each": (deep_and_different, "names, or"),
    "spellings of 1 MB": (long_spellings, "too long"),
    "3,000 spellings of one folder": (other_spellings, ""),
    "22,000 names of 800 bytes": (long_names, "names, or"),
    "18,000 targets of 1,000 bytes": (long_links, "names, or"),
    "GNU names of 500 kB": (gnu_names, "too long"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_what_an_archive_costs(case: str, tmp_path: Path) -> None:
    make, refused = ARCHIVES[case]
    path = tmp_path / "x.tgz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(make())
        file.write(END)
    store = Store(tmp_path / "store")

    def ingest() -> None:
        with store.packs.writer([]) as pack:
            unpack.ingest(path, pack, origin="x", where="x.tgz")

    found = spent(ingest)
    assert found.seconds < 5
    assert found.megabytes < 200
    assert refused in found.refused if refused else not found.refused


def test_a_folder_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar, "MEMBERS_LIMIT", 10)
    assert list(read(member(b"a", flag=b"5") * 10 + END)) == ["a"]
    with pytest.raises(ArchiveError) as caught:
        read(member(b"a", flag=b"5") * 11 + END)
    assert caught.value.reason == "bomb"


def test_one_folder_has_one_form(tmp_path: Path) -> None:
    spellings = [
        b"a/b/1",
        b"./a/./b//2",
        b"a/././././b/3",
        b"a" + b"/." * 2000 + b"/b/4",
        b"./././a/b/./5/.",
    ]
    found = read(b"".join(pax({"path": name}) + member() for name in spellings) + END)
    assert list(found) == ["a/b/1", "a/b/2", "a/b/3", "a/b/4", "a/b/5"]


@pytest.mark.parametrize(
    "name",
    ["ä" * 513, "\udcff" * 1025, "a/" * 500 + "é" * 20],
    ids=["letters of two bytes", "bytes", "below many folders"],
)
def test_names_are_measured_in_bytes(name: str) -> None:
    parts = "/".join(name[at : at + 100] for at in range(0, len(name), 100))
    data = pax({"path": parts.encode(errors="surrogateescape")}) + member()
    with pytest.raises(ArchiveError) as caught:
        read(data + END)
    assert caught.value.reason == "name-length"


def test_what_pax_headers_of_real_archives_hold() -> None:
    records = {
        "SCHILY.xattr.user.x": bytes(100_000),
        "mtime": b"12.5",
        "path": b"one",
        "uid": b"7",
        "comment": b"4" * 40,
        "LIBARCHIVE.creationtime": b"1",
        "gid": b"8",
        "atime": b"2",
    }
    found, _ = read(pax(records) + member(data=b"x") + END)["one"]
    assert (found.time, found.uid, found.gid) == (12, 7, 8)


SMALL = {
    "gzip": (gzip.compress(b"", mtime=0) * 200_000, "almost no content"),
    "xz": (lzma.compress(b"") * 60_000, "almost no content"),
    "bzip2": (bz2.compress(b"") * 200_000, "almost no content"),
    "a dictionary of 1 GiB": (
        lzma.compress(
            bytes(1 << 20),
            filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30, "mode": lzma.MODE_FAST}],
        ),
        "memory",
    ),
    "zeros in bzip2": (bz2.compress(bytes(100 << 20)), "times its size"),
    "zeros in xz": (lzma.compress(bytes(100 << 20), preset=0), "times its size"),
}


@pytest.mark.parametrize("case", SMALL)
def test_what_unpacking_costs(case: str, tmp_path: Path) -> None:
    data, refused = SMALL[case]
    path = tmp_path / "x"
    path.write_bytes(data)
    found = spent(lambda: sum(map(len, compress.chunks(path, where="x"))))
    assert found.seconds < 5
    assert found.megabytes < 100
    assert refused in found.refused


def test_a_chain_of_links_costs_no_more_than_its_length(tmp_path: Path) -> None:
    links = [member(b"%d" % number, flag=b"2", link=b"%d" % (number + 1)) for number in range(3000)]
    (tmp_path / "x").write_bytes(b"".join(links) + END)
    (tmp_path / "out").mkdir()
    found = spent(lambda: unpack.extract([(tmp_path / "x", "x")], tmp_path / "out"))
    assert (found.refused, found.seconds < 5) == ("", True)


def test_the_last_link_of_a_long_chain_leads_out(tmp_path: Path) -> None:
    links = [member(b"%d" % number, flag=b"2", link=b"%d" % (number + 1)) for number in range(3000)]
    (tmp_path / "x").write_bytes(
        b"".join(links) + member(b"3000", flag=b"2", link=b"../evil") + END
    )
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError) as caught:
        unpack.extract([(tmp_path / "x", "x")], tmp_path / "out")
    assert caught.value.reason == "escape"


def test_the_limits_leave_room_for_the_largest_sets() -> None:
    assert tar.PATHS_LIMIT > 2 * 116_000
    assert tar.TEXT_LIMIT > 2 * (6 << 20)
