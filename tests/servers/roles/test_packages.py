"""Roles of domUs: the package server, which is NIS master too, and its clients."""

from __future__ import annotations

import pytest
from support.machines.roles import NIS, PKGCHK_CONF, PROGRAM, SOURCES, Make, log, ran, start
from support.simulator import Server


def test_clients_of_nis(make: Make) -> None:
    server = make("base", NIS)
    boot = start(server)
    assert ran(boot, "rpcbind", "ypbind", "ypserv") == ["rpcbind", "ypbind"]
    assert server.run("/bin/cat", "/var/yp/binding/example.ypservers").stdout == "packages\n"
    assert "passwd:\t\tfiles nis" in server.run("/bin/cat", "/etc/nsswitch.conf").stdout


def test_a_lost_nis_server_does_not_stop_the_boot(make: Make) -> None:
    """NetBSD's ypbind stays in the foreground until a server answers: seen on a running one."""
    rc_conf = f"{SOURCES}ypbind_wait=1\n"
    server = make("base", {**NIS, "local/etc/rc.conf": rc_conf})
    waits = server.root / "usr/sbin/ypbind"
    waits.write_text(PROGRAM + "exec /host/bin/sleep 60\n")
    boot = start(server)
    assert ran(boot, "rpcbind", "ypbind") == ["rpcbind", "ypbind"]
    assert "no NIS server answers; going on without it." in boot.console


MAKEDBM = """\
#!/bin/sh
. /sim/common.sh
log "$@"
[ "$1 $3" = "-m -" ] || fail usage
cat >"$4.db"
"""


def pkgrepo(make: Make, files: dict[str, str]) -> Server:
    server = make("pkgrepo", files)
    (server.root / "usr/sbin/makedbm").write_text(MAKEDBM)
    return server


def test_the_package_server_is_nis_master(make: Make) -> None:
    server = pkgrepo(make, NIS)
    boot = start(server)
    assert ran(boot, "ypserv", "makedbm") == ["makedbm"] * 4 + ["ypserv"], "maps come first"
    maps = server.root / "var/yp/example"
    assert (maps / "passwd.byuid.db").read_text().splitlines() == [
        "2001\tweb:*:2001:2001:web:/home/web:/bin/sh",
        "2002\tbackup:*:2002:2002:b:/:/bin/sh",
    ]
    assert (maps / "group.byname.db").read_text() == "web\tweb:*:2001:\n"


@pytest.mark.parametrize("line", ["web:*:2003:1:::\n", "www:*:2001:1:::\n"])
def test_a_number_that_two_users_have_is_told(make: Make, line: str) -> None:
    server = pkgrepo(make, {**NIS, "global/nis/passwd": NIS["global/nis/passwd"] + line})
    boot = start(server)
    assert "nis/passwd has a name or a number twice" in boot.console
    assert not boot.calls_of("makedbm")


def test_the_package_server_serves_by_http(make: Make) -> None:
    """By base's httpd, as its own user; a new disk for packages has no folder yet."""
    server = pkgrepo(make, {"local/etc/fstab": "/dev/xbd2d /packages ffs rw 1 2\n"})
    server.file_system("p", {})
    server.disk("xbd2", {"d": "p"})
    boot = start(server)
    assert boot.calls_of("httpd") == ["httpd -X -U _httpd -b /packages/public"]
    assert not boot.calls_of("ypserv", "makedbm")


def test_without_its_disk_the_package_server_says_what_is_missing(make: Make) -> None:
    boot = start(pkgrepo(make, {"local/etc/myname": "x\n"}))
    assert "/packages/public is not a directory." in boot.console
    assert not boot.calls_of("httpd")


CHROOT = """\
#!/bin/sh
. /sim/common.sh
log "$@"
cd "$1" && cp limited_list /sim/limited_list
[ ! -e /sim/pbulk-fails ] || fail "pbulk"
mkdir -p packages/All bulklog/meta
echo 1 >packages/All/rsync-3.4.1.tgz
[ ! -s /sim/presolve ] || cp /sim/presolve bulklog/meta/presolve
cp /sim/success bulklog/meta/success
"""


@pytest.fixture
def bulk(make: Make) -> Server:
    server = pkgrepo(
        make,
        {"global/pkgchk.conf": PKGCHK_CONF, "local/etc/fstab": "/dev/xbd2d /packages ffs rw 1 2\n"},
    )
    bulkbuild = "sandbox/usr/pbulk/bin/bulkbuild"
    server.file_system("p", {bulkbuild: "", "public/old/All/x": "old\n"})
    (server.sim / "fs/p" / bulkbuild).chmod(0o755)
    (server.sim / "fs/p/public/current").symlink_to("old")
    server.disk("xbd2", {"d": "p"})
    (server.root / "usr/sbin/chroot").write_text(CHROOT)
    (server.root / "usr/sbin/chroot").chmod(0o755)
    server.write("presolve", "PKGNAME=rsync-3.4.1\nPKGNAME=apache-2.4\n")
    server.write("success", "apache-2.4\nrsync-3.4.1\n")
    start(server)
    return server


def build(server: Server) -> tuple[int, str, str]:
    """Status and words of goldmaster-bulk, and what is served then."""
    done = server.run("/bin/sh", "/usr/sbin/goldmaster-bulk")
    served = server.run("/bin/sh", "-c", "ls /packages/public/current/All").stdout
    return done.returncode, done.stdout, served


def test_every_package_of_pkgchk_conf_is_built_and_served(bulk: Server) -> None:
    status, text, served = build(bulk)
    assert status == 0, text
    assert (bulk.sim / "limited_list").read_text().split() == [
        "net/rsync",
        "www/apache24",
        "databases/postgresql17-server",
    ]
    assert served == "rsync-3.4.1.tgz\n"
    assert "are served" in text
    (call,) = [call for call in log(bulk) if call.startswith("chroot")]
    assert call.split() == [
        "chroot", "/packages/sandbox", "env", "PACKAGES=/packages", "WRKOBJDIR=/tmp",
        "/usr/pbulk/bin/bulkbuild",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("success", "rsync-3.4.1\n", "not built: apache-2.4"),
        ("success", "", "pbulk built nothing"),
        (
            "presolve",
            "",
            "the lists that pbulk left in /packages/sandbox/bulklog/meta cannot",
        ),
        ("pbulk-fails", "", "pbulk failed"),
    ],
)
def test_what_is_served_stays_when_a_build_fails(
    bulk: Server, file: str, content: str, why: str
) -> None:
    bulk.write(file, content)
    status, text, served = build(bulk)
    assert status != 0
    assert why in text
    assert served == "x\n"
