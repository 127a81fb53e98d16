"""/var, /tmp and packages on a server's own disk, as its fstab says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.simulator import HERE, MARKER, Boot, Server
from support.simulator.shells import SHELLS

RC_CONF = ". /etc/defaults/rc.conf\nrc_configured=YES\ncron=NO inetd=NO syslogd=NO\nno_swap=YES\n"
ROOT = "/dev/cd0a / cd9660 ro 0 0\n"
VAR = "/dev/wd0f\t/var\tffs\trw\t1 2\n"
TMP = "/dev/wd0g /tmp ffs rw 1 2\n"
PKG = "/dev/wd0h /pkg ffs rw 1 2\n/pkg /usr/pkg union rw,noauto 0 0\n"
CD_PACKAGES = {"zstd-1.5.6": "rsync-3.4.1\n", "rsync-3.4.1": ""}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(shell: str, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", shell=shell) as made:
        (made.root / "var/db").mkdir()
        (made.root / "var/db/things").write_text("of the CD\n")
        (made.root / "var/run/stale.pid").write_text("1\n")
        put_packages(made, CD_PACKAGES)
        yield made


def put_packages(server: Server, packages: Mapping[str, str]) -> None:
    """On the CD, each with the names of those that require it."""
    for name, dependants in packages.items():
        folder = server.root / "usr/pkg/pkgdb" / name
        folder.mkdir(parents=True)
        (folder / "+CONTENTS").write_text(f"@name {name}\n")
        if dependants:
            (folder / "+REQUIRED_BY").write_text(dependants)


def start(server: Server, fstab: str) -> Boot:
    """A boot with these lines in the fstab, to the end."""
    server.file_system(
        "c", {MARKER: "", "local/etc/rc.conf": RC_CONF, "local/etc/fstab": ROOT + fstab}
    )
    server.disk("wd0", {"a": "c", "f": "var", "g": "tmp", "h": "pkg"})
    boot = server.boot("autoboot")
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
    """Where the fstab says that nobody checks it; else NetBSD's rc.d/fsck ends in a shell."""
    server.file_system("var", {"db/things": "of the server\n"}, state=state)
    boot = start(server, VAR.replace("1 2", "0 0"))
    assert "goldmaster: /var CANNOT BE MOUNTED" in boot.console
    assert "in memory until the next boot" in boot.console
    assert ask(server, "echo x >/var/log/x; cat /var/log/x /var/db/things") == "x\nof the CD\n"
    assert (server.sim / "fs/var/db/things").read_text() == "of the server\n", "left as it is"


def test_a_full_var_does_not_stop_the_boot(server: Server) -> None:
    """A disk that is new, and too small: it has none of the folders that rc needs."""
    server.file_system("var", {"db/things": "of the server\n"}, state="full")
    boot = start(server, VAR)
    assert "goldmaster: /var has no room for the folders that rc needs." in boot.console
    assert "in memory until the next boot" in boot.console
    assert ask(server, "echo x >/var/log/x; cat /var/log/x /var/db/things") == "x\nof the CD\n"
    assert (server.sim / "fs/var/db/things").read_text() == "of the server\n", "left as it is"


def test_a_full_var_that_has_all_is_used(server: Server) -> None:
    server.file_system("var", {"db/things": "of the server\n"})
    start(server, VAR)
    server.power_off()
    server.write("state/var", "full\n")
    boot = server.boot("autoboot")
    assert "in memory" not in boot.console
    assert ask(server, "cat /var/db/things") == "of the server\n"


# A disk that is not there: pulled, dead, or called otherwise than before.
GONE = ("/dev/wd7e", "/dev/wd0j", "/dev/dk9", "NAME=lost", "/dev/rubbish")


@pytest.mark.parametrize("number", [1, 2])
def test_a_disk_that_is_gone_does_not_stop_the_boot(server: Server, number: int) -> None:
    lines = [f"{disk} /gone{at} ffs rw 1 {number}\n" for at, disk in enumerate(GONE)]
    server.file_system("tmp", {}, state="dirty")
    boot = start(server, "".join(lines) + TMP + VAR.replace("wd0f", "wd6f"))
    for at, disk in enumerate(GONE):
        said = f"goldmaster: {disk} IS GONE: /gone{at} is not checked, and cannot be mounted.\n"
        assert said in boot.console
    assert "goldmaster: /var CANNOT BE MOUNTED" in boot.console
    assert "/dev/rwd0g: FREE BLK COUNT(S) WRONG IN SUPERBLK (SALVAGED)" in boot.console
    assert ask(server, "echo x >/var/log/x; cat /var/log/x; echo y >/tmp/y") == "x\n"
    assert (server.sim / "fs/tmp/y").exists()


def test_a_wedge_by_its_name_is_checked(server: Server) -> None:
    server.file_system("data", {}, state="dirty")
    server.disk("dk0", {"": "data"})
    server.write("wedges/dk0", "wd1 my data ffs\n")
    shutil.copy2(HERE / "bare/dkctl", server.root / "sbin")
    boot = start(server, "NAME=none /a ffs rw 1 2\n/dev/dk0 /b ffs rw 1 2\n")
    assert "NAME=none IS GONE" in boot.console
    assert boot.calls_of("fsck_ffs")[-1] == "fsck_ffs -p /dev/rdk0"


def test_a_new_disk_does_not_stop_the_boot(server: Server) -> None:
    server.disk("wd1")
    server.write("raw/wd1", "")
    server.write("partitions/wd1e", "")
    boot = start(server, "/dev/wd1e /packages ffs rw 1 2\n")
    assert "/dev/wd1e IS EMPTY: /packages cannot be mounted before newfs(8)." in boot.console


def test_a_disk_that_cannot_be_repaired_stops_the_boot(server: Server) -> None:
    """It is there, and mounting it could make it worse."""
    server.file_system(
        "c", {MARKER: "", "local/etc/rc.conf": RC_CONF, "local/etc/fstab": ROOT + VAR}
    )
    server.file_system("var", {}, state="hopeless")
    server.disk("wd0", {"a": "c", "f": "var"})
    boot = server.boot("autoboot")
    assert boot.status != 0
    assert "RUN fsck_ffs MANUALLY" in boot.console
    assert "ABORTING BOOT" in boot.console


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
    boot = start(server, TMP.replace("1 2", "0 0"))
    assert "/tmp CANNOT BE MOUNTED" in boot.console
    assert ask(server, "echo x >/tmp/x; cat /tmp/x") == "x\n"


def test_swap_is_where_the_fstab_says(server: Server) -> None:
    server.file_system(
        "c",
        {
            MARKER: "",
            "local/etc/rc.conf": RC_CONF.replace("no_swap=YES", ""),
            "local/etc/fstab": f"{ROOT}/dev/wd0b none swap sw 0 0\n",
        },
    )
    server.disk("wd0", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert (server.sim / "swap").read_text() == "/dev/wd0b\n"


def test_packages_of_the_disk_lie_over_those_of_the_cd(server: Server) -> None:
    mine = {"pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n", "bin/mine": "mine\n"}
    server.file_system("pkg", mine)
    boot = start(server, PKG)
    assert ask(server, "ls /usr/pkg/pkgdb").split() == [
        "mine-1.0",
        "pkgdb.byfile.db",
        "rsync-3.4.1",
        "zstd-1.5.6",
    ]
    assert ask(server, "cat /usr/pkg/bin/mine") == "mine\n"
    calls = [call for call in boot.calls if "pkg" in call]
    assert calls == [
        "mount /pkg",
        "pkg_admin config-var PKG_DBDIR",
        "mount /usr/pkg",
        "pkg_admin rebuild",
        "pkg_admin rebuild-tree",
    ]
    # What pkg_add must change lies on the disk: a union does not copy it from the CD.
    assert (server.sim / "fs/pkg/pkgdb/zstd-1.5.6/+REQUIRED_BY").read_text() == "rsync-3.4.1\n"
    assert not any((server.sim / "fs/pkg/pkgdb/rsync-3.4.1").iterdir()), "the union's empty folder"


def test_a_layer_that_fits_is_left_alone(server: Server) -> None:
    required = "pkgdb/zstd-1.5.6/+REQUIRED_BY"
    names = "".join(f"/usr/pkg/pkgdb/{name}/\n" for name in sorted(CD_PACKAGES))
    known = subprocess.run(["cksum"], input=names, capture_output=True, text=True).stdout
    server.file_system("pkg", {required: "rsync-3.4.1\nmine-1.0\n", ".goldmaster/packages": known})
    boot = start(server, PKG)
    assert "mount /usr/pkg" in boot.calls
    assert boot.calls_of("pkg_admin") == ["pkg_admin config-var PKG_DBDIR"]
    assert ask(server, f"cat /usr/pkg/{required}") == "rsync-3.4.1\nmine-1.0\n"


def test_another_cd_has_its_layer_renewed(server: Server) -> None:
    old = "pkgdb/gone-0.9/+REQUIRED_BY"
    server.file_system(
        "pkg",
        {
            "pkgdb/pkgdb.byfile.db": "old",
            old: "x\n",
            ".goldmaster/packages": "1 2\n",
            ".goldmaster/copies": f"/pkg/{old}\n",
            "pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n",
        },
    )
    boot = start(server, PKG)
    assert "pkg_admin rebuild-tree" in boot.calls
    assert ask(server, "ls /usr/pkg/pkgdb").split() == [
        "mine-1.0",
        "pkgdb.byfile.db",
        "rsync-3.4.1",
        "zstd-1.5.6",
    ]


def test_what_the_union_made_of_another_cd_is_no_package(server: Server) -> None:
    """A folder for each package that was looked up; what somebody installed stays."""
    copy = "pkgdb/zstd-1.5.5/+REQUIRED_BY"
    server.file_system(
        "pkg",
        {
            "pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n",
            ".goldmaster/packages": "1 2\n",
            ".goldmaster/copies": f"/pkg/{copy}\n",
            copy: "rsync-3.4.0\n",
        },
    )
    (server.sim / "fs/pkg/pkgdb/rsync-3.4.0").mkdir()
    start(server, PKG)
    assert ask(server, "ls /usr/pkg/pkgdb").split() == [
        "mine-1.0",
        "pkgdb.byfile.db",
        "rsync-3.4.1",
        "zstd-1.5.6",
    ]


def test_the_next_cd_has_its_packages_once(server: Server, shell: str, tmp_path: Path) -> None:
    """The disk is that of a server that has run from a CD with other packages."""
    server.file_system("pkg", {"pkgdb/mine-1.0/+CONTENTS": "@name mine-1.0\n"})
    start(server, PKG)
    with Server(tmp_path / "next", shell=shell) as later:
        put_packages(later, {"zstd-1.5.7": "rsync-3.5.0\n", "rsync-3.5.0": ""})
        later.file_system("pkg", {})
        shutil.copytree(server.sim / "fs/pkg", later.sim / "fs/pkg", dirs_exist_ok=True)
        start(later, PKG)
        assert ask(later, "ls /usr/pkg/pkgdb").split() == [
            "mine-1.0",
            "pkgdb.byfile.db",
            "rsync-3.5.0",
            "zstd-1.5.7",
        ]


def test_a_disk_that_is_full_is_told(server: Server) -> None:
    server.file_system("pkg", {".goldmaster": "no folder\n"})
    boot = start(server, PKG)
    assert "was not made to fit" in boot.console


def test_without_the_disk_the_packages_of_the_cd_are_left(server: Server) -> None:
    server.file_system("pkg", {}, state="gone")
    boot = start(server, PKG.replace("1 2", "0 0"))
    assert "/pkg cannot be mounted: only the image's packages are here." in boot.console
    assert ask(server, "ls /usr/pkg/pkgdb").split() == ["rsync-3.4.1", "zstd-1.5.6"]
    assert "mount /usr/pkg" not in boot.calls


# NetBSD 9.4's database of packages.
OLD = "var/db/pkg"


def installed(server: Server) -> dict[str, str]:
    """Name to the first line of its contents."""
    return dict(
        line.split(" ", 1)
        for line in ask(
            server, "for f in /var/db/pkg/*/; do read -r l <$f/+CONTENTS; echo $f $l; done"
        ).splitlines()
    )


def put_old(server: Server, *names: str) -> None:
    for name in names:
        folder = server.root / OLD / name
        folder.mkdir(parents=True)
        (folder / "+CONTENTS").write_text("of this CD\n")


def test_the_database_in_var_has_the_packages_of_the_next_cd(
    server: Server, shell: str, tmp_path: Path
) -> None:
    """And what was installed here; no other version, nothing that the CD has dropped."""
    server.file_system("var", {})
    put_old(server, "rsync-3.4.1", "zstd-1.5.6", "same-1.0")
    start(server, VAR)
    assert set(installed(server).values()) == {"of this CD"}
    server.run(
        "/bin/sh", "-c", "mkdir /var/db/pkg/mine-1.0; echo mine >/var/db/pkg/mine-1.0/+CONTENTS"
    )
    server.run("/bin/sh", "-c", "echo of the last CD >/var/db/pkg/same-1.0/+CONTENTS")
    with Server(tmp_path / "next", shell=shell) as later:
        put_old(later, "rsync-3.5.0", "same-1.0")
        later.file_system("var", {})
        shutil.copytree(server.sim / "fs/var", later.sim / "fs/var", dirs_exist_ok=True)
        boot = start(later, VAR)
        assert boot.calls_of("pkg_admin") == ["pkg_admin rebuild", "pkg_admin rebuild-tree"]
        assert installed(later) == {
            "/var/db/pkg/mine-1.0/": "mine",
            "/var/db/pkg/rsync-3.5.0/": "of this CD",
            "/var/db/pkg/same-1.0/": "of this CD",
        }


def test_a_database_in_var_of_this_cd_is_left_alone(server: Server) -> None:
    server.file_system("var", {})
    put_old(server, "rsync-3.4.1")
    start(server, VAR)
    server.run("/bin/sh", "-c", "echo changed here >/var/db/pkg/rsync-3.4.1/+CONTENTS")
    server.power_off()
    boot = server.boot("autoboot")
    assert not boot.calls_of("pkg_admin")
    assert set(installed(server).values()) == {"changed here"}


def test_packages_of_a_disk_beside_a_database_in_var(server: Server) -> None:
    """9.4: the union does not lie over the database, so nothing of it goes onto that disk."""
    shutil.rmtree(server.root / "usr/pkg/pkgdb")
    put_old(server, "rsync-3.4.1")
    server.file_system("pkg", {"bin/mine": "mine\n"})
    server.file_system("var", {})
    boot = start(server, VAR + PKG)
    assert "mount /usr/pkg" in boot.calls
    assert boot.calls_of("pkg_admin")[-1] == "pkg_admin config-var PKG_DBDIR"
    assert ask(server, "cat /usr/pkg/bin/mine") == "mine\n"
    assert [path.name for path in (server.sim / "fs/pkg").iterdir()] == ["bin"]


def test_packages_come_before_the_network(server: Server) -> None:
    server.file_system("pkg", {})
    network = server.root / "etc/rc.d/network"
    network.write_text(network.read_text().replace("[ -z", "echo net; ls /usr/pkg/pkgdb\n\t[ -z"))
    console = start(server, PKG).console
    assert "pkgdb.byfile.db" in console.partition("\nnet\n")[2]
