"""Rock Ridge fields, byte by byte."""

from __future__ import annotations

from struct import unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.trees import NAMES, TARGETS, TIME

from buildlib.formats.fixed_fields import both
from buildlib.formats.iso9660 import rock_ridge
from buildlib.model.errors import StageError
from buildlib.model.tree import Entry


def fields(data: bytes) -> list[tuple[bytes, bytes]]:
    """(signature, payload) of each field."""
    found = []
    while data:
        length, version = data[2], data[3]
        assert version == 1
        assert 4 <= length <= len(data)
        found.append((data[:2], data[4:length]))
        data = data[length:]
    return found


def test_numbers_in_both_orders() -> None:
    assert both(0x01020304) == bytes([4, 3, 2, 1, 1, 2, 3, 4])


def test_attributes_of_a_file() -> None:
    entry = Entry("su", "file", 0o4555, uid=1, gid=70000, time=TIME)
    px, tf = fields(rock_ridge.attributes(entry, 3))
    assert px[0] == b"PX"
    assert unpack("<L4xL4xL4xL4x", px[1]) == (0o104555, 3, 1, 70000)
    assert unpack(">4xL4xL4xL4xL", px[1]) == (0o104555, 3, 1, 70000)
    assert tf == (b"TF", b"\x0e" + bytes([123, 11, 14, 22, 13, 20, 0]) * 3)


@pytest.mark.parametrize(("major", "minor"), [(0, 0), (2, 2), (142, 27), (300, 1 << 19), (5, 4095)])
def test_devices_as_netbsd_takes_them_apart(major: int, minor: int) -> None:
    """sys/fs/cd9660: the high word is the major number unless it is 0, then the low one has both;
    minor(x) = (x & 0xfff00000) >> 12 | x & 0xff, major(x) = (x & 0xfff00) >> 8.
    """
    entry = Entry("dev", "char", 0o600, device=(major, minor))
    signature, payload = fields(rock_ridge.attributes(entry, 1))[2]
    high, low = unpack("<L4xL4x", payload)
    assert signature == b"PN"
    assert (high or (low & 0xFFF00) >> 8, (low & 0xFFF00000) >> 12 | low & 0xFF) == (major, minor)


@given(NAMES)
def test_names(name: str) -> None:
    parts = fields(b"".join(rock_ridge.names(name)))
    assert all(signature == b"NM" for signature, _ in parts)
    assert b"".join(payload[1:] for _, payload in parts) == name.encode(errors="surrogateescape")
    assert [payload[0] for _, payload in parts] == [1] * (len(parts) - 1) + [0]


def read_link(data: bytes) -> tuple[bytes, bytes]:
    """A target read by the standard's rule, and as libarchive reads it.

    The standard parts all components with `/` that are not continued; libarchive puts none where
    a field begins.
    """
    standard, archive = b"", b""
    new_name = False
    for number, (signature, payload) in enumerate(parts := fields(data), 1):
        assert signature == b"SL"
        assert payload[0] == (number < len(parts))
        components = payload[1:]
        first = True
        while components:
            flags, length = components[0], components[1]
            text = {2: b".", 4: b"..", 8: b""}.get(flags & 14, components[2 : 2 + length])
            standard += b"/" * new_name + text
            archive += b"/" * (new_name and not first) + text
            new_name, first = not flags & 1, False
            components = components[2 + length :]
    return standard or b"/", archive or b"/"


@pytest.mark.thorough
@given(TARGETS)
def test_links(target: str) -> None:
    written = b"".join(rock_ridge.symlink(rock_ridge.plain_target(target)))
    plain = rock_ridge.plain_target(target).encode(errors="surrogateescape")
    assert read_link(written) == (plain, plain)


@given(
    st.lists(st.sampled_from(["a", ".", "..", "bb", "c" * 120]), min_size=1, max_size=300),
    st.booleans(),
)
def test_links_at_the_edge_of_a_field(parts: list[str], absolute: bool) -> None:
    target = ("/" * absolute + "/".join(parts))[:1023].rstrip("/") or "/"
    plain = target.encode()
    assert read_link(b"".join(rock_ridge.symlink(target))) == (plain, plain)


@pytest.mark.parametrize(
    ("target", "plain"),
    [
        ("a", "a"),
        ("/", "/"),
        ("//", "/"),
        ("a//b/", "a/b"),
        ("//a", "/a"),
        ("./", "."),
        ("..", ".."),
    ],
)
def test_plain_targets(target: str, plain: str) -> None:
    assert rock_ridge.plain_target(target) == plain


def test_what_does_not_fit_goes_on_elsewhere() -> None:
    parts = [b"a" * 100, b"b" * 50, b"c" * 10]
    assert rock_ridge.split(parts, 160) == (b"".join(parts), b"")
    assert rock_ridge.split(parts, 159) == (parts[0], parts[1] + parts[2])
    assert rock_ridge.split(parts, 127) == (b"", b"".join(parts))
    assert rock_ridge.continuation(7, 8, 9) == (b"CE\x1c\x01" + both(7) + both(8) + both(9))


def test_the_longest_name_and_target_fit_into_one_sector() -> None:
    for target in ("a/" * 511 + "a", "x" * 1023, "../" * 340 + "..", "/" + "b" * 1022):
        parts = [*rock_ridge.names("n" * 255), *rock_ridge.symlink(target)]
        assert sum(map(len, parts)) <= 2048


@pytest.mark.parametrize("seconds", [-2208988801, 5869584000, 1 << 40, 1 << 70, -(1 << 70)])
def test_times_beyond_the_format(seconds: int) -> None:
    with pytest.raises(StageError) as caught:
        rock_ridge.date7(seconds)
    assert caught.value.reason == "iso-date"


def test_times_at_its_ends() -> None:
    assert rock_ridge.date7(-2208988800) == bytes([0, 1, 1, 0, 0, 0, 0])
    assert rock_ridge.date7(5869583999) == bytes([255, 12, 31, 23, 59, 59, 0])
    assert rock_ridge.date7(1709164800) == bytes([124, 2, 29, 0, 0, 0, 0])


def test_the_extension_record_that_netbsd_looks_for() -> None:
    ((signature, payload),) = fields(rock_ridge.EXTENSION)
    assert signature == b"ER"
    assert payload[0] == 10
    assert payload[3] == 1
    assert payload[4:14] == b"RRIP_1991A"
    assert len(payload) == 4 + sum(payload[:3])
