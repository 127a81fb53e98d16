"""Interfaces of machines: ifconfig.if(5), ifaliases(5) and their variables of rc.conf(5)."""

from __future__ import annotations

import pytest

from buildlib.config.site.addresses import Address
from buildlib.config.site.cards import (
    Card,
    is_made,
    read_aliases,
    read_aliases_file,
    read_card,
    read_variable,
)

A = Address("10.0.0.1", 24)


def one(line: str) -> Card:
    return read_card([line])


@pytest.mark.parametrize(
    "line",
    [
        "inet 10.0.0.1/24",
        "inet 10.0.0.1 netmask 255.255.255.0",
        "inet 10.0.0.1 netmask 0xffffff00",
        "inet 10.0.0.1 prefixlen 24",
        "10.0.0.1/24",
        "10.0.0.1 netmask 255.255.255.0",
        "inet alias 10.0.0.1/24",
        "inet 10.0.0.1/24 alias",
        "mtu 1500 inet 10.0.0.1/24",
        "  inet\t10.0.0.1/24  # the address",
        "inet '10.0.0.1/24'",
        'inet "10.0.0.1/24"',
        r"inet 10.0.0\.1/24",
        "inet 10.0.0.1/24 netmask 255.255.0.0",
        "inet 10.0.0.1/24 #1",
    ],
)
def test_an_address_in_a_line(line: str) -> None:
    assert one(line) == Card([(1, A)])


def test_an_address_of_version_6() -> None:
    assert one("inet6 fd00::1 prefixlen 64 alias") == Card([(1, Address("fd00::1", 64))])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   ",
        "# inet 10.0.0.1/24",
        "up",
        "create",
        "media autoselect",
        "inet 10.0.0.1/24 delete",
        "inet 10.0.0.1/24 -alias",
        "inet",
        "inet alias",
        "vlan 5 vlanif wm0",
    ],
)
def test_a_line_without_an_address(line: str) -> None:
    assert one(line) == Card()


@pytest.mark.parametrize(
    ("line", "versions"),
    [
        ("dhcp", {4, 6}),
        ("!dhcpcd $int", {4, 6}),
        ("!/sbin/dhcpcd -q wm0", {4, 6}),
        ("!dhclient wm0", {4}),
        ("!/sbin/rtsol wm0", {6}),
        ("!ifconfig wm0 inet 10.0.0.1/24", {4}),
        ("!ifconfig wm0 inet6 fd00::1/64", {6}),
        ("!ifconfig wm0 up", set()),
        ("!route add inet default 10.0.0.1", set()),
        ("$address", {4, 6}),
        ("inet $address", {4}),
        ("inet6 $address", {6}),
        ("inet 10.0.0.1 netmask $mask", {4}),
        ("inet `cat /etc/address`", {4}),
        ("inet www.example.org", {4}),
        ("inet6 www", {6}),
        ("inet 0.0.0.0 0.0.0.1", {4}),
        ("10.0.0.1 $more", {4}),
    ],
)
def test_an_address_that_is_known_at_boot_only(line: str, versions: set[int]) -> None:
    assert one(line) == Card(dynamic=versions)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("dhcp up", "dhcp must be alone on its line, is 'dhcp up'"),
        ("dhcpcd wm0", "dhcpcd is not an ifconfig argument: write !dhcpcd $int"),
        ("rtsol", "rtsol is not an ifconfig argument: write !rtsol $int"),
        ("inet '10.0.0.1/24", "' is not closed"),
        ('inet "10.0.0.1/24', '" is not closed'),
    ],
)
def test_a_mistake_in_a_line(line: str, wrong: str) -> None:
    assert one(line).wrong == [(1, wrong)]


@pytest.mark.parametrize(
    "line", ["inet 10.0.0.256/24", "inet 10.0.0.1/33", "inet 10.0.0.1 netmask 255.0.255.0"]
)
def test_a_wrong_address_is_shown_as_it_is_written(line: str) -> None:
    card = one(line)
    ((number, what),) = card.wrong
    assert number == 1
    assert what.startswith("inet: must be ")
    assert what.endswith(f", is '{line.removeprefix('inet ')}'")
    assert card.addresses == []


def test_lines_have_their_numbers() -> None:
    card = read_card(["up", "inet 10.0.0.1/24", "dhcp x"], 7)
    assert card.addresses == [(8, A)]
    assert [number for number, _ in card.wrong] == [9]


def test_a_backslash_joins_lines() -> None:
    assert read_card(["inet \\", "10.0.0.1/24", "up"]) == Card([(2, A)])
    assert read_card(["up \\", "inet \\", "10.0.0.1/24", "10.0.0.1/24"]).addresses == [
        (3, A),
        (4, A),
    ]


def test_a_variable_has_parts_or_lines() -> None:
    other = Address("10.0.1.1", 24)
    card = read_variable("up; 10.0.0.1/24; inet 10.0.1.1/24; dhcp x", 5)
    assert card.addresses == [(5, A), (5, other)]
    assert [number for number, _ in card.wrong] == [5]
    card = read_variable("up\ninet 10.0.0.1/24\ninet 10.0.1.1/24", 5)
    assert card.addresses == [(6, A), (7, other)]


def test_aliases_of_a_variable_are_pairs() -> None:
    card = read_aliases("10.0.0.1 255.255.255.0 10.0.0.1 0xffffff00", 3)
    assert card == Card([(3, A), (3, A)])
    assert read_aliases("www -", 3) == Card(dynamic={4})
    assert read_aliases("$address 255.255.255.0", 3) == Card(dynamic={4})
    assert read_aliases("10.0.0.1 `mask`", 3) == Card(dynamic={4})
    assert read_aliases("10.0.0.256 -", 3).wrong[0][0] == 3


def test_an_alias_without_a_mask_is_ignored() -> None:
    card = read_aliases("10.0.0.1 255.255.255.0 10.0.0.2", 3)
    assert card.addresses == [(3, A)]
    assert card.wrong == [
        (3, "'10.0.0.2' has no netmask after it, so it is ignored; write - for none")
    ]


def test_lines_of_ifaliases_name_their_interface() -> None:
    text = ["10.0.0.1 wm0 255.255.255.0", "", "10.0.0.1", "10.0.0.1 wm1 netmask extra", "www wm2"]
    cards = list(read_aliases_file(text))
    assert cards[0] == ("wm0", Card([(1, A)]))
    assert [name for name, _ in cards] == ["wm0", "wm1", "wm2"]
    assert [number for number, _ in cards[1][1].wrong] == [4]
    assert cards[2][1] == Card(dynamic={4})


def test_a_mask_may_be_left_out_in_ifaliases() -> None:
    ((name, card),) = read_aliases_file(["10.0.0.1 wm0"])
    assert name == "wm0"
    assert [address.text for _, address in card.addresses] == ["10.0.0.1"]


@pytest.mark.parametrize("card", ["vlan0", "bridge12", "tap1", "lo0", "wg0", "agr0", "pppoe0"])
def test_virtual_interfaces(card: str) -> None:
    assert is_made(card)


@pytest.mark.parametrize("card", ["wm0", "xennet0", "re1", "vlanx0"])
def test_interfaces_of_hardware(card: str) -> None:
    assert not is_made(card)
