"""Roles of domUs: packages are checked at boot."""

from __future__ import annotations

import pytest
from support.machines.roles import PKGCHK_CONF, SOURCES, Make, start
from support.simulator import Boot, Server

PKG_CHK = """\
#!/bin/sh
. /sim/common.sh
log "$@"
[ -z "$PKG_DBDIR" ] || echo "its packages are in $PKG_DBDIR"
exec 2>&1
[ ! -e /sim/repository-hangs ] || exec /host/bin/sleep 1000
[ ! -e /sim/repository-lost ] || fail "cannot fetch"
"""


def checking(make: Make, conf: str, **files: str) -> tuple[Server, Boot]:
    """A boot with these settings of pkgchk, and a disk for packages."""
    server = make(
        "pkgrepo",
        {
            "local/etc/pkg_install.conf": "PKG_DBDIR=/usr/pkg/pkgdb\n",
            "local/etc/rc.conf": SOURCES + conf,
            "local/etc/fstab": "/dev/xbd2d /pkg ffs rw 1 2\n/pkg /usr/pkg union rw,noauto 0 0\n",
            **{
                path.replace("__", "/").replace("_conf", ".conf"): text
                for path, text in files.items()
            },
        },
    )
    for name, text in (("pkg_chk", PKG_CHK),):
        path = server.root / "usr/pkg/sbin" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    server.file_system("pkg", {})
    server.disk("xbd2", {"d": "pkg"})
    return server, start(server)


URL = "pkgchk=YES pkgchk_url=http://packages/current/All\n"


def test_packages_are_checked_when_configured(make: Make) -> None:
    _, boot = checking(make, URL, global__pkgchk_conf=PKGCHK_CONF)
    assert boot.calls_of("pkg_chk") == [
        "pkg_chk -b -a -u -k -P http://packages/current/All -C /config/global/pkgchk.conf"
    ]
    assert "its packages are in /usr/pkg/pkgdb" in boot.console
    assert "packages are as they should be." in boot.console
    calls = [call.split()[0] for call in boot.calls]
    assert calls.index("pkg_chk") > calls.index("pkg_admin"), "after the disk for packages"


def test_packages_are_not_checked_when_not_configured(make: Make) -> None:
    _, boot = checking(make, "", global__pkgchk_conf=PKGCHK_CONF)
    assert not boot.calls_of("pkg_chk")


def test_the_servers_own_list_comes_first(make: Make) -> None:
    _, boot = checking(make, URL, global__pkgchk_conf="a/b\n", local__pkgchk_conf="c/d\n")
    assert boot.calls_of("pkg_chk")[0].endswith("-C /config/local/pkgchk.conf")


@pytest.mark.parametrize(
    ("conf", "why"),
    [
        ("pkgchk=YES\n", "pkgchk_url is not set"),
        (URL, "neither /config/local nor /config/global has a pkgchk.conf"),
    ],
)
def test_a_half_configured_check_is_told(make: Make, conf: str, why: str) -> None:
    _, boot = checking(make, conf)
    assert why in boot.console
    assert not boot.calls_of("pkg_chk")


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("repository-lost", "PACKAGES ARE NOT AS THEY SHOULD BE: does http://packages"),
        ("repository-hangs", "PACKAGES: NOT DONE AFTER 1 SECONDS, going on."),
    ],
)
def test_a_lost_repository_does_not_stop_the_boot(make: Make, trouble: str, told: str) -> None:
    server = make(
        "pkgrepo",
        {
            "local/etc/rc.conf": f"{SOURCES}{URL}pkgchk_limit=1\n",
            "global/pkgchk.conf": "a/b\n",
            "local/etc/fstab": "/dev/xbd2d /pkg ffs rw 1 2\n/pkg /usr/pkg union rw,noauto 0 0\n",
        },
    )
    path = server.root / "usr/pkg/sbin/pkg_chk"
    path.parent.mkdir(parents=True)
    path.write_text(PKG_CHK)
    path.chmod(0o755)
    server.file_system("pkg", {})
    server.disk("xbd2", {"d": "pkg"})
    server.write(trouble, "")
    boot = start(server)
    assert told in boot.console
    assert "cron" not in boot.calls, "as rc.conf says"
    assert boot.console.count("UTC") == 2, "rc came to its end"
