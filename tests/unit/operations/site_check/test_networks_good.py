"""Valid networks, in all notations that NetBSD reads, give no problems."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.machines.sites import ALPHA, NFS, drop, link, put, remove, told, write

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


GOOD: dict[str, Callable[[Path], object]] = {
    "a hexadecimal netmask": lambda s: write(s, CARD, "inet 10.0.0.31 netmask 0xffffff00\n"),
    "an address without its network": lambda s: write(s, CARD, "inet 10.0.0.31\nup\n"),
    "an alias": lambda s: write(s, CARD, "10.0.0.31/24\ninet 10.0.0.131/32 alias\nalias x\n"),
    "a line that goes on": lambda s: write(s, CARD, "up \\\n\\\ninet 10.0.0.31/24\n"),
    "two versions": lambda s: write(
        s, CARD, "inet 10.0.0.31/24\ninet6 fd00::31 prefixlen 64\ninet6 fe80::1%xennet0\n"
    ),
    "a name for an address": lambda s: write(s, CARD, "inet nfs netmask 0xffffff00\n!true\n"),
    "an address that hosts share": lambda s: [
        write(s, f"pservers/{host}/etc/ifconfig.carp0", "inet 10.0.0.90/24 vhid 1\n")
        for host in ("alpha", "beta")
    ],
    "an address of each network": lambda s: [
        write(s, f"pservers/{host}/etc/ifconfig.bge0", "inet6 fe80::1%bge0\n")
        for host in ("alpha", "beta")
    ],
    "a comment": lambda s: write(s, CARD, "  # inet 10.0.0.77\n\tinet 10.0.0.31/24 # inet\n"),
    "quotes": lambda s: write(
        s, CARD, "description \"inet 10.0.0.77 \\\" 'x\"\ninet '10.0.0.31/24'\nssid a\\ b\n"
    ),
    "an address that is taken away": lambda s: write(
        s, CARD, "inet 10.0.0.31/24\ninet 10.0.0.32 delete\ninet 10.0.0.33 -alias\n"
    ),
    "an address over two lines": lambda s: write(s, CARD, "inet 10.0.0.\\\n31/24\n"),
    "variables": lambda s: write(s, CARD, "inet $address/24\n"),
    "variables in rc.conf": lambda s: (
        remove(s, CARD),
        write(s, SETTINGS, 'ifconfig_xennet0="inet ${a} netmask $b"\n'),
    ),
    "ifconfig by a command": lambda s: write(
        s, CARD, "up\n!ifconfig vlan0 create && ifconfig vlan0 inet 10.0.0.31/24\n"
    ),
    **{
        f"an address on {name}": partial(made, name=name)
        for name in (
            "agr0",
            "bridge0",
            "gif0",
            "l2tp0",
            "lagg0",
            "tap0",
            "vether0",
            "vlan12",
            "wg0",
        )
    },
    "what has no address": lambda s: [
        write(s, f"{etc}/ifconfig.{name}", "create\nlaggport wm0\n!brconfig $int add wm0\nup\n")
        for name in ("agr0", "bridge0", "npflog0", "lagg0")
        for etc in (f"{ALPHA}/etc", "vservers/nfs/etc")
    ],
    "an address that is negotiated": lambda s: write(
        s, f"{ALPHA}/etc/ifconfig.pppoe0", "create\n!ifconfig wm0 up\ninet 0.0.0.0 0.0.0.1 down\n"
    ),
    "an alias in rc.conf": lambda s: (
        write(s, SETTINGS, 'ifaliases_xennet0="10.0.0.131 255.255.255.255 nfs-2 -"\n'),
        hosts(s, "10.0.0.131 nfs"),
    ),
    "an alias in ifaliases": lambda s: (
        write(s, "vservers/nfs/etc/ifaliases", "10.0.0.131 xennet0 255.255.255.255\n\n"),
        hosts(s, "10.0.0.131 nfs"),
    ),
    "a router's addresses": lambda s: (
        put(s, NFS, address="2001:db8:1::31/64"),
        write(s, CARD, "up\n"),
        write(s, SETTINGS, "ip6mode=autohost defaultroute6=2001:db8::1\n"),
        remove(s, GATE),
        write(s, HOSTS, "::1 localhost\n"),
    ),
    "a router's addresses by a command": lambda s: (
        put(s, NFS, address="2001:db8:1::31/64"),
        write(s, CARD, "up\n!rtsol $int\n"),
        remove(s, GATE),
        write(s, HOSTS, "::1 localhost\n"),
    ),
    "several lines in rc.conf": lambda s: (
        remove(s, CARD),
        write(s, SETTINGS, 'cron=NO\nifconfig_xennet0="\nup # ; x\ninet 10.0.0.\\\n31/24\n"\n'),
    ),
    "several commands in rc.conf": lambda s: (
        remove(s, CARD),
        write(s, SETTINGS, 'ifconfig_xennet0="up; \\\n inet 10.0.0.31/24;x"\n'),
    ),
    "words behind a comment": lambda s: write(
        s, SETTINGS, "cron=NO # hostname=x.example.com isn't it\nntpd_flags='hostname=x' # \"\n"
    ),
    "DHCP": lambda s: write(s, CARD, "dhcp\n"),
    "DHCP with a gateway": lambda s: (write(s, CARD, "dhcp\n"), write(s, GATE, "10.9.0.1\n")),
    "DHCP by rc.conf": lambda s: (remove(s, CARD), write(s, SETTINGS, "dhcpcd=YES\n")),
    "DHCP by dhclient": lambda s: (remove(s, CARD), write(s, SETTINGS, "dhclient=YES\n")),
    "DHCP by rc.conf.d": lambda s: (
        remove(s, CARD),
        write(s, "vservers/nfs/etc/rc.conf.d/dhcpcd", "dhcpcd='yes'\n"),
    ),
    "rc.conf alone": lambda s: (
        remove(s, CARD),
        write(s, SETTINGS, 'ifconfig_xennet0="up; inet 10.0.0.31/24"\n'),
    ),
    "a file that others share": lambda s: (
        link(s, CARD, "/config/global/card"),
        write(s, "global/card", "inet 10.0.0.31/24\n"),
    ),
    "its own file by a link": lambda s: (
        link(s, CARD, "card"),
        write(s, "vservers/nfs/etc/card", "inet 10.0.0.31/24\n"),
    ),
    "a short name": lambda s: (drop(s, NFS, "hostname"), write(s, NAME, "nfs.else.net\n")),
    "a gateway by name": lambda s: write(s, GATE, "Router.example.net\n"),
    "a gateway by IPv6": lambda s: write(s, "vservers/nfs/etc/mygate6", "fe80::1%xennet0\n"),
    "no hosts": lambda s: remove(s, "vservers/nfs/etc/hosts"),
    "hosts of the system": lambda s: link(s, "vservers/nfs/etc/hosts", "/etc/defaults/hosts"),
    "more hosts": lambda s: hosts(
        s,
        "# x\n\n10.0.0.31 www WWW.Example.net. # y\n::1 localhost"
        "\nfd00::31 nfs\n0.0.0.0 ads.example.org\n127.0.0.1 me",
    ),
    "a name that hosts(5) takes and no name server": lambda s: hosts(s, "10.0.0.90 my_printer"),
    "a place for what is put in by hand": lambda s: write(
        s,
        FSTAB,
        "/dev/cd0a /mnt cd9660 ro,noauto\n/dev/sd0e /mnt msdos rw,noauto\n"
        "tmpfs /x tmpfs rw\ntmpfs /x tmpfs rw,union\n",
    ),
    "a variable": lambda s: write(s, SETTINGS, 'hostname="$(cat /etc/myname)"\nhostname=$x\n'),
    "a point-to-point network": lambda s: (
        put(s, NFS, address="10.0.0.30/31"),
        write(s, CARD, "10.0.0.30/31\n"),
        write(s, GATE, "10.0.0.31\n"),
        write(s, HOSTS, (s / HOSTS).read_text().replace("10.0.0.31", "10.0.0.30")),
    ),
    "an fstab": lambda s: write(
        s, FSTAB, "/dev/xbd2b none swap sw 0 0\nNAME=data /x ffs rw 1 2\nkernfs /kern kernfs rw\n"
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", GOOD)
def test_valid_networks_have_no_problems(site: Path, name: str) -> None:
    GOOD[name](site)
    assert told(site) == []


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "10.0.0.0/24",
        "10.0.0.255/24",
        "10.0.0.3/30",
        "10.0.0.1/0",
        "::",
        "::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "fd00::1/0",
        "10.0.0.1/33",
        "fd00::1/129",
        "10.0.0.1/024",
        "10.1",
        "10.0.0.1.",
        "010.0.0.1",
        "0x0a000001",
        "167772161",
        "10.0.0.1/",
        "/24",
        "10.0.0.1/255.255.255.0",
        "fd00:::1",
        "1.2.3.4.5",
        "10.0.0.-1",
        "[fd00::1]",
        "localhost",
    ],
)
def test_addresses_that_no_machine_has(site: Path, text: str) -> None:
    put(site, NFS, address=f"'{text}'")
    lines = told(site)
    assert len(lines) == 1
    assert lines[0].startswith(f"{NFS}:2: address: must be ")


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/31",
        "10.0.0.1/32",
        "223.255.255.1/24",
        "1.0.0.1/8",
        "10.0.1.0/22",
        "10.0.0.255",
        "fd00::/64",
        "2001:db8::1/127",
    ],
)
def test_addresses_that_a_machine_can_have(site: Path, text: str) -> None:
    put(site, NFS, address=text)
    (site / CARD).write_text(f"{'inet6' if ':' in text else 'inet'} {text}\n")
    (site / GATE).unlink()
    write(site, HOSTS, "127.0.0.1 localhost\n")
    assert told(site) == []
