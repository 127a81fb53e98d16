"""Archives that are rejected: truncated, damaged, or too large."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.readers.archives import BLOCK, END, header, member, pax, read

from buildlib.model.errors import ArchiveError
from buildlib.sources.archive import tar

BAD = {
    "up": (member(b"../x"), "escape"),
    "up inside": (member(b"a/../../x"), "escape"),
    "up and down": (member(b"a/../x"), "escape"),
    "only up": (member(b"..", flag=b"5"), "escape"),
    "absolute": (member(b"/etc/passwd"), "escape"),
    "absolute by prefix": (member(b"x", prefix=b"/etc"), "escape"),
    "absolute by pax": (pax({"path": b"/x"}) + member(), "escape"),
    "up by a long name": (member(b"L", b"../x\0", b"L") + member(), "escape"),
    "NUL by pax": (pax({"path": b"a\0b"}) + member(), "escape"),
    "no name": (member(b""), "escape"),
    "the root a file": (member(b"./", flag=b"2", link=b"x"), "escape"),
    "the root a file, too": (member(b".", b"x"), "escape"),
    "long name": (member(b"L", b"n" * 256, b"L") + member(), "name-length"),
    "long path": (pax({"path": b"n/" * 600 + b"n"}) + member(), "name-length"),
    "twice": (member() + member(), "duplicate-path"),
    "twice by another way": (member(b"a/b") + member(b"./a//b"), "duplicate-path"),
    "folder over file": (member() + member(flag=b"5"), "duplicate-path"),
    "file over folder": (member(flag=b"5") + member(), "duplicate-path"),
    "link over the folder of a file": (
        member(b"a/b") + member(flag=b"2", link=b"/etc"),
        "duplicate-path",
    ),
    "below a link": (member(flag=b"2", link=b"/etc") + member(b"a/passwd"), "below-link"),
    "far below a link": (
        member(flag=b"2", link=b"b") + member(b"a/b/c/d", flag=b"5"),
        "below-link",
    ),
    "below a file": (member() + member(b"a/b"), "below-link"),
    "hard link to nowhere": (member(flag=b"1", link=b"none"), "hard-link"),
    "hard link to itself": (member(flag=b"1", link=b"./a"), "hard-link"),
    "hard link forward": (member(flag=b"1", link=b"b") + member(b"b"), "hard-link"),
    "hard link to a folder": (member(flag=b"5") + member(b"b", flag=b"1", link=b"a"), "hard-link"),
    "hard link to a link": (
        member(flag=b"2", link=b"/x") + member(b"b", flag=b"1", link=b"a"),
        "hard-link",
    ),
    "hard link outside": (member(flag=b"1", link=b"../a"), "escape"),
    "hard link to the host": (member(flag=b"1", link=b"/etc/passwd"), "escape"),
    "hard link that is a folder": (member() + member(b"b/", flag=b"1", link=b"none"), "hard-link"),
    "link to nothing": (member(flag=b"2"), "member"),
    "link with NUL": (pax({"linkpath": b"a\0b"}) + member(flag=b"2"), "member"),
    "long link": (pax({"linkpath": b"l" * 5000}) + member(flag=b"2"), "member"),
    "sparse": (member(flag=b"S"), "member-type"),
    "sparse by pax": (pax({"GNU.sparse.major": b"1"}) + member(), "member-type"),
    "multi-volume": (member(flag=b"M"), "member-type"),
    "unknown type": (member(flag=b"Z"), "member-type"),
    "checksum": (member(checksum=b"0000000\0"), "damaged"),
    "digits that are not octal": (member(checksum=b"0000089\0"), "damaged"),
    "no checksum": (member(checksum=b"junk"), "damaged"),
    "no octal": (member(mode=b"0o644"), "damaged"),
    "underscores": (member(size=b"1_0"), "damaged"),
    "plus": (member(uid=b"+5"), "damaged"),
    "minus": (member(uid=b"-5"), "damaged"),
    "negative size": (member(size=(-512).to_bytes(12, "big", signed=True)), "damaged"),
    "large negative size": (member(size=b"\xc0" + bytes(11)), "damaged"),
    "negative owner": (member(uid=(-2).to_bytes(8, "big", signed=True)), "damaged"),
    "large owner": (member(gid=b"\x80\0\0\x01" + bytes(4)), "damaged"),
    "large time": (member(time=b"\xbf" + b"\xff" * 11), "damaged"),
    "negative device": (member(flag=b"3", major=(-2).to_bytes(8, "big", signed=True)), "damaged"),
    "device of 33 bits": (member(flag=b"3", minor=b"\x80\0\0\x01" + bytes(4)), "damaged"),
    "pax size": (pax({"size": b"-5"}) + member(), "damaged"),
    "pax size is no number": (pax({"size": b"1e3"}) + member(), "damaged"),
    "pax owner": (pax({"uid": b"-1"}) + member(), "damaged"),
    "large pax owner": (pax({"uid": b"4294967296"}) + member(), "damaged"),
    "pax time": (pax({"mtime": b"9" * 30}) + member(), "damaged"),
    "pax time of many digits": (pax({"mtime": b"1" * 5000}) + member(), "damaged"),
    "Arabic digits": (pax({"uid": "٣".encode()}) + member(), "damaged"),
    "pax length": (pax(b"5 a=b\n") + member(), "member"),
    "short pax length": (pax(b"1 a=b\n") + member(), "member"),
    "long pax length": (pax(b"99 a=b\n") + member(), "member"),
    "pax length of many digits": (pax(b"9" * 5000 + b" a=b\n") + member(), "member"),
    "pax record without an end": (pax(b"8 path=b") + member(), "member"),
    "pax record of nothing": (pax(b"2 ") + member(), "member"),
    "no pax length": (pax(b"junk") + member(), "member"),
    "large pax header": (header(b"x", b"x", size=2 << 20) + bytes(2 << 20) + member(), "member"),
    "large long name": (header(b"L", b"L", size=2 << 20) + bytes(2 << 20) + member(), "member"),
    "promised data": (header(size=4096), "damaged"),
}


@pytest.mark.parametrize(("data", "reason"), BAD.values(), ids=BAD)
def test_what_nobody_should_write(data: bytes, reason: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        read(data + END)
    assert caught.value.reason == reason
    assert (caught.value.where or "").startswith("x.tar")
    assert caught.value.hint
    for line in caught.value.lines():
        line.encode()


@pytest.mark.parametrize(
    "data", [b"", bytes(511), member(), member() + bytes(100), member(b"a", b"data")[:-1]]
)
def test_an_archive_without_an_end(data: bytes) -> None:
    with pytest.raises(ArchiveError) as caught:
        read(data)
    assert caught.value.reason == "damaged"


def test_what_comes_behind_the_end_is_read_and_not_used() -> None:
    read_on: list[bytes] = []

    def stream(data: bytes) -> Iterator[bytes]:
        yield data
        read_on.append(data)

    reader = tar.Reader(stream(member() + END + member(b"b") + b"junk"), where="x")
    assert [found.path for found in reader] == ["a"]
    assert read_on  # so that a compressor's own check is made


def test_too_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar, "PATHS_LIMIT", 10)
    many = b"".join(member(b"%d" % number) for number in range(11))
    with pytest.raises(ArchiveError) as caught:
        read(many + END)
    assert caught.value.reason == "bomb"
    deep = b"".join(member(b"%d/b/c/d/e" % number) for number in range(3))
    with pytest.raises(ArchiveError):  # folders that no member names count, too
        read(deep + END)
    assert read(many[: 10 * BLOCK] + END)
