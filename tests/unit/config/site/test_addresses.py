"""Addresses against Python's ipaddress, and what no machine can have."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import some

from buildlib.config.site.addresses import (
    Address,
    card_address,
    is_host_name,
    looks_like_ipv4,
    machine_address,
    netmask_prefix,
    parse_address,
)

EITHER = "an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24"


@pytest.mark.thorough
@some
@given(st.ip_addresses(), st.integers(1, 128))
def test_networks_are_those_of_python(
    judge: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    prefix = min(prefix, judge.max_prefixlen)
    address = parse_address(f"{judge}/{prefix}")
    network = ipaddress.ip_network(f"{judge}/{prefix}", strict=False)
    assert (address.version, address.number) == (judge.version, int(judge))
    assert address.network() == (int(network.network_address), int(network.broadcast_address))
    assert str(address) == f"{judge}/{prefix}"
    assert address.reaches(parse_address(str(network[0])))
    assert address.reaches(parse_address(str(network[-1])))


@some
@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_who_reaches_whom(
    one: ipaddress.IPv4Address, other: ipaddress.IPv4Address, prefix: int
) -> None:
    inside = other in ipaddress.ip_network(f"{one}/{prefix}", strict=False)
    assert parse_address(f"{one}/{prefix}").reaches(parse_address(str(other))) is inside
    assert not parse_address(str(one)).reaches(parse_address(str(other)))
    assert not parse_address(f"{one}/{prefix}").reaches(parse_address("fd00::1"))


def test_no_address_has_no_network() -> None:
    assert Address("", 24).network() is None
    assert parse_address("10.0.0.1").network() is None


@some
@given(st.integers(1, 32))
def test_netmasks(prefix: int) -> None:
    mask = ipaddress.ip_network(f"0.0.0.0/{prefix}").netmask
    assert netmask_prefix(str(mask)) == prefix
    assert netmask_prefix(hex(int(mask))) == prefix


@pytest.mark.parametrize(
    ("read", "text", "wanted"),
    [
        (parse_address, "", EITHER),
        (parse_address, "10.1", EITHER),
        (parse_address, "010.0.0.1", EITHER),
        (parse_address, "10.0.0.256", EITHER),
        (parse_address, "fd00::1::2", EITHER),
        (parse_address, "host", EITHER),
        (parse_address, "10.0.0.1/33", "a prefix length from 0 to 32 after the /"),
        (parse_address, "10.0.0.1/", "a prefix length from 0 to 32 after the /"),
        (parse_address, "10.0.0.1/08", "a prefix length from 0 to 32 after the /"),
        (parse_address, "fd00::1/129", "a prefix length from 0 to 128 after the /"),
        (machine_address, "0.0.0.1", "so it cannot begin with 0, 127 or 224 to 255"),
        (machine_address, "127.0.0.1", "so it cannot begin with 0, 127 or 224 to 255"),
        (machine_address, "224.0.0.1", "so it cannot begin with 0, 127 or 224 to 255"),
        (machine_address, "::1", "so not ::, ::1, ff…: or ::ffff:…"),
        (machine_address, "ff02::1", "so not ::, ::1, ff…: or ::ffff:…"),
        (machine_address, "::ffff:10.0.0.1", "so not ::, ::1, ff…: or ::ffff:…"),
        (machine_address, "10.0.0.1/0", "a prefix length from 1 to 32 after the /"),
        (machine_address, "fd00::1/0", "a prefix length from 1 to 128 after the /"),
        (machine_address, "10.0.0.0/24", "with /24 this is the network itself"),
        (machine_address, "10.0.0.255/24", "with /24 this is the broadcast address"),
        (netmask_prefix, "24", "a netmask such as 255.255.255.0 or 0xffffff00"),
        (netmask_prefix, "0.0.0.0", "a netmask with all ones on the left"),
        (netmask_prefix, "255.0.255.0", "a netmask with all ones on the left"),
        (netmask_prefix, "0xff00ff00", "a netmask with all ones on the left"),
        (card_address, "00:16:3e:00:00", "six pairs of hexadecimal digits"),
        (card_address, "01:16:3e:00:00:01", "the address of a single interface"),
        (card_address, "00:00:00:00:00:00", "the address of a single interface"),
    ],
)
def test_what_cannot_be(read: Callable[[str], object], text: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wanted)):
        read(text)


@pytest.mark.parametrize(
    "text",
    ["1.0.0.1", "126.255.255.255", "128.0.0.1", "223.0.0.1", "10.0.0.0/31", "10.0.0.1/32", "::2"],
)
def test_what_a_machine_can_have(text: str) -> None:
    assert str(machine_address(text)) == text


def test_an_address_has_one_form() -> None:
    assert parse_address("FD00:0::1%xennet0") == Address("fd00::1")
    assert card_address("00:16:3E:00:00:0A") == "00:16:3e:00:00:0a"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a", True),
        ("a-1.example.net", True),
        ("a.1x", True),
        ("1.2", False),
        ("a.1", False),
        ("-a", False),
        ("a-", False),
        ("A", False),
        ("a..b", False),
        ("a" * 63, True),
        ("a" * 64, False),
        (".".join(["a" * 62] * 4), True),
        (".".join(["a" * 63] * 4), False),
    ],
    ids=range(13),
)
def test_host_names(text: str, good: bool) -> None:
    assert is_host_name(text) is good


def test_numbers_that_a_resolver_takes_for_an_address() -> None:
    assert [text for text in ("10", "10.1", "10.", "x", "10.x", "") if looks_like_ipv4(text)] == [
        "10",
        "10.1",
        "10.",
    ]
