"""Addresses, names and gateways: what a machine can have, and files that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.machines.sites import ALPHA, NFS, drop, empty, link, put, remove, told, write

CARD = "vservers/nfs/etc/ifconfig.xennet0"
NAME, GATE = "vservers/nfs/etc/myname", "vservers/nfs/etc/mygate"
SETTINGS, FSTAB = "vservers/nfs/etc/rc.conf", "vservers/nfs/etc/fstab"
HOSTS, RESOLVER = "global/hosts", "global/resolv.conf"
MUST = "must be the address of a single machine"


def hosts(site: Path, line: str) -> Path:
    """A line more in the file that all share."""
    return write(site, HOSTS, f"{(site / HOSTS).read_text()}{line}\n")


def made(site: Path, name: str) -> Path:
    """A domU whose card has no address itself."""
    write(site, CARD, "up\n")
    return write(site, f"vservers/nfs/etc/ifconfig.{name}", "create\ninet 10.0.0.31/24 up\n")


MISTAKES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    # ifconfig
    "the address of another": (
        lambda s: write(s, CARD, "up\ninet 10.0.0.32/24\n"),
        [f"{CARD}:2: inet: 10.0.0.32 is sql's too, vservers/sql/server.conf:2",
         f"{CARD}:2: inet: 10.0.0.32/24, but {NFS}:2 says 10.0.0.31/24; say the same in both"]),
    "the network of another length": (
        lambda s: write(s, CARD, "inet 10.0.0.31 netmask 255.255.0.0\n"),
        [f"{CARD}:1: inet: 10.0.0.31/16, but {NFS}:2 says 10.0.0.31/24; say the same in both"]),
    "a host's own": (
        lambda s: write(s, f"{ALPHA}/etc/ifconfig.wm0", "10.0.0.99/24 up\n"),
        [(f"{ALPHA}/etc/ifconfig.wm0:1: inet: 10.0.0.99/24, but {ALPHA}/host.conf:4 says "
          "10.0.0.11/24; say the same in both")]),
    "an address that cannot be": (
        lambda s: write(s, CARD, "inet 10.0.0.310/24\n"),
        [(f"{CARD}:1: inet: must be an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
          "is '10.0.0.310/24'")]),
    "an octal address": (
        lambda s: write(s, CARD, "inet 010.0.0.31/24\n"),
        [(f"{CARD}:1: inet: must be an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
          "is '010.0.0.31/24'")]),
    "a netmask with a hole": (
        lambda s: write(s, CARD, "inet 10.0.0.31 netmask 255.0.255.0\n"),
        [(f"{CARD}:1: inet: must be a netmask with all ones on the left, such as 255.255.255.0, "
          "is '10.0.0.31 netmask 255.0.255.0'")]),
    "a netmask that is none": (
        lambda s: write(s, CARD, "inet 10.0.0.31 netmask 24\n"),
        [(f"{CARD}:1: inet: must be a netmask such as 255.255.255.0 or 0xffffff00, "
          "is '10.0.0.31 netmask 24'")]),
    "rc.conf against server.conf": (
        lambda s: (write(s, SETTINGS, ". /etc/defaults/rc.conf\nifconfig_xennet0='10.0.0.77/24'\n"),
                   remove(s, CARD)),
        [f"{SETTINGS}:2: inet: 10.0.0.77/24, but {NFS}:2 says 10.0.0.31/24; say the same in both"]),
    "rc.conf against another": (
        lambda s: (remove(s, CARD),
                   write(s, SETTINGS, "# x\nifconfig_xennet0='10.0.0.32/24' cron=NO\n")),
        [f"{SETTINGS}:2: inet: 10.0.0.32 is sql's too, vservers/sql/server.conf:2",
         f"{SETTINGS}:2: inet: 10.0.0.32/24, but {NFS}:2 says 10.0.0.31/24; say the same in both"]),
    "rc.conf over a file": (
        lambda s: write(s, SETTINGS, "ifconfig_xennet0='10.0.0.31/24'\n"),
        [f"{CARD}: nothing reads this: {SETTINGS}:1 sets ifconfig_xennet0; keep one of them"]),
    "several lines in rc.conf": (
        lambda s: (remove(s, CARD),
                   write(s, SETTINGS, "ifconfig_xennet0='\nup\ninet 10.0.0.77/24'\n")),
        [f"{SETTINGS}:3: inet: 10.0.0.77/24, but {NFS}:2 says 10.0.0.31/24; say the same in both"]),
    "several commands in rc.conf": (
        lambda s: (remove(s, CARD),
                   write(s, SETTINGS, "ifconfig_xennet0='up;inet 10.0.0.300/24; inet x'\n")),
        [(f"{SETTINGS}:1: inet: must be an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
          "is '10.0.0.300/24'")]),
    "an alias of another": (
        lambda s: write(s, SETTINGS, "ifaliases_xennet0='10.0.0.131 - 10.0.0.32 0xffffffff'\n"),
        [f"{SETTINGS}:1: inet: 10.0.0.32 is sql's too, vservers/sql/server.conf:2"]),
    "an alias without a netmask": (
        lambda s: write(s, SETTINGS, "ifaliases_xennet0=10.0.0.131\n"),
        [f"{SETTINGS}:1: '10.0.0.131' has no netmask after it, so it is passed over; - is none"]),
    "an alias of another in ifaliases": (
        lambda s: write(s, "vservers/nfs/etc/ifaliases", "10.0.0.32 xennet0 255.255.255.255\n"),
        ["vservers/nfs/etc/ifaliases:1: inet: 10.0.0.32 is sql's too, vservers/sql/server.conf:2"]),
    "no comment for sh": (
        lambda s: write(s, CARD, "inet 10.0.0.31/24#x\n"),
        [(f"{CARD}:1: inet: must be a prefix length from 0 to 32 after the /, "
          "is '10.0.0.31/24#x'")]),
    "DHCP with a comment": (
        lambda s: write(s, CARD, "up # x\ndhcp # x\n"),
        [f"{CARD}:2: dhcp must be alone on its line, is 'dhcp # x'"]),
    "a program for a word": (
        lambda s: write(s, CARD, "dhclient\n"),
        [f"{CARD}:1: dhclient is no word of ifconfig: write !dhclient $int"]),
    "an open quote": (
        lambda s: write(s, CARD, "inet 10.0.0.31/24\nssid 'x\n"),
        [f"{CARD}:2: ' is not closed"]),
    "another address on what is made": (
        lambda s: (write(s, CARD, "up\n"), write(
            s, "vservers/nfs/etc/ifconfig.vlan0", "vlan 5 vlanif xennet0\ninet 10.0.0.77/24\n")),
        [(f"vservers/nfs/etc/ifconfig.vlan0:2: inet: 10.0.0.77/24, but {NFS}:2 says 10.0.0.31/24; "
          "say the same in both")]),
    "a router for another version": (
        lambda s: (write(s, CARD, "up\n"), write(s, SETTINGS, "ip6mode=autohost\n"),
                   write(s, "vservers/nfs/etc/ifconfig.npflog0", "create\n")),
        [("vservers/nfs/etc: nothing in it gives nfs an address on the network: ifconfig.xennet0 "
          "has none; write etc/ifconfig.xennet0 with the line: inet 10.0.0.31/24")]),
    # no network
    "an empty etc": (
        lambda s: empty(s, "vservers/nfs/etc"),
        [("vservers/nfs/etc: nothing in it gives nfs an address on the network; write "
          "etc/ifconfig.xennet0 with the line: inet 10.0.0.31/24")]),
    "the card of a host": (
        lambda s: (s / CARD).rename(s / "vservers/nfs/etc/ifconfig.wm0"),
        [("vservers/nfs/etc: nothing in it gives nfs an address on the network: a domU's card is "
          "xennet0, and here is ifconfig.wm0; write etc/ifconfig.xennet0 with the line: inet "
          "10.0.0.31/24")]),
    "a card without an address": (
        lambda s: write(s, CARD, "up\n"),
        [("vservers/nfs/etc: nothing in it gives nfs an address on the network: ifconfig.xennet0 "
          "has none; write etc/ifconfig.xennet0 with the line: inet 10.0.0.31/24")]),
    "a folder for a card": (
        lambda s: (remove(s, CARD) / CARD).mkdir(),
        [("vservers/nfs/etc: nothing in it gives nfs an address on the network: ifconfig.xennet0 "
          "has none; write etc/ifconfig.xennet0 with the line: inet 10.0.0.31/24")]),
    "a second card": (
        lambda s: write(s, "vservers/nfs/etc/ifconfig.xennet1", "inet 10.0.1.31/24\n"),
        ["vservers/nfs/etc/ifconfig.xennet1: nfs has one card, xennet0"]),
    "a host with an empty etc": (
        lambda s: empty(s, f"{ALPHA}/etc"),
        [(f"{ALPHA}/etc: nothing in it gives alpha an address on the network; write "
          "etc/ifconfig.IF with the line: inet 10.0.0.11/24")]),
    "no etc": (
        lambda s: (s / "vservers/nfs/etc").rename(s / "docs/etc"),
        [("vservers/nfs/etc: is missing; a server does not come up without it; git keeps no empty "
          "folder")]),
    # names
    "another name": (
        lambda s: write(s, NAME, "other.example.net\n"),
        [(f"{NAME}:1: myname: other.example.net, but by {NFS}:3 it is nfs.example.net; "
          "say the same in both")]),
    "another name of a host": (
        lambda s: write(s, f"{ALPHA}/etc/myname", "beta.example.net\n"),
        [(f"{ALPHA}/etc/myname:1: myname: beta.example.net, but by {ALPHA}/host.conf it is alpha; "
          "say the same in both")]),
    "another name in rc.conf": (
        lambda s: write(s, SETTINGS, "cron=NO hostname=\"nfs.example.com\"\n"),
        [(f"{SETTINGS}:1: hostname: nfs.example.com, but by {NFS}:3 it is nfs.example.net; "
          "say the same in both")]),
    "no name": (
        lambda s: write(s, NAME, "nfs_1\n"),
        [f"{NAME}:1: myname: must be a host name, is 'nfs_1'"]),
    "two names": (
        lambda s: write(s, NAME, "nfs.example.net\nnfs\n"),
        [f"{NAME}: must be one line with one name"]),
    "a host name that is an address": (
        lambda s: (put(s, NFS, hostname="10.0.0.31"), remove(s, NAME)),
        [f"{NFS}:3: hostname: must be a host name in small letters, is '10.0.0.31'"]),
    # gateways
    "a gateway elsewhere": (
        lambda s: write(s, GATE, "10.99.0.1\n"),
        [(f"{GATE}:1: mygate: 10.99.0.1 is in no network of nfs, which has 10.0.0.31/24; "
          "name a router that it can reach")]),
    "its own gateway": (
        lambda s: write(s, GATE, "10.0.0.31\n"),
        [f"{GATE}:1: mygate: 10.0.0.31 is nfs itself; name the router"]),
    "a network for a gateway": (
        lambda s: write(s, GATE, "10.0.0.255\n"),
        [f"{GATE}:1: mygate: 10.0.0.255 is a network, or all of its machines; name the router"]),
    "a gateway that cannot be": (
        lambda s: write(s, GATE, "127.0.0.1\n"),
        [(f"{GATE}:1: mygate: {MUST}, so it cannot begin with 0, 127 or 224 to 255, "
          "is '127.0.0.1'")]),
    "a gateway with a prefix": (
        lambda s: write(s, GATE, "10.0.0.1/24\n"),
        [(f"{GATE}:1: mygate: must be an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
          "is '10.0.0.1/24'")]),
    "no gateway": (
        lambda s: write(s, GATE, "\n"),
        [f"{GATE}: must be one line with one address"]),
    "a gateway in rc.conf": (
        lambda s: write(s, SETTINGS, "defaultroute=10.1.0.1\n"),
        [(f"{SETTINGS}:1: defaultroute: 10.1.0.1 is in no network of nfs, which has 10.0.0.31/24; "
          "name a router that it can reach")]),
    # hosts
    "hosts against server.conf": (
        lambda s: write(s, HOSTS, (s / HOSTS).read_text().replace("10.0.0.31", "10.0.0.39")),
        [f"{HOSTS}:7: {name} is 10.0.0.39 here, but 10.0.0.31 in {NFS}:2; say the same in both"
         for name in ("nfs", "nfs.example.net")]),
    "a name with two addresses": (
        lambda s: (hosts(s, "10.0.0.90 www"), hosts(s, "10.0.0.91\tWWW # b")),
        [f"{HOSTS}:11: www is 10.0.0.91 here, but 10.0.0.90 in line 10; a name has one address"]),
    "a machine with two addresses": (
        lambda s: hosts(s, "10.0.0.90 sql"),
        [(f"{HOSTS}:10: sql is 10.0.0.90 here, but 10.0.0.32 in vservers/sql/server.conf:2; "
          "say the same in both")]),
    "localhost elsewhere": (
        lambda s: hosts(s, "10.0.0.90 localhost"),
        [f"{HOSTS}:10: localhost is 10.0.0.90 here; it is 127.0.0.1 and ::1"]),
    "an octal address in hosts": (
        lambda s: hosts(s, "10.0.0.090 www"),
        [(f"{HOSTS}:10: must begin with an IPv4 or IPv6 address such as 10.0.0.1 or 10.0.0.1/24, "
          "begins with '10.0.0.090'")]),
    "an address without a name": (
        lambda s: hosts(s, "10.0.0.90"),
        [f"{HOSTS}:10: 10.0.0.90 has no name"]),
    "a name that cannot be": (
        lambda s: hosts(s, "10.0.0.90 w$w"),
        [f"{HOSTS}:10: 'w$w' is not a host name: use letters, digits, - and _ between dots"]),
    "hosts of one server": (
        lambda s: (remove(s, "vservers/nfs/etc/hosts"),
                   write(s, "vservers/nfs/etc/hosts", "10.0.0.9 sql\n")),
        [("vservers/nfs/etc/hosts:1: sql is 10.0.0.9 here, but 10.0.0.32 in "
          "vservers/sql/server.conf:2; say the same in both")]),
    "hosts by another name": (
        lambda s: (write(s, "global/hosts.lan", "10.0.0.9 sql\n"),
                   link(s, "vservers/nfs/etc/hosts", "/config/global/hosts.lan")),
        [("global/hosts.lan:1: sql is 10.0.0.9 here, but 10.0.0.32 in vservers/sql/server.conf:2; "
          "say the same in both")]),
    # the resolver
    "a name server by name": (
        lambda s: write(s, RESOLVER, "nameserver ns.example.net\n"),
        [f"{RESOLVER}:1: nameserver: must be one address, is 'ns.example.net'"]),
    "a slip of the pen": (
        lambda s: write(s, RESOLVER, "nameservr 10.0.0.1\n"),
        [f"{RESOLVER}:1: nameservr: unknown word; did you mean nameserver?"]),
    # fstab
    "a disk that is not there": (
        lambda s: write(s, FSTAB, "/dev/xbd3d /x ffs rw 1 2\n"),
        [(f"{FSTAB}:1: /dev/xbd3d: nfs has the disks xbd0 to xbd2, {ALPHA}/domUs/nfs; "
          "docs/roles.md tells their order")]),
    "a place twice": (
        lambda s: write(s, FSTAB, "kernfs /x kernfs rw\n# y\nptyfs /x ptyfs rw\n"),
        [f"{FSTAB}:3: /x is mounted by {FSTAB}:1 too; keep one of them"]),
    "the place of the mirror": (
        lambda s: write(s, FSTAB, "tmpfs /export tmpfs rw\n"),
        [(f"{FSTAB}:1: /export is mounted by vservers/nfs/storage.conf:5 too; "
          "keep one of them")]),
    "too few words": (
        lambda s: write(s, FSTAB, "kernfs /kern kernfs\n"),
        [f"{FSTAB}:1: must be device, place, type, options, and two numbers"]),
    "no place": (
        lambda s: write(s, FSTAB, "kernfs kern kernfs rw\n"),
        [f"{FSTAB}:1: must be mounted on an absolute path, is 'kern'"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_once_with_its_place(site: Path, name: str) -> None:
    edit, expected = MISTAKES[name]
    edit(site)
    assert told(site) == sorted(expected)


GOOD: dict[str, Callable[[Path], object]] = {
    "a hexadecimal netmask": lambda s: write(s, CARD, "inet 10.0.0.31 netmask 0xffffff00\n"),
    "an address without its network": lambda s: write(s, CARD, "inet 10.0.0.31\nup\n"),
    "an alias": lambda s: write(s, CARD, "10.0.0.31/24\ninet 10.0.0.131/32 alias\nalias x\n"),
    "a line that goes on": lambda s: write(s, CARD, "up \\\n\\\ninet 10.0.0.31/24\n"),
    "two versions": lambda s: write(
        s, CARD, "inet 10.0.0.31/24\ninet6 fd00::31 prefixlen 64\ninet6 fe80::1%xennet0\n"),
    "a name for an address": lambda s: write(s, CARD, "inet nfs netmask 0xffffff00\n!true\n"),
    "an address that hosts share": lambda s: [
        write(s, f"pservers/{host}/etc/ifconfig.carp0", "inet 10.0.0.90/24 vhid 1\n")
        for host in ("alpha", "beta")],
    "an address of each network": lambda s: [
        write(s, f"pservers/{host}/etc/ifconfig.bge0", "inet6 fe80::1%bge0\n")
        for host in ("alpha", "beta")],
    "a comment": lambda s: write(s, CARD, "  # inet 10.0.0.77\n\tinet 10.0.0.31/24 # inet\n"),
    "quotes": lambda s: write(
        s, CARD, "description \"inet 10.0.0.77 \\\" 'x\"\ninet '10.0.0.31/24'\nssid a\\ b\n"),
    "an address that is taken away": lambda s: write(
        s, CARD, "inet 10.0.0.31/24\ninet 10.0.0.32 delete\ninet 10.0.0.33 -alias\n"),
    "an address over two lines": lambda s: write(s, CARD, "inet 10.0.0.\\\n31/24\n"),
    "variables": lambda s: write(s, CARD, "inet $address/24\n"),
    "variables in rc.conf": lambda s: (
        remove(s, CARD), write(s, SETTINGS, 'ifconfig_xennet0="inet ${a} netmask $b"\n')),
    "ifconfig by a command": lambda s: write(
        s, CARD, "up\n!ifconfig vlan0 create && ifconfig vlan0 inet 10.0.0.31/24\n"),
    **{f"an address on {name}": partial(made, name=name) for name in (
        "agr0", "bridge0", "gif0", "l2tp0", "lagg0", "tap0", "vether0", "vlan12", "wg0")},
    "what has no address": lambda s: [
        write(s, f"{etc}/ifconfig.{name}", "create\nlaggport wm0\n!brconfig $int add wm0\nup\n")
        for name in ("agr0", "bridge0", "npflog0", "lagg0")
        for etc in (f"{ALPHA}/etc", "vservers/nfs/etc")],
    "an address that is negotiated": lambda s: write(
        s, f"{ALPHA}/etc/ifconfig.pppoe0", "create\n!ifconfig wm0 up\ninet 0.0.0.0 0.0.0.1 down\n"),
    "an alias in rc.conf": lambda s: (
        write(s, SETTINGS, 'ifaliases_xennet0="10.0.0.131 255.255.255.255 nfs-2 -"\n'),
        hosts(s, "10.0.0.131 nfs")),
    "an alias in ifaliases": lambda s: (
        write(s, "vservers/nfs/etc/ifaliases", "10.0.0.131 xennet0 255.255.255.255\n\n"),
        hosts(s, "10.0.0.131 nfs")),
    "a router's addresses": lambda s: (
        put(s, NFS, address="2001:db8:1::31/64"), write(s, CARD, "up\n"),
        write(s, SETTINGS, "ip6mode=autohost defaultroute6=2001:db8::1\n"),
        remove(s, GATE), write(s, HOSTS, "::1 localhost\n")),
    "a router's addresses by a command": lambda s: (
        put(s, NFS, address="2001:db8:1::31/64"), write(s, CARD, "up\n!rtsol $int\n"),
        remove(s, GATE), write(s, HOSTS, "::1 localhost\n")),
    "several lines in rc.conf": lambda s: (
        remove(s, CARD), write(s, SETTINGS, 'cron=NO\nifconfig_xennet0="\nup # ; x\n'
                                            'inet 10.0.0.\\\n31/24\n"\n')),
    "several commands in rc.conf": lambda s: (
        remove(s, CARD), write(s, SETTINGS, 'ifconfig_xennet0="up; \\\n inet 10.0.0.31/24;x"\n')),
    "words behind a comment": lambda s: write(
        s, SETTINGS, "cron=NO # hostname=x.example.com isn't it\nntpd_flags='hostname=x' # \"\n"),
    "DHCP": lambda s: write(s, CARD, "dhcp\n"),
    "DHCP with a gateway": lambda s: (write(s, CARD, "dhcp\n"), write(s, GATE, "10.9.0.1\n")),
    "DHCP by rc.conf": lambda s: (remove(s, CARD), write(s, SETTINGS, "dhcpcd=YES\n")),
    "DHCP by dhclient": lambda s: (remove(s, CARD), write(s, SETTINGS, "dhclient=YES\n")),
    "DHCP by rc.conf.d": lambda s: (
        remove(s, CARD), write(s, "vservers/nfs/etc/rc.conf.d/dhcpcd", "dhcpcd='yes'\n")),
    "rc.conf alone": lambda s: (
        remove(s, CARD), write(s, SETTINGS, 'ifconfig_xennet0="up; inet 10.0.0.31/24"\n')),
    "a file that others share": lambda s: (
        link(s, CARD, "/config/global/card"), write(s, "global/card", "inet 10.0.0.31/24\n")),
    "its own file by a link": lambda s: (
        link(s, CARD, "card"), write(s, "vservers/nfs/etc/card", "inet 10.0.0.31/24\n")),
    "a short name": lambda s: (drop(s, NFS, "hostname"), write(s, NAME, "nfs.else.net\n")),
    "a gateway by name": lambda s: write(s, GATE, "Router.example.net\n"),
    "a gateway by IPv6": lambda s: write(
        s, "vservers/nfs/etc/mygate6", "fe80::1%xennet0\n"),
    "no hosts": lambda s: remove(s, "vservers/nfs/etc/hosts"),
    "hosts of the system": lambda s: link(s, "vservers/nfs/etc/hosts", "/etc/defaults/hosts"),
    "more hosts": lambda s: hosts(s, "# x\n\n10.0.0.31 www WWW.Example.net. # y\n::1 localhost"
                                     "\nfd00::31 nfs\n0.0.0.0 ads.example.org\n127.0.0.1 me"),
    "a name that hosts(5) takes and no name server": lambda s: hosts(s, "10.0.0.90 my_printer"),
    "a place for what is put in by hand": lambda s: write(
        s, FSTAB, "/dev/cd0a /mnt cd9660 ro,noauto\n/dev/sd0e /mnt msdos rw,noauto\n"
                  "tmpfs /x tmpfs rw\ntmpfs /x tmpfs rw,union\n"),
    "a variable": lambda s: write(s, SETTINGS, 'hostname="$(cat /etc/myname)"\nhostname=$x\n'),
    "a point-to-point network": lambda s: (
        put(s, NFS, address="10.0.0.30/31"), write(s, CARD, "10.0.0.30/31\n"),
        write(s, GATE, "10.0.0.31\n"), write(
            s, HOSTS, (s / HOSTS).read_text().replace("10.0.0.31", "10.0.0.30"))),
    "an fstab": lambda s: write(
        s, FSTAB, "/dev/xbd2b none swap sw 0 0\nNAME=data /x ffs rw 1 2\nkernfs /kern kernfs rw\n"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_good_is_not_told(site: Path, name: str) -> None:
    GOOD[name](site)
    assert told(site) == []


@pytest.mark.parametrize("text", [
    "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "10.0.0.0/24",
    "10.0.0.255/24", "10.0.0.3/30", "10.0.0.1/0", "::", "::1", "ff02::1",
    "::ffff:10.0.0.1", "fd00::1/0", "10.0.0.1/33", "fd00::1/129", "10.0.0.1/024", "10.1",
    "10.0.0.1.", "010.0.0.1", "0x0a000001", "167772161", "10.0.0.1/", "/24",
    "10.0.0.1/255.255.255.0", "fd00:::1", "1.2.3.4.5", "10.0.0.-1", "[fd00::1]", "localhost"])
def test_addresses_that_no_machine_has(site: Path, text: str) -> None:
    put(site, NFS, address=f"'{text}'")
    lines = told(site)
    assert len(lines) == 1
    assert lines[0].startswith(f"{NFS}:2: address: must be ")


@pytest.mark.parametrize("text", ["10.0.0.0/31", "10.0.0.1/32", "223.255.255.1/24", "1.0.0.1/8",
                                  "10.0.1.0/22", "10.0.0.255", "fd00::/64", "2001:db8::1/127"])
def test_addresses_that_a_machine_can_have(site: Path, text: str) -> None:
    put(site, NFS, address=text)
    (site / CARD).write_text(f"{'inet6' if ':' in text else 'inet'} {text}\n")
    (site / GATE).unlink()
    write(site, HOSTS, "127.0.0.1 localhost\n")
    assert told(site) == []
