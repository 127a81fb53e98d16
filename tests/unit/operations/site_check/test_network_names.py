"""Names, gateways, hosts, the resolver and fstab: invalid or contradictory values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.machines.sites import ALPHA, NFS, link, put, remove, told, write

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
    # names
    "another name": (
        lambda s: write(s, NAME, "other.example.net\n"),
        [
            (
                f"{NAME}:1: myname: other.example.net, but according to {NFS}:3 it is "
                f"nfs.example.net; use the same name in both"
            )
        ],
    ),
    "another name of a host": (
        lambda s: write(s, f"{ALPHA}/etc/myname", "beta.example.net\n"),
        [
            (
                f"{ALPHA}/etc/myname:1: myname: beta.example.net, but according to "
                f"{ALPHA}/host.conf it is alpha; use the same name in both"
            )
        ],
    ),
    "another name in rc.conf": (
        lambda s: write(s, SETTINGS, 'cron=NO hostname="nfs.example.com"\n'),
        [
            (
                f"{SETTINGS}:1: hostname: nfs.example.com, but according to {NFS}:3 it is "
                f"nfs.example.net; use the same name in both"
            )
        ],
    ),
    "no name": (
        lambda s: write(s, NAME, "nfs_1\n"),
        [f"{NAME}:1: myname: must be a host name, is 'nfs_1'"],
    ),
    "two names": (
        lambda s: write(s, NAME, "nfs.example.net\nnfs\n"),
        [f"{NAME}: must be one line with one name"],
    ),
    "a host name that is an address": (
        lambda s: (put(s, NFS, hostname="10.0.0.31"), remove(s, NAME)),
        [f"{NFS}:3: hostname: must be a host name in small letters, is '10.0.0.31'"],
    ),
    # gateways
    "a gateway elsewhere": (
        lambda s: write(s, GATE, "10.99.0.1\n"),
        [
            (
                f"{GATE}:1: mygate: 10.99.0.1 is not in a network of nfs, which has 10.0.0.31/24; "
                "name a router that it can reach"
            )
        ],
    ),
    "its own gateway": (
        lambda s: write(s, GATE, "10.0.0.31\n"),
        [f"{GATE}:1: mygate: 10.0.0.31 is nfs itself; name the router"],
    ),
    "a network for a gateway": (
        lambda s: write(s, GATE, "10.0.0.255\n"),
        [f"{GATE}:1: mygate: 10.0.0.255 is a network or broadcast address; name the router"],
    ),
    "a gateway that cannot be": (
        lambda s: write(s, GATE, "127.0.0.1\n"),
        [
            (
                f"{GATE}:1: mygate: {MUST}, so it cannot begin with 0, 127 or 224 to 255, "
                "is '127.0.0.1'"
            )
        ],
    ),
    "a gateway with a prefix": (
        lambda s: write(s, GATE, "10.0.0.1/24\n"),
        [
            (
                f"{GATE}:1: mygate: must be an IPv4 or IPv6 address such as 10.0.0.1 or "
                "10.0.0.1/24, is '10.0.0.1/24'"
            )
        ],
    ),
    "no gateway": (lambda s: write(s, GATE, "\n"), [f"{GATE}: must be one line with one address"]),
    "a gateway in rc.conf": (
        lambda s: write(s, SETTINGS, "defaultroute=10.1.0.1\n"),
        [
            (
                f"{SETTINGS}:1: defaultroute: 10.1.0.1 is not in a network of nfs, which has "
                "10.0.0.31/24; name a router that it can reach"
            )
        ],
    ),
    # hosts
    "hosts against server.conf": (
        lambda s: write(s, HOSTS, (s / HOSTS).read_text().replace("10.0.0.31", "10.0.0.39")),
        [
            f"{HOSTS}:7: {name} is 10.0.0.39 here, but 10.0.0.31 in {NFS}:2; use the same address "
            f"in both"
            for name in ("nfs", "nfs.example.net")
        ],
    ),
    "a name with two addresses": (
        lambda s: (hosts(s, "10.0.0.90 www"), hosts(s, "10.0.0.91\tWWW # b")),
        [f"{HOSTS}:11: www is 10.0.0.91 here, but 10.0.0.90 in line 10; give the name one address"],
    ),
    "a machine with two addresses": (
        lambda s: hosts(s, "10.0.0.90 sql"),
        [
            (
                f"{HOSTS}:10: sql is 10.0.0.90 here, but 10.0.0.32 in vservers/sql/server.conf:2; "
                "use the same address in both"
            )
        ],
    ),
    "localhost elsewhere": (
        lambda s: hosts(s, "10.0.0.90 localhost"),
        [f"{HOSTS}:10: localhost is 10.0.0.90 here; it must be 127.0.0.1 or ::1"],
    ),
    "an octal address in hosts": (
        lambda s: hosts(s, "10.0.0.090 www"),
        [
            (
                f"{HOSTS}:10: must begin with an IPv4 or IPv6 address such as 10.0.0.1 or "
                "10.0.0.1/24, begins with '10.0.0.090'"
            )
        ],
    ),
    "an address without a name": (
        lambda s: hosts(s, "10.0.0.90"),
        [f"{HOSTS}:10: 10.0.0.90 has no name"],
    ),
    "a name that cannot be": (
        lambda s: hosts(s, "10.0.0.90 w$w"),
        [f"{HOSTS}:10: 'w$w' is not a host name: use letters, digits, - and _ between dots"],
    ),
    "hosts of one server": (
        lambda s: (
            remove(s, "vservers/nfs/etc/hosts"),
            write(s, "vservers/nfs/etc/hosts", "10.0.0.9 sql\n"),
        ),
        [
            (
                "vservers/nfs/etc/hosts:1: sql is 10.0.0.9 here, but 10.0.0.32 in "
                "vservers/sql/server.conf:2; use the same address in both"
            )
        ],
    ),
    "hosts by another name": (
        lambda s: (
            write(s, "global/hosts.lan", "10.0.0.9 sql\n"),
            link(s, "vservers/nfs/etc/hosts", "/config/global/hosts.lan"),
        ),
        [
            (
                "global/hosts.lan:1: sql is 10.0.0.9 here, but 10.0.0.32 in "
                "vservers/sql/server.conf:2; use the same address in both"
            )
        ],
    ),
    # the resolver
    "a name server by name": (
        lambda s: write(s, RESOLVER, "nameserver ns.example.net\n"),
        [f"{RESOLVER}:1: nameserver: must be one address, is 'ns.example.net'"],
    ),
    "a slip of the pen": (
        lambda s: write(s, RESOLVER, "nameservr 10.0.0.1\n"),
        [f"{RESOLVER}:1: nameservr: unknown keyword; did you mean nameserver?"],
    ),
    # fstab
    "a disk that is not there": (
        lambda s: write(s, FSTAB, "/dev/xbd3d /x ffs rw 1 2\n"),
        [
            (
                f"{FSTAB}:1: /dev/xbd3d: nfs has the disks xbd0 to xbd2, {ALPHA}/domUs/nfs; "
                "docs/roles.md explains their order"
            )
        ],
    ),
    "a place twice": (
        lambda s: write(s, FSTAB, "kernfs /x kernfs rw\n# y\nptyfs /x ptyfs rw\n"),
        [f"{FSTAB}:3: /x is also mounted by {FSTAB}:1; keep one of them"],
    ),
    "the place of the mirror": (
        lambda s: write(s, FSTAB, "tmpfs /export tmpfs rw\n"),
        [(f"{FSTAB}:1: /export is also mounted by vservers/nfs/storage.conf:5; keep one of them")],
    ),
    "too few words": (
        lambda s: write(s, FSTAB, "kernfs /kern kernfs\n"),
        [f"{FSTAB}:1: must be device, mount point, type, options, and two numbers"],
    ),
    "no option that says what it is": (
        lambda s: write(s, FSTAB, "/dev/xbd1e /x ffs noatime,log 1 2\n"),
        [
            (
                f"{FSTAB}:1: has none of the options rw, ro, sw and xx; without one, NetBSD "
                "ignores the line"
            )
        ],
    ),
    "swap that is none": (
        lambda s: write(s, FSTAB, "/dev/xbd2b none swap rw 0 0\n"),
        [(f"{FSTAB}:1: is no swap with the option rw; swapctl(8) takes lines with the option sw")],
    ),
    "no place": (
        lambda s: write(s, FSTAB, "kernfs kern kernfs rw\n"),
        [f"{FSTAB}:1: must be mounted on an absolute path, is 'kern'"],
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place(site: Path, name: str) -> None:
    edit, expected = MISTAKES[name]
    edit(site)
    assert told(site) == sorted(expected)
