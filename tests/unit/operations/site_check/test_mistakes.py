"""Each mistake in a site is reported once, with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.machines.sites import (
    ALPHA,
    BETA,
    NFS,
    STORAGE,
    TARGET,
    check,
    copy,
    drop,
    put,
    told,
    write,
)

from buildlib.operations.site_check.check import IMAGE_KEY

Edit = Callable[[Path], object]

MISTAKES: dict[str, tuple[Edit, list[str]]] = {
    # values
    "unknown key": (
        lambda s: put(s, f"{BETA}/host.conf", adress="10.0.0.99"),
        [f"{BETA}/host.conf:8: adress: unknown key; did you mean address?"],
    ),
    "missing key": (
        lambda s: drop(s, f"{BETA}/host.conf", "address"),
        [f"{BETA}/host.conf: address: missing"],
    ),
    "number": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", vcpus="two", memory="010"),
        [
            f"{ALPHA}/domUs/nfs:3: memory: must be a whole number from 1 to 999999999, is '010'",
            f"{ALPHA}/domUs/nfs:4: vcpus: must be a whole number from 1 to 32, is 'two'",
        ],
    ),
    "MAC": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", mac="00:16:3e:00:00"),
        [
            (
                f"{ALPHA}/domUs/nfs:5: mac: must be six pairs of hexadecimal digits, such as "
                "00:16:3e:00:00:01, is '00:16:3e:00:00'"
            )
        ],
    ),
    "MAC of a group": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", mac="01:16:3e:00:00:01"),
        [
            (
                f"{ALPHA}/domUs/nfs:5: mac: must be the address of a single interface, not a group "
                "address or all zeros, is '01:16:3e:00:00:01'"
            )
        ],
    ),
    "address": (
        lambda s: put(s, NFS, address="10.0.0.256"),
        [
            (
                f"{NFS}:2: address: must be an IPv4 or IPv6 address such as 10.0.0.1 or "
                "10.0.0.1/24, is '10.0.0.256'"
            )
        ],
    ),
    "prefix length": (
        lambda s: put(s, NFS, address="10.0.0.31/33"),
        [
            (
                f"{NFS}:2: address: must be a prefix length from 0 to 32 after the /, "
                "is '10.0.0.31/33'"
            )
        ],
    ),
    "yes or no": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", autostart="true"),
        [f"{ALPHA}/domUs/nfs:10: autostart: must be yes or no, is 'true'"],
    ),
    "syntax": (
        lambda s: put(s, NFS, address="$(reboot)"),
        [f"{NFS}:2: address: '$' has a meaning for the shell; write address='…'"],
    ),
    # repeated values
    "MAC twice": (
        lambda s: put(s, f"{BETA}/domUs/sql", mac="00:16:3E:00:00:31"),
        [f"{BETA}/domUs/sql:5: mac: 00:16:3e:00:00:31 is also nfs's, {ALPHA}/domUs/nfs:5"],
    ),
    "address twice": (
        lambda s: put(s, "vservers/sql/server.conf", address="10.0.0.11/16"),
        [
            f"vservers/sql/server.conf:2: address: 10.0.0.11 is also alpha's, {ALPHA}/host.conf:4",
            (
                "vservers/sql/etc/ifconfig.xennet0:2: inet: 10.0.0.32/24, but "
                "vservers/sql/server.conf:2 says 10.0.0.11/16; use the same address in both"
            ),
        ],
    ),
    "address twice, IPv6": (
        lambda s: (
            put(s, NFS, address="fd00:0::1"),
            put(s, "vservers/sql/server.conf", address="fd00::0:1/64"),
        ),
        [f"vservers/sql/server.conf:2: address: fd00::1 is also nfs's, {NFS}:2"],
    ),
    "host name twice": (
        lambda s: put(s, "vservers/sql/server.conf", hostname="nfs.example.net"),
        [
            f"vservers/sql/server.conf:3: hostname: nfs.example.net is also nfs's, {NFS}:3",
            (
                "vservers/sql/etc/myname:1: myname: sql.example.net, but according to "
                "vservers/sql/server.conf:3 it is nfs.example.net; use the same name in both"
            ),
        ],
    ),
    "name of a host": (
        lambda s: (
            (s / "vservers/packages").rename(s / "vservers/alpha"),
            (s / ALPHA / "domUs/packages").rename(s / ALPHA / "domUs/alpha"),
        ),
        ["vservers/alpha: alpha is also a host, pservers/alpha; rename one of them"],
    ),
    "disk twice": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", swap_disk="/dev/wd0e"),
        [f"{ALPHA}/domUs/storage-a:7: config_disk: /dev/wd0e is also nfs's, {ALPHA}/domUs/nfs:8"],
    ),
    "disk twice in one domU": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", swap_disk="/dev/wd0g,w"),
        [f"{ALPHA}/domUs/nfs:8: swap_disk: /dev/wd0g is also config_disk's, {ALPHA}/domUs/nfs:7"],
    ),
    "volume twice": (
        lambda s: put(s, STORAGE, volume1=f'"10.0.0.21:3260 {TARGET}1"'),
        [
            (
                f"vservers/sql/storage.conf:2: volume1: {TARGET}1 of storage-a is also nfs's, "
                f"{STORAGE}:2"
            )
        ],
    ),
    # hosts and domUs
    "memory": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", memory="8000"),
        [
            (
                f"{ALPHA}/host.conf:2: memory: 8192 MB, but Xen (256), dom0 (1024) and 3 "
                "autostarted domUs (9618) take 10898; move a domU, or set its autostart=no"
            )
        ],
    ),
    "memory of one that is started by hand": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", memory="8000", autostart="no"),
        [
            (
                f"{ALPHA}/domUs/nfs:3: memory: 8000 MB take 8066 with Xen's tables, but alpha has "
                "6912 left beside Xen and dom0"
            )
        ],
    ),
    "bridge": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", bridge="bridge1"),
        [f"{ALPHA}/domUs/nfs:6: bridge: alpha has no bridge1; it has bridge0"],
    ),
    "no store for images": (
        lambda s: (
            write(s, f"{ALPHA}/{IMAGE_KEY}", "key"),
            put(s, f"{ALPHA}/host.conf", image_url="http://10.0.0.5/images"),
        ),
        [f"{ALPHA}/host.conf:8: image_url: image_store, the folder to fetch into, is not set"],
    ),
    "no key for images": (
        lambda s: put(
            s, f"{ALPHA}/host.conf", image_store="/var/images", image_url="rsync://images:8730/v"
        ),
        [
            (
                f"{ALPHA}/host.conf:9: image_url: alpha has no {IMAGE_KEY} to verify signatures "
                "with; docs/images.md explains how to make it"
            )
        ],
    ),
    "a store on the CD": (
        lambda s: put(s, f"{ALPHA}/host.conf", image_store="/images/store"),
        [
            (
                f"{ALPHA}/host.conf:8: image_store: /images/store is on the CD, like image_dir; "
                "name a folder on a disk"
            )
        ],
    ),
    "no URL": (
        lambda s: put(s, f"{ALPHA}/host.conf", image_url="'http://images/a b'"),
        [
            (
                f"{ALPHA}/host.conf:8: image_url: must be an http://, https:// or rsync:// URL of "
                "a folder, is 'http://images/a b'"
            )
        ],
    ),
    "two hosts": (
        lambda s: copy(s, f"{ALPHA}/domUs/packages", f"{BETA}/domUs/packages"),
        [
            (
                f"{BETA}/domUs/packages:11: packages also starts automatically on alpha, "
                f"{ALPHA}/domUs/packages; set autostart=no on one of them"
            )
        ],
    ),
    "no server": (
        lambda s: (s / ALPHA / "domUs/packages").rename(s / ALPHA / "domUs/package"),
        [f"{ALPHA}/domUs/package: vservers/package does not exist; did you mean packages?"],
    ),
    "image": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", image="bas.ffs"),
        [f"{ALPHA}/domUs/nfs:2: image: there is no bas.ffs; did you mean base.ffs?"],
    ),
    "image of another recipe": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", image="pkgrepo.ffs"),
        [f"{ALPHA}/domUs/nfs:2: image: pkgrepo.ffs, but the recipe of nfs is nfs, {NFS}:4"],
    ),
    "kernel": (
        lambda s: put(s, f"{ALPHA}/domUs/nfs", kernel="GENERIC"),
        [
            (
                f"{ALPHA}/domUs/nfs:11: kernel: there is no GENERIC; "
                "known: XEN3_DOMU_OLD, XEN3_DOMU_RO"
            )
        ],
    ),
    "recipe": (
        lambda s: put(s, NFS, recipe="bass"),
        [f"{NFS}:4: recipe: there is no bass; did you mean base?"],
    ),
    # mirrors
    "one storage server": (
        lambda s: put(s, STORAGE, volume2='"10.0.0.21:3260 other"'),
        [f"{STORAGE}:3: volume2: both halves are on storage-a; use another storage server"],
    ),
    "storage servers on one host": (
        lambda s: (
            put(
                s,
                f"{BETA}/domUs/storage-b",
                config_disk="/dev/wd0k",
                swap_disk="/dev/wd0l",
                disk1="/dev/wd3d",
            ),
            (s / BETA / "domUs/storage-b").rename(s / ALPHA / "domUs/storage-b"),
        ),
        [
            f"vservers/{name}/storage.conf:3: volume2: storage-a and storage-b both run on the "
            "host alpha; use a storage server on another host"
            for name in ("nfs", "sql")
        ],
    ),
    "no storage server": (
        lambda s: put(s, STORAGE, volume2='"storage-c x"'),
        [f"{STORAGE}:3: volume2: there is no server storage-c; did you mean storage-b?"],
    ),
    "half a mirror": (lambda s: drop(s, STORAGE, "volume2"), [f"{STORAGE}: volume2: missing"]),
    "volume without target": (
        lambda s: put(s, STORAGE, volume2="storage-b"),
        [
            (
                f"{STORAGE}:3: volume2: must be a storage server and one of its targets, "
                "\"storage-a web\", is 'storage-b'"
            )
        ],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place(site: Path, name: str) -> None:
    edit, expected = MISTAKES[name]
    edit(site)
    assert told(site) == sorted(expected)


def test_all_mistakes_at_once(site: Path) -> None:
    """Sorted by file and line, each with a reason."""
    put(site, NFS, recipe="bass", address="no")
    put(site, f"{ALPHA}/host.conf", memory="100", mac="x")
    put(site, STORAGE, volume2='"storage-a x"')
    problems = check(site)
    assert [(item.file, item.line, item.reason) for item in problems] == [
        (f"{ALPHA}/host.conf", 2, "memory"),
        (f"{ALPHA}/host.conf", 5, "value"),
        (NFS, 2, "value"),
        (NFS, 4, "unknown-recipe"),
        (STORAGE, 3, "one-server"),
    ]
