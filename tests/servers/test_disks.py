"""/var, /tmp and packages on a server's own disk, as its fstab says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import MARKER, Boot, Server

RC_CONF = ". /etc/defaults/rc.conf\nrc_configured=YES\ncron=NO inetd=NO syslogd=NO\nno_swap=YES\n"
ROOT = "/dev/cd0a / cd9660 ro 0 0\n"
VAR = "/dev/wd0f\t/var\tffs\trw\t1 2\n"
TMP = "/dev/wd0g /tmp ffs rw 1 2\n"
PKG = "/dev/wd0h /pkg ffs rw 1 2\n/pkg /usr/pkg union rw,noauto 0 0\n"
CD_PACKAGES = {"zstd-1.5.6": "rsync-3.4.1\n", "rsync-3.4.1": ""}


@pytest.fixture(params=["dash", "mksh"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", shell=request.param) as made:
        (made.root / "var/db").mkdir()
        (made.root / "var/db/things").write_text("of the CD\n")
        (made.root / "var/run/stale.pid").write_text("1\n")
        for name, dependants in CD_PACKAGES.items():
            folder = made.root / "usr/pkg/pkgdb" / name
            folder.mkdir(parents=True)
            (folder / "+CONTENTS").write_text(f"@name {name}\n")
            if dependants:
                (folder / "+REQUIRED_BY").write_text(dependants)
        yield made


def start(server: Server, fstab: str) -> Boot:
    """A boot with these lines in the fstab, to the end."""
    server.file_system("c", {MARKER: "", "local/etc/rc.conf": RC_CONF,
                             "local/etc/fstab": ROOT + fstab})
    server.disk("wd0", {"a": "c", "f": "var", "g": "tmp", "h": "pkg"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    return boot


def ask(server: Server, command: str) -> str:
    return server.run("/bin/sh", "-c", command).stdout


def test_an_empty_var_gets_the_folders_of_the_cd(server: Server) -> None:
    server.file_system("var", {})
    boot = start(server, VAR)
    assert (server.sim / "fs/var/db/things").read_text() == "of the CD\n"
    assert (server.sim / "fs/var/run").is_dir()
    assert not (server.sim / "fs/var/run/stale.pid").exists(), "NetBSD's rc cleared it"
    assert "cannot" not in boot.console
    assert "/var was already mounted" in boot.console
    assert ask(server, "echo x >/var/log/messages") == ""
    assert (server.sim / "fs/var/log/messages").read_text() == "x\n"
    assert ask(server, "ls /mnt") == ""


def test_what_is_on_the_disk_is_left(server: Server) -> None:
    server.file_system("var", {"db/things": "of the server\n", "mail/root": "hello\n"})
    start(server, VAR)
    assert ask(server, "cat /var/db/things /var/mail/root") == "of the server\nhello\n"
    assert ask(server, "echo x >/var/log/x; cat /var/log/x") == "x\n", "what was missing is there"


@pytest.mark.parametrize("state", ["gone", "hopeless"])
def test_a_damaged_var_is_told(server: Server, state: str) -> None:
    server.file_system("var", {"db/things": "of the server\n"}, state=state)
    boot = start(server, VAR)
    assert "goldmaster: /var CANNOT BE MOUNTED" in boot.console
    assert "in memory until the next boot" in boot.console
    assert ask(server, "echo x >/var/log/x; cat /var/log/x /var/db/things") == "x\nof the CD\n"
    assert (server.sim / "fs/var/db/things").read_text() == "of the server\n", "left as it is"


def test_a_second_start_leaves_var_alone(server: Server) -> None:
    server.file_system("var", {})
    start(server, VAR)
    boot = server.boot()
    assert "mount /var" not in boot.calls


def test_tmp_is_on_the_disk_and_everybodys(server: Server) -> None:
    server.file_system("tmp", {})
    boot = start(server, TMP)
    assert ask(server, "echo x >/tmp/x") == ""
    assert (server.sim / "fs/tmp/x").read_text() == "x\n"
    assert (server.sim / "fs/tmp").stat().st_mode & 0o7777 == 0o1777
    assert "tmpfs /tmp" not in " ".join(boot.calls)


def test_a_damaged_tmp_is_told(server: Server) -> None:
    server.file_system("tmp", {}, state="gone")
    boot = start(server, TMP)
    assert "/tmp CANNOT BE MOUNTED" in boot.console
    assert ask(server, "echo x >/tmp/x; cat /tmp/x") == "x\n"


def test_swap_is_where_the_fstab_says(server: Server) -> None:
    server.file_system("c", {MARKER: "", "local/etc/rc.conf": RC_CONF.replace("no_swap=YES", ""),
                             "local/etc/fstab": f"{ROOT}/dev/wd0b none swap sw 0 0\n"})
    server.disk("wd0", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert (server.sim / "swap").read_text() == "/dev/wd0b\n"


def test_packages_of_the_disk_lie_over_those_of_the_cd(server: Server) -> None:
    mine = {"pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n", "bin/mine": "mine\n"}
    server.file_system("pkg", mine)
    boot = start(server, PKG)
    assert ask(server, "ls /usr/pkg/pkgdb").split() == [
        "mine-1.0", "pkgdb.byfile.db", "rsync-3.4.1", "zstd-1.5.6"]
    assert ask(server, "cat /usr/pkg/bin/mine") == "mine\n"
    calls = [call for call in boot.calls if "pkg" in call]
    assert calls == ["mount /pkg", "mount /usr/pkg", "pkg_admin rebuild", "pkg_admin rebuild-tree"]
    # What pkg_add must change lies on the disk: a union does not copy it from the CD.
    assert (server.sim / "fs/pkg/pkgdb/zstd-1.5.6/+REQUIRED_BY").read_text() == "rsync-3.4.1\n"
    assert not (server.sim / "fs/pkg/pkgdb/rsync-3.4.1").exists()


def test_a_layer_that_fits_is_left_alone(server: Server) -> None:
    required = "pkgdb/zstd-1.5.6/+REQUIRED_BY"
    names = "".join(f"/usr/pkg/pkgdb/{name}/\n" for name in sorted(CD_PACKAGES))
    known = subprocess.run(["cksum"], input=names, capture_output=True, text=True).stdout
    server.file_system("pkg", {required: "rsync-3.4.1\nmine-1.0\n", ".goldmaster/packages": known})
    boot = start(server, PKG)
    assert "mount /usr/pkg" in boot.calls
    assert not boot.calls_of("pkg_admin")
    assert ask(server, f"cat /usr/pkg/{required}") == "rsync-3.4.1\nmine-1.0\n"


def test_another_cd_has_its_layer_renewed(server: Server) -> None:
    old = "pkgdb/gone-0.9/+REQUIRED_BY"
    server.file_system("pkg", {
        "pkgdb/pkgdb.byfile.db": "old", old: "x\n", ".goldmaster/packages": "1 2\n",
        ".goldmaster/copies": f"/pkg/{old}\n", "pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n",
    })
    boot = start(server, PKG)
    assert "pkg_admin rebuild-tree" in boot.calls
    assert ask(server, "ls /usr/pkg/pkgdb").split() == [
        "mine-1.0", "pkgdb.byfile.db", "rsync-3.4.1", "zstd-1.5.6"]


def test_what_the_union_made_of_another_cd_is_no_package(server: Server) -> None:
    """A folder for each package that was looked up; what somebody installed stays."""
    copy = "pkgdb/zstd-1.5.5/+REQUIRED_BY"
    server.file_system("pkg", {
        "pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n", ".goldmaster/packages": "1 2\n",
        ".goldmaster/copies": f"/pkg/{copy}\n", copy: "rsync-3.4.0\n"})
    (server.sim / "fs/pkg/pkgdb/rsync-3.4.0").mkdir()
    start(server, PKG)
    assert ask(server, "ls /usr/pkg/pkgdb").split() == [
        "mine-1.0", "pkgdb.byfile.db", "rsync-3.4.1", "zstd-1.5.6"]


def test_a_disk_that_is_full_is_told(server: Server) -> None:
    server.file_system("pkg", {".goldmaster": "no folder\n"})
    boot = start(server, PKG)
    assert "was not made to fit" in boot.console


def test_without_the_disk_the_packages_of_the_cd_are_left(server: Server) -> None:
    server.file_system("pkg", {}, state="gone")
    boot = start(server, PKG)
    assert "/pkg cannot be mounted: only the image's packages are here." in boot.console
    assert ask(server, "ls /usr/pkg/pkgdb").split() == ["rsync-3.4.1", "zstd-1.5.6"]
    assert "mount /usr/pkg" not in boot.calls


def test_packages_come_before_the_network(server: Server) -> None:
    server.file_system("pkg", {})
    network = server.root / "etc/rc.d/network"
    network.write_text(network.read_text().replace("[ -z", "echo net; ls /usr/pkg/pkgdb\n\t[ -z"))
    console = start(server, PKG).console
    assert "pkgdb.byfile.db" in console.partition("\nnet\n")[2]
