"""What domUs are for: storage, NFS, SQL, packages, and NIS for all of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.scratch import PROJECT
from support.simulator import MARKER, RECIPES, Boot, Server
from support.simulator.storage import SERIAL, Storage
from support.waiting import until

from buildlib.sources.siteexample import write_example

Make = Callable[..., Server]
STORAGE_CONF = f'volume1="a t"\nvolume2="b t"\nmount={{mount}}\nserial={SERIAL}\n'
QUICK = "mirror_wait={wait} mirror_patience=0 mirror_interval=0.05 mirror_poll=0.02\n"
SOURCES = ". /etc/defaults/rc.conf\n. /etc/defaults/rc.image.conf\ncron=NO inetd=NO syslogd=NO\n"
# Programs that a role starts; here they say that they were.
PROGRAMS = ("usr/sbin/rpcbind", "usr/sbin/mountd", "usr/sbin/nfsd", "usr/sbin/iscsi-target",
            "usr/sbin/ypserv", "usr/sbin/ypbind", "usr/sbin/cron", "usr/sbin/inetd",
            "usr/sbin/syslogd", "usr/pkg/bin/pg_ctl", "usr/pkg/libexec/bozohttpd",
            "usr/sbin/makedbm")
PROGRAM = '#!/bin/sh\n. /sim/common.sh\nlog "$@"\n'


@pytest.fixture(params=["dash", "mksh"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[Server] = []

    def server(role: str, files: dict[str, str]) -> Server:
        new = Server(tmp_path / "server", recipe=f"domu/{role}", shell=request.param)
        made.append(new)
        for name in PROGRAMS:
            path = new.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PROGRAM)
            path.chmod(0o755)
        awk = Path(shutil.which("awk") or "awk").resolve()  # an alternative: a link into /etc
        (new.root / "usr/bin/awk").symlink_to(f"/host/bin/{awk.name}")
        new.programs("timeout")
        new.file_system("root", {})
        new.file_system("c", {MARKER: "", **files})
        new.disk("xbd0", {"a": "root"})
        new.disk("xbd1", {"a": "c"})
        return new

    yield server
    for new in made:
        pid = new.root / "var/run/goldmaster/mirror/pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)
        new.__exit__()


def start(server: Server) -> Boot:
    boot = server.boot("autoboot")
    assert boot.status == 0, boot.console
    return boot


def log(server: Server) -> list[str]:
    return (server.sim / "log").read_text().splitlines()


def ran(boot: Boot, *programs: str) -> list[str]:
    return [call.split()[0] for call in boot.calls_of(*programs)]


@pytest.mark.parametrize("role", ["base", "storage", "nfs", "sql", "pkgrepo"])
def test_every_role_is_a_recipe_on_the_cd(role: str) -> None:
    recipe = tomllib.loads((RECIPES / f"domu/{role}.toml").read_text())
    assert recipe["overlays"][:2] == ["server/overlay", "domu/base/overlay"]
    assert all((RECIPES / overlay).is_dir() for overlay in recipe["overlays"])
    assert role in tomllib.loads((RECIPES / "dom0.toml").read_text())["domus"]
    known = {tomllib.loads(path.read_text())["pkgpath"]
             for path in (PROJECT / "sets/mini/packages").glob("*/package.toml")}
    assert set(recipe.get("packages", ())) <= known


def test_the_image_needs_no_rc_conf_of_the_server(make: Make) -> None:
    server = make("base", {"local/etc/myname": "x\n"})
    boot = start(server)
    assert "cron" in ran(boot, "cron")
    assert not boot.calls_of("rpcbind", "ypbind", "mountd")
    powerd = server.run("/bin/sh", "-c", ". /etc/rc.conf; echo $powerd").stdout
    assert powerd == "YES\n", "xl shutdown would cut the power"


def test_storage(make: Make) -> None:
    server = make("storage", {"local/etc/iscsi/targets": "extent0 /dev/rxbd2d 0 1GB\n"})
    assert ran(start(server), "iscsi-target") == ["iscsi-target"]
    assert "extent0" in server.run("/bin/cat", "/etc/iscsi/targets").stdout


def nfs(make: Make, *, wait: int) -> tuple[Server, Storage]:
    server = make("nfs", {
        "local/etc/rc.conf": SOURCES + QUICK.format(wait=wait),
        "local/etc/exports": "/export -network 10.0.0.0\n",
        "local/storage.conf": STORAGE_CONF.format(mount="/export")})
    storage = Storage(server)
    storage.mirror()
    return server, storage


def test_volumes_of_the_example_do_not_overlap(tmp_path: Path) -> None:
    """NetBSD's target reads the start as bytes, without a unit: seen on a running one."""
    write_example(tmp_path / "site")
    targets = (tmp_path / "site/vservers/storage-a/etc/iscsi/targets").read_text()
    extents = re.findall(r"^extent\d\s+/dev/rxbd3d\s+(\S+)\s+(\d+)GB$", targets, re.MULTILINE)
    end = 0
    for start, size in extents:
        assert int(start) == end
        end += int(size) << 30
    assert len(extents) == 2


def test_nfs_serves_what_is_on_the_mirror(make: Make) -> None:
    server, _ = nfs(make, wait=8)
    boot = start(server)
    calls = list(boot.calls)
    order = [calls.index(call) for call in
             ("mount -t ffs /dev/raid0d /export", "mountd", "nfsd")]
    assert order == sorted(order)
    assert ran(boot, "rpcbind") == ["rpcbind"]


def test_nfs_without_its_data_starts_when_that_comes(make: Make) -> None:
    server, storage = nfs(make, wait=0)
    storage.lose("a", "b")
    boot = start(server)
    assert ran(boot, "rpcbind", "mountd", "nfsd") == ["rpcbind"], "no data, nothing to serve"
    storage.restore("a", "b")
    until(lambda: "nfsd" in log(server), 20)
    calls = log(server)
    assert calls.index("mount -t ffs /dev/raid0d /export") < calls.index("mountd")
    assert calls.index("mountd") < calls.index("nfsd")
    assert calls.count("nfsd") == 1


def sql(make: Make) -> tuple[Server, Storage]:
    server = make("sql", {
        "local/etc/rc.conf": SOURCES + QUICK.format(wait=8),
        "local/storage.conf": STORAGE_CONF.format(mount="/data")})
    return server, Storage(server)


def test_sql_makes_its_database_on_an_empty_mirror(make: Make) -> None:
    server, storage = sql(make)
    storage.mirror()
    boot = start(server)
    assert boot.calls_of("pg_ctl") == ["pg_ctl init -D /data/data", "pg_ctl start -D /data/data"]
    calls = list(boot.calls)
    assert calls.index("mount -t ffs /dev/raid0d /data") < calls.index("pg_ctl init -D /data/data")


def test_sql_finds_its_database(make: Make) -> None:
    server, storage = sql(make)
    storage.mirror()
    for name in "ab":
        (storage.volume(name) / "data/data/base").mkdir(parents=True)
    assert start(server).calls_of("pg_ctl") == ["pg_ctl start -D /data/data"]


def test_sql_makes_no_database_beside_its_mirror(make: Make) -> None:
    server, storage = sql(make)
    storage.mirror(state="hopeless")
    boot = start(server)
    assert not boot.calls_of("pg_ctl")


NIS = {
    "local/etc/defaultdomain": "example\n",
    "local/etc/ypservers": "packages\n",
    "global/nis/passwd": "web:*:2001:2001:web:/home/web:/bin/sh\nbackup:*:2002:2002:b:/:/bin/sh\n",
    "global/nis/group": "web:*:2001:\n",
}


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
        "2001\tweb:*:2001:2001:web:/home/web:/bin/sh", "2002\tbackup:*:2002:2002:b:/:/bin/sh"]
    assert (maps / "group.byname.db").read_text() == "web\tweb:*:2001:\n"


@pytest.mark.parametrize("line", ["web:*:2003:1:::\n", "www:*:2001:1:::\n"])
def test_a_number_that_two_users_have_is_told(make: Make, line: str) -> None:
    server = pkgrepo(make, {**NIS, "global/nis/passwd": NIS["global/nis/passwd"] + line})
    boot = start(server)
    assert "nis/passwd has a name or a number twice" in boot.console
    assert not boot.calls_of("makedbm")


def test_the_package_server_serves_by_http(make: Make) -> None:
    server = pkgrepo(make, {"local/etc/myname": "x\n"})
    boot = start(server)
    assert boot.calls_of("bozohttpd") == ["bozohttpd -b /packages/public"]
    assert not boot.calls_of("ypserv", "makedbm")


PKGCHK_CONF = """\
# of the fleet
web = alpha beta
net/rsync
www/apache24   web   # for some
databases/postgresql17-server sql -nfs
"""
CHROOT = """\
#!/bin/sh
. /sim/common.sh
log "$@"
cd "$1" && cp limited_list /sim/limited_list
[ ! -e /sim/pbulk-fails ] || fail "pbulk"
mkdir -p packages/All bulklog/meta
echo 1 >packages/All/rsync-3.4.1.tgz
cp /sim/presolve bulklog/meta/presolve
cp /sim/success bulklog/meta/success
"""


@pytest.fixture
def bulk(make: Make) -> Server:
    server = pkgrepo(make, {"global/pkgchk.conf": PKGCHK_CONF,
                            "local/etc/fstab": "/dev/xbd2d /packages ffs rw 1 2\n"})
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
    assert server.run("/bin/sh", "-c", "mount /packages").returncode == 0
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
        "net/rsync", "www/apache24", "databases/postgresql17-server"]
    assert served == "rsync-3.4.1.tgz\n"
    assert "are served" in text


def test_what_is_served_stays_when_a_package_fails(bulk: Server) -> None:
    bulk.write("success", "rsync-3.4.1\n")
    status, text, served = build(bulk)
    assert status != 0
    assert "not built: apache-2.4" in text
    assert served == "x\n"


def test_what_is_served_stays_when_pbulk_fails(bulk: Server) -> None:
    bulk.write("pbulk-fails", "")
    status, text, served = build(bulk)
    assert status != 0
    assert "pbulk failed" in text
    assert served == "x\n"


PKG_CHK = """\
#!/bin/sh
. /sim/common.sh
log "$@"
exec 2>&1
[ ! -e /sim/repository-hangs ] || exec /host/bin/sleep 1000
[ ! -e /sim/repository-lost ] || fail "cannot fetch"
"""


def checking(make: Make, conf: str, **files: str) -> tuple[Server, Boot]:
    """A boot with these settings of pkgchk, and a disk for packages."""
    server = make("pkgrepo", {
        "local/etc/rc.conf": SOURCES + conf,
        "local/etc/fstab": "/dev/xbd2d /pkg ffs rw 1 2\n/pkg /usr/pkg union rw,noauto 0 0\n",
        **{path.replace("__", "/").replace("_conf", ".conf"): text
           for path, text in files.items()}})
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
        "pkg_chk -b -a -u -k -P http://packages/current/All -C /config/global/pkgchk.conf"]
    assert "packages are as they should be." in boot.console
    calls = [call.split()[0] for call in boot.calls]
    assert calls.index("pkg_chk") > calls.index("pkg_admin"), "after the disk for packages"


def test_packages_are_not_checked_when_not_configured(make: Make) -> None:
    _, boot = checking(make, "", global__pkgchk_conf=PKGCHK_CONF)
    assert not boot.calls_of("pkg_chk")


def test_the_servers_own_list_comes_first(make: Make) -> None:
    _, boot = checking(make, URL, global__pkgchk_conf="a/b\n", local__pkgchk_conf="c/d\n")
    assert boot.calls_of("pkg_chk")[0].endswith("-C /config/local/pkgchk.conf")


@pytest.mark.parametrize(("conf", "why"), [
    ("pkgchk=YES\n", "pkgchk_url is not set"),
    (URL, "neither /config/local nor /config/global has a pkgchk.conf"),
])
def test_a_half_configured_check_is_told(make: Make, conf: str, why: str) -> None:
    _, boot = checking(make, conf)
    assert why in boot.console
    assert not boot.calls_of("pkg_chk")


@pytest.mark.parametrize(("trouble", "told"), [
    ("repository-lost", "PACKAGES ARE NOT AS THEY SHOULD BE: does http://packages"),
    ("repository-hangs", "PACKAGES: NOT DONE AFTER 1 SECONDS, going on."),
])
def test_a_lost_repository_does_not_stop_the_boot(make: Make, trouble: str, told: str) -> None:
    server = make("pkgrepo", {"local/etc/rc.conf": f"{SOURCES}{URL}pkgchk_limit=1\n",
                              "global/pkgchk.conf": "a/b\n",
                              "local/etc/fstab": "/dev/xbd2d /pkg ffs rw 1 2\n"
                              "/pkg /usr/pkg union rw,noauto 0 0\n"})
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


@pytest.mark.parametrize(("name", "runs"), [
    ("storage-a", {"iscsi-target"}), ("storage-b", {"iscsi-target"}),
    ("nfs", {"rpcbind", "ypbind", "mountd", "nfsd"}), ("sql", {"rpcbind", "ypbind", "pg_ctl"}),
    ("packages", {"rpcbind", "ypbind", "ypserv", "makedbm", "bozohttpd"}),
])
def test_the_example_of_a_site_boots(make: Make, tmp_path: Path, name: str, runs: set[str]) -> None:
    write_example(tmp_path / "site")
    folder = tmp_path / "site/vservers" / name
    role = re.search(r"recipe=(\w+)", (folder / "server.conf").read_text())
    assert role
    server = make(role[1], {})
    for source, place in ((folder, "local"), (tmp_path / "site/global", "global")):
        shutil.copytree(source, server.sim / "fs/c" / place, symlinks=True)
    for disk in ("xbd2", "xbd3"):
        server.disk(disk)
    if (folder / "storage.conf").exists():
        volumes = re.findall(r'volume.="([^"]*)"', (folder / "storage.conf").read_text())
        a, b = (volume.replace(" ", ",") for volume in volumes)
        serial = subprocess.run(["cksum"], input=f"{volumes[0]} {volumes[1]}\n", text=True,
                                capture_output=True).stdout.split()[0]
        Storage(server, a=a, b=b).mirror(serial=int(serial[-9:]))
    boot = start(server)
    daemons = {"rpcbind", "ypbind", "mountd", "nfsd", "pg_ctl", "ypserv", "makedbm", "bozohttpd",
               "iscsi-target"}
    assert set(ran(boot, *daemons)) == runs, boot.console
    assert (server.sim / "swap").read_text() == "/dev/xbd2b\n"
    assert f"{name}.example.net" in server.run("/bin/cat", "/etc/hosts").stdout


def test_the_host_tool_that_limits_is_there() -> None:
    assert subprocess.run(["timeout", "1", "true"]).returncode == 0
