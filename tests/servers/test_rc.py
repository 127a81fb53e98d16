"""The CD's /etc/rc: finds the server's configuration, lays it over /etc, goes on with NetBSD's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import MARKER, Server
from support.simulator.shells import SHELLS, program

RC_CONF = """\
. /etc/defaults/rc.conf
rc_configured=YES
hostname=alpha
cron=NO inetd=NO syslogd=NO
"""
HELLO = """\
#!/bin/sh
# PROVIDE: hello
# REQUIRE: mountcritlocal
echo "hello from the configuration"
"""
CONFIG = {MARKER: "", "local/etc/rc.conf": RC_CONF, "local/etc/rc.d/hello": HELLO}
FLAG_4 = 0x80000000
# The last call but those of its scripts that the chain makes.
CHAIN = "rcorder -s nostart"


@pytest.fixture(params=SHELLS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    assert shutil.which(program(request.param))
    with Server(tmp_path / "server", shell=request.param) as made:
        yield made


def text(server: Server, path: str) -> str:
    """A file as the server sees it."""
    return server.run("/bin/cat", path).stdout


def mounted(server: Server) -> set[str]:
    """The partitions that are mounted."""
    return {path.name for path in (server.sim / "mounted").iterdir()}


def started(server: Server, *words: str) -> str:
    """The console of a boot that starts NetBSD's chain, once."""
    boot = server.boot(*words)
    assert boot.status == 0, boot.console
    assert boot.calls.count(CHAIN) == 1, boot.calls
    assert "umount -a" not in boot.calls
    assert "is not set properly" not in boot.console, "rc.subr, of a script that no rc.conf knows"
    return boot.console


def stopped(server: Server) -> str:
    """The console of a boot that ends in a shell, with nothing started."""
    boot = server.boot("autoboot")
    assert boot.status == 1, boot.console
    assert CHAIN not in boot.calls
    assert "What follows is a single-user shell" in boot.console
    assert "flag -4" in boot.console
    for folder in ("/tmp", "/var"):
        assert server.run("/bin/sh", "-c", f"echo x >{folder}/x").returncode == 0
    return boot.console


def test_a_host_passes_by_what_its_domus_have(server: Server) -> None:
    """Their partitions, with the marker, are on its disks: also where its own is missing."""
    server.file_system("c", CONFIG)
    server.file_system("d", {MARKER: "", "local/server.conf": "", "local/etc/rc.conf": RC_CONF})
    server.disk("wd0", {"e": "d"})
    console = stopped(server)
    assert "those of domUs, not of this host: wd0e" in console
    assert "no configuration was found" in console
    server.disk("wd1", {"a": "c", "e": "d"})
    console = started(server)
    assert "the configuration is on wd1a." in console
    assert "ignored" not in console


def test_one_disk(server: Server) -> None:
    server.file_system("c", CONFIG)
    server.disk("wd0", {"e": "c"})
    server.disk("cd0")
    boot = server.boot("autoboot")
    assert boot.status == 0, boot.console
    assert "goldmaster: the configuration is on wd0e." in boot.console
    assert boot.calls_of("fsck_ffs") == ["fsck_ffs -p /dev/rwd0e"]
    ends = [
        call
        for call in boot.calls
        if call
        in {
            "mount -t ffs /dev/wd0e /config",
            "mount -t union /config/local/etc /etc",
            "fsck_ffs -p /dev/rwd0e",
            CHAIN,
            "hostname alpha",
        }
    ]
    assert ends == [
        "fsck_ffs -p /dev/rwd0e",
        "mount -t ffs /dev/wd0e /config",
        "mount -t union /config/local/etc /etc",
        CHAIN,
        "hostname alpha",
    ]
    assert "hello from the configuration" in boot.console
    assert not [call for call in boot.calls if "cd0" in call], "the CD itself is not looked at"


def test_a_stick_that_the_root_is_on(server: Server) -> None:
    """It is a disk among the others, with a wedge of UEFI's; neither is the configuration's."""
    server.file_system("c", CONFIG)
    server.disk("sd0")
    server.disk("dk0")
    server.disk("wd0", {"e": "c"})
    console = started(server)
    assert "the configuration is on wd0e." in console
    assert "ignored" not in console


def test_nothing_is_undone_after_the_chain(server: Server) -> None:
    server.file_system("c", CONFIG)
    server.disk("wd0", {"a": "c"})
    console = started(server, "autoboot")
    assert "not found" not in console
    assert text(server, "/etc/rc.conf") == RC_CONF
    for folder in ("/config", "/etc", "/tmp", "/var/run", "/dev"):
        assert server.run("/bin/sh", "-c", f"echo x >{folder}/x").returncode == 0, folder
    assert (server.sim / "fs/c/local/etc/x").read_text() == "x\n"
    assert server.run("/bin/sh", "-c", "echo x >/x").returncode != 0, "the root is read-only"


def test_etc_is_merged_entry_by_entry(server: Server) -> None:
    server.file_system("c", {**CONFIG, "local/etc/ssh/key": "k\n"})
    server.disk("wd0", {"a": "c"})
    before = set((server.root / "etc/rc.d").iterdir())
    started(server)
    after = {path.name for path in (server.root / "etc/rc.d").iterdir()}
    assert after == {path.name for path in before} | {"hello"}
    assert text(server, "/etc/ssh/key") == "k\n"
    assert "PermitRootLogin" in text(server, "/etc/ssh/sshd_config")
    assert "kernfs" in text(server, "/etc/fstab"), "the overlay's"


def test_var_holds_what_the_cd_has_there(server: Server) -> None:
    (server.root / "var/db/things").mkdir(parents=True)
    (server.root / "var/db/things/one").write_text("1\n")
    server.file_system("c", CONFIG)
    server.disk("wd0", {"a": "c"})
    started(server)
    assert text(server, "/var/db/things/one") == "1\n"
    assert server.run("/bin/ls", "/mnt").stdout == ""


def test_the_fstab_of_the_server_counts(server: Server) -> None:
    fstab = "/dev/cd0a / cd9660 ro 0 0\n/dev/wd0f /var ffs rw 1 2\n#/dev/wd0g /tmp ffs rw 1 2\n"
    server.file_system("c", {**CONFIG, "local/etc/fstab": fstab})
    server.file_system("v", {})
    server.disk("wd0", {"a": "c", "f": "v"})
    boot = server.boot()
    early = [call for call in boot.calls[: boot.calls.index(CHAIN)] if "mount_tmpfs" in call]
    assert early == ["mount_tmpfs -m 1777 -s 64m tmpfs /tmp"]
    assert mounted(server) == {"wd0a", "wd0f"}


def test_a_wedge_comes_before_a_disklabel(server: Server) -> None:
    server.file_system("label", {MARKER: "", "local/etc/rc.conf": RC_CONF})
    server.file_system("wedge", CONFIG)
    server.disk("wd0", {"a": "label"})
    server.disk("dk0")
    server.disk("dk1", {"": "wedge"})
    console = started(server)
    assert "the configuration is on dk1." in console
    assert "hello from the configuration" in console


def test_the_first_of_two_markers_wins_and_the_console_says_so(server: Server) -> None:
    for name in ("one", "two", "three"):
        server.file_system(name, CONFIG)
    server.disk("sd0", {"a": "one", "e": "two"})
    server.disk("xbd1", {"a": "three"})
    console = started(server)
    assert "the configuration is on sd0a." in console
    assert "the marker is on sd0e xbd1a too; that is ignored." in console
    assert mounted(server) == {"sd0a"}


def test_one_file_system_with_two_names_is_one(server: Server) -> None:
    server.file_system("whole", CONFIG)
    server.disk("wd0", {"a": "whole", "d": "whole"})
    console = started(server)
    assert "the configuration is on wd0a." in console
    assert "too" not in console
    assert mounted(server) == {"wd0a"}


def test_a_copy_on_another_disk_is_another(server: Server) -> None:
    server.file_system("whole", CONFIG)
    server.disk("wd0", {"a": "whole", "d": "whole"})
    server.disk("wd1", {"a": "whole", "d": "whole"})
    console = started(server)
    assert "the marker is on wd1a too; that is ignored." in console


def test_other_file_systems_are_passed_by(server: Server) -> None:
    server.file_system("data", {"big": "x"})
    server.file_system("broken", CONFIG, state="gone")
    server.file_system("c", CONFIG)
    server.disk("ld0", {"a": "data", "b": "broken"})
    server.disk("ld1", {"a": "c"})
    assert "the configuration is on ld1a." in started(server)
    assert mounted(server) == {"ld1a"}
    assert (server.sim / "fs/data/big").read_text() == "x"


def test_nodes_that_are_not_there_are_made(server: Server) -> None:
    server.file_system("c", CONFIG)
    server.disk("dk12", {"": "c"}, nodes=False)
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert boot.calls_of("MAKEDEV") == ["MAKEDEV dk12"]


def test_a_dev_that_is_on_the_cd_is_made_writable(server: Server) -> None:
    server.write("dev-on-cd", "")
    server.file_system("c", CONFIG)
    server.disk("wd0", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert boot.calls_of("MAKEDEV") == ["MAKEDEV -M init"]


def test_no_memory_for_dev(server: Server) -> None:
    server.write("dev-on-cd", "")
    server.write("no-memory", "")
    boot = server.boot()
    assert boot.status == 1
    assert "/dev cannot be made writable" in boot.console


def test_no_memory_for_tmp(server: Server) -> None:
    server.write("no-memory", "")
    server.flags(FLAG_4)
    boot = server.boot()
    assert boot.status == 1
    assert "/tmp cannot be made writable." in boot.console
    assert CHAIN not in boot.calls


def test_no_disk(server: Server) -> None:
    console = stopped(server)
    assert "looked for a file system with /GOLDMASTER on: no disk at all" in console
    assert "no configuration was found." in console


def test_no_marker(server: Server) -> None:
    server.file_system("data", {"big": "x"})
    server.file_system("broken", CONFIG, state="gone")
    server.disk("wd0", {"a": "data", "e": "broken"})
    server.disk("dk0", {"": "data"})
    server.disk("fd0")
    console = stopped(server)
    assert "looked for a file system with /GOLDMASTER on: dk0 wd0\n" in console
    assert "file systems without it: dk0 wd0a\n" in console
    assert not mounted(server)


@pytest.mark.parametrize("shown", ["0x80000000", "0x80020002", "-2147483648", "2147483648"])
def test_without_configuration(server: Server, shown: str) -> None:
    server.file_system("c", CONFIG)
    server.disk("wd0", {"a": "c"})
    server.write("sysctl/kern.boothowto", f"{shown}\n")
    console = started(server)
    assert "coming up without a configuration" in console
    assert "hello" not in console
    assert not mounted(server)


def test_other_flags_mean_nothing(server: Server) -> None:
    server.flags(0x20002)
    assert "no configuration was found." in stopped(server)


def test_a_dirty_disk_is_repaired(server: Server) -> None:
    server.file_system("c", CONFIG, state="dirty")
    server.disk("wd0", {"a": "c"})
    console = started(server)
    assert "SALVAGED" in console
    assert (server.sim / "state/c").read_text() == "clean\n"


def test_a_disk_that_fsck_cannot_repair(server: Server) -> None:
    server.file_system("c", CONFIG, state="hopeless")
    server.disk("wd0", {"a": "c"})
    console = stopped(server)
    assert "RUN fsck_ffs MANUALLY" in console
    assert "the file system on wd0a is damaged: fsck_ffs /dev/rwd0a" in console
    assert not mounted(server)


def test_the_start_is_made_again_after_the_shell(server: Server) -> None:
    server.file_system("c", CONFIG, state="hopeless")
    server.disk("wd0", {"a": "c"})
    stopped(server)
    server.write("state/c", "clean\n")
    assert "hello from the configuration" in started(server)


def test_a_second_start_leaves_alone_what_is_there(server: Server) -> None:
    server.file_system("c", CONFIG)
    server.disk("wd0", {"a": "c"})
    started(server)
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert boot.calls.count(CHAIN) == 1
    assert not boot.calls_of("fsck_ffs", "mount_tmpfs", "umount")
    assert not [call for call in boot.calls if "ffs" in call or "union" in call]


def test_a_configuration_without_etc(server: Server) -> None:
    server.file_system("c", {MARKER: ""})
    server.disk("wd0", {"a": "c"})
    assert "the configuration has no folder local/etc." in stopped(server)
    assert server.run("/bin/sh", "-c", "mkdir -p /config/local/etc").returncode == 0
    server.write("fs/c/local/etc/rc.conf", RC_CONF)
    started(server)
    assert text(server, "/etc/rc.conf") == RC_CONF


def test_the_union_is_no_kinder_than_netbsds(server: Server) -> None:
    """A folder above for each below; a file below cannot be written; folders take new files."""
    server.file_system("c", CONFIG)
    server.disk("wd0", {"a": "c"})
    started(server)
    above = server.sim / "fs/c/local/etc"
    assert not any((above / "ssh").iterdir()), "the CD's, looked up"
    done = server.run("/bin/sh", "-c", "echo x >>/etc/hosts")
    assert "read-only file system" in done.stdout.lower()  # NetBSD's sh writes it in small letters
    assert not (above / "hosts").exists()
    assert server.run("/bin/sh", "-c", "echo x >/etc/ssh/new").returncode == 0
    assert (above / "ssh/new").read_text() == "x\n"
    assert "<above>:/config/local/etc on /etc type union" in server.run("/sbin/mount").stdout
