"""Addresses: invalid ones, and files that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.machines.sites import ALPHA, NFS, empty, remove, told, write

CARD = "vservers/nfs/etc/ifconfig.xennet0"
NAME, GATE = "vservers/nfs/etc/myname", "vservers/nfs/etc/mygate"
SETTINGS, FSTAB = "vservers/nfs/etc/rc.conf", "vservers/nfs/etc/fstab"
HOSTS, RESOLVER = "global/hosts", "global/resolv.conf"
MUST = "must be the address of a single machine"


def hosts(site: Path, line: str) -> Path:
    """Add a line to the shared file."""
    return write(site, HOSTS, f"{(site / HOSTS).read_text()}{line}\n")


def made(site: Path, name: str) -> Path:
    """A domU whose interface has no address itself."""
    write(site, CARD, "up\n")
    return write(site, f"vservers/nfs/etc/ifconfig.{name}", "create\ninet 10.0.0.31/24 up\n")


MISTAKES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    # ifconfig
    "the address of another": (
        lambda s: write(s, CARD, "up\ninet 10.0.0.32/24\n"),
        [
            f"{CARD}:2: inet: 10.0.0.32 is also sql's, vservers/sql/server.conf:2",
            (
                f"{CARD}:2: inet: 10.0.0.32/24, but {NFS}:2 says 10.0.0.31/24; use the same "
                "address in both"
            ),
        ],
    ),
    "the network of another length": (
        lambda s: write(s, CARD, "inet 10.0.0.31 netmask 255.255.0.0\n"),
        [
            (
                f"{CARD}:1: inet: 10.0.0.31/16, but {NFS}:2 says 10.0.0.31/24; use the same "
                "address in both"
            )
        ],
    ),
    "a host's own": (
        lambda s: write(s, f"{ALPHA}/etc/ifconfig.wm0", "10.0.0.99/24 up\n"),
        [
            (
                f"{ALPHA}/etc/ifconfig.wm0:1: inet: 10.0.0.99/24, but {ALPHA}/host.conf:4 says "
                "10.0.0.11/24; use the same address in both"
            )
        ],
    ),
    "an address that cannot be": (
        lambda s: write(s, CARD, "inet 10.0.0.310/24\n"),
        [
            (
                f"{CARD}:1: inet: must be an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
                "is '10.0.0.310/24'"
            )
        ],
    ),
    "an octal address": (
        lambda s: write(s, CARD, "inet 010.0.0.31/24\n"),
        [
            (
                f"{CARD}:1: inet: must be an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
                "is '010.0.0.31/24'"
            )
        ],
    ),
    "a netmask with a hole": (
        lambda s: write(s, CARD, "inet 10.0.0.31 netmask 255.0.255.0\n"),
        [
            (
                f"{CARD}:1: inet: must be a netmask with all ones on the left, such as "
                "255.255.255.0, is '10.0.0.31 netmask 255.0.255.0'"
            )
        ],
    ),
    "a netmask that is none": (
        lambda s: write(s, CARD, "inet 10.0.0.31 netmask 24\n"),
        [
            (
                f"{CARD}:1: inet: must be a netmask such as 255.255.255.0 or 0xffffff00, "
                "is '10.0.0.31 netmask 24'"
            )
        ],
    ),
    "rc.conf against server.conf": (
        lambda s: (
            write(s, SETTINGS, ". /etc/defaults/rc.conf\nifconfig_xennet0='10.0.0.77/24'\n"),
            remove(s, CARD),
        ),
        [
            (
                f"{SETTINGS}:2: inet: 10.0.0.77/24, but {NFS}:2 says 10.0.0.31/24; use the same "
                "address in both"
            )
        ],
    ),
    "rc.conf against another": (
        lambda s: (
            remove(s, CARD),
            write(s, SETTINGS, "# x\nifconfig_xennet0='10.0.0.32/24' cron=NO\n"),
        ),
        [
            f"{SETTINGS}:2: inet: 10.0.0.32 is also sql's, vservers/sql/server.conf:2",
            (
                f"{SETTINGS}:2: inet: 10.0.0.32/24, but {NFS}:2 says 10.0.0.31/24; "
                "use the same address in both"
            ),
        ],
    ),
    "rc.conf over a file": (
        lambda s: write(s, SETTINGS, "ifconfig_xennet0='10.0.0.31/24'\n"),
        [f"{CARD}: this file is ignored: {SETTINGS}:1 sets ifconfig_xennet0; keep one of them"],
    ),
    "several lines in rc.conf": (
        lambda s: (
            remove(s, CARD),
            write(s, SETTINGS, "ifconfig_xennet0='\nup\ninet 10.0.0.77/24'\n"),
        ),
        [
            (
                f"{SETTINGS}:3: inet: 10.0.0.77/24, but {NFS}:2 says 10.0.0.31/24; use the same "
                "address in both"
            )
        ],
    ),
    "several commands in rc.conf": (
        lambda s: (
            remove(s, CARD),
            write(s, SETTINGS, "ifconfig_xennet0='up;inet 10.0.0.300/24; inet x'\n"),
        ),
        [
            (
                f"{SETTINGS}:1: inet: must be an IPv4 or IPv6 address such as 10.0.0.1 or "
                "10.0.0.1/24, is '10.0.0.300/24'"
            )
        ],
    ),
    "an alias of another": (
        lambda s: write(s, SETTINGS, "ifaliases_xennet0='10.0.0.131 - 10.0.0.32 0xffffffff'\n"),
        [f"{SETTINGS}:1: inet: 10.0.0.32 is also sql's, vservers/sql/server.conf:2"],
    ),
    "an alias without a netmask": (
        lambda s: write(s, SETTINGS, "ifaliases_xennet0=10.0.0.131\n"),
        [f"{SETTINGS}:1: '10.0.0.131' has no netmask after it, so it is ignored; write - for none"],
    ),
    "an alias of another in ifaliases": (
        lambda s: write(s, "vservers/nfs/etc/ifaliases", "10.0.0.32 xennet0 255.255.255.255\n"),
        ["vservers/nfs/etc/ifaliases:1: inet: 10.0.0.32 is also sql's, vservers/sql/server.conf:2"],
    ),
    "no comment for sh": (
        lambda s: write(s, CARD, "inet 10.0.0.31/24#x\n"),
        [
            (
                f"{CARD}:1: inet: must be a prefix length from 0 to 32 after the /, "
                "is '10.0.0.31/24#x'"
            )
        ],
    ),
    "DHCP with a comment": (
        lambda s: write(s, CARD, "up # x\ndhcp # x\n"),
        [f"{CARD}:2: dhcp must be alone on its line, is 'dhcp # x'"],
    ),
    "a program for a word": (
        lambda s: write(s, CARD, "dhclient\n"),
        [f"{CARD}:1: dhclient is not an ifconfig argument: write !dhclient $int"],
    ),
    "an open quote": (
        lambda s: write(s, CARD, "inet 10.0.0.31/24\nssid 'x\n"),
        [f"{CARD}:2: ' is not closed"],
    ),
    "another address on what is made": (
        lambda s: (
            write(s, CARD, "up\n"),
            write(
                s, "vservers/nfs/etc/ifconfig.vlan0", "vlan 5 vlanif xennet0\ninet 10.0.0.77/24\n"
            ),
        ),
        [
            (
                f"vservers/nfs/etc/ifconfig.vlan0:2: inet: 10.0.0.77/24, but {NFS}:2 says "
                "10.0.0.31/24; use the same address in both"
            )
        ],
    ),
    "a router for another version": (
        lambda s: (
            write(s, CARD, "up\n"),
            write(s, SETTINGS, "ip6mode=autohost\n"),
            write(s, "vservers/nfs/etc/ifconfig.npflog0", "create\n"),
        ),
        [
            (
                "vservers/nfs/etc: no file in it gives nfs a network address: ifconfig.xennet0 "
                "has none; write etc/ifconfig.xennet0 with the line: inet "
                "10.0.0.31/24"
            )
        ],
    ),
    # no network
    "an empty etc": (
        lambda s: empty(s, "vservers/nfs/etc"),
        [
            (
                "vservers/nfs/etc: no file in it gives nfs a network address; write "
                "etc/ifconfig.xennet0 with the line: inet 10.0.0.31/24"
            )
        ],
    ),
    "the card of a host": (
        lambda s: (s / CARD).rename(s / "vservers/nfs/etc/ifconfig.wm0"),
        [
            (
                "vservers/nfs/etc: no file in it gives nfs a network address: a domU's interface "
                "is xennet0, but there is ifconfig.wm0; write etc/ifconfig.xennet0 with the "
                "line: inet 10.0.0.31/24"
            )
        ],
    ),
    "a card without an address": (
        lambda s: write(s, CARD, "up\n"),
        [
            (
                "vservers/nfs/etc: no file in it gives nfs a network address: ifconfig.xennet0 "
                "has none; write etc/ifconfig.xennet0 with the line: inet "
                "10.0.0.31/24"
            )
        ],
    ),
    "a folder for a card": (
        lambda s: (remove(s, CARD) / CARD).mkdir(),
        [
            (
                "vservers/nfs/etc: no file in it gives nfs a network address: ifconfig.xennet0 "
                "has none; write etc/ifconfig.xennet0 with the line: inet "
                "10.0.0.31/24"
            )
        ],
    ),
    "a second card": (
        lambda s: write(s, "vservers/nfs/etc/ifconfig.xennet1", "inet 10.0.1.31/24\n"),
        ["vservers/nfs/etc/ifconfig.xennet1: nfs has one interface, xennet0"],
    ),
    "a host with an empty etc": (
        lambda s: empty(s, f"{ALPHA}/etc"),
        [
            (
                f"{ALPHA}/etc: no file in it gives alpha a network address; write "
                "etc/ifconfig.IF with the line: inet 10.0.0.11/24"
            )
        ],
    ),
    "no etc": (
        lambda s: (s / "vservers/nfs/etc").rename(s / "docs/etc"),
        [
            (
                "vservers/nfs/etc: is missing; a server does not start without it; git does not "
                "record empty folders"
            )
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place(site: Path, name: str) -> None:
    edit, expected = MISTAKES[name]
    edit(site)
    assert told(site) == sorted(expected)
