"""The stand-ins name their sources, and are no kinder than the programs they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import HERE, Server
from support.simulator.shells import SHELLS, program
from support.simulator.storage import Storage

STAND_INS = sorted(
    path
    for path in HERE.rglob("*")
    if path.is_file() and (path.read_bytes().startswith(b"#!/bin/sh\n") or path.suffix == ".sh")
)
# A file of NetBSD or pkgsrc, its revision, and the day of that; or a file of Xen and a commit.
SOURCE = re.compile(r"[\w./+-]+/[\w.+-]+ (?:1\.[\d.]+ of \d{4}-\d\d-\d\d|of Xen at [0-9a-f]{12})")


@pytest.mark.parametrize("path", STAND_INS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_each_names_its_source(path: Path) -> None:
    lines = path.read_text().splitlines()
    told = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    assert SOURCE.search(told), "file, revision, date"


@pytest.fixture(params=SHELLS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    assert program(request.param)
    with Server(tmp_path / "server", recipe="domu/base", shell=request.param) as made:
        made.file_system("f", {})
        made.disk("wd0", {"a": "f", "e": "f"})
        storage = Storage(made)
        storage.mirror()
        for number in range(2):
            made.write(f"nodes/vnd{number}", f"vnd{number}d\nrvnd{number}d\n")
        made.write("nodes/init", (made.sim / "nodes/init").read_text() + "vnd0d\nrvnd0d\n")
        (made.root / "var/file").write_text("an image\n")
        (made.root / "etc/fstab").write_text(FSTAB)
        made.flags(0x80000000)
        made.boot()
        yield made


def refused(server: Server, command: str) -> str:
    """What a command says, which must fail with status 1."""
    done = server.run("/bin/sh", "-c", command)
    assert done.returncode == 1, (command, done.returncode, done.stdout)
    return done.stdout


def done(server: Server, command: str) -> str:
    """What a command says, which must succeed."""
    said = server.run("/bin/sh", "-c", command)
    assert said.returncode == 0, (command, said.returncode, said.stdout)
    return said.stdout


FSTAB = """\
/dev/xbd0a / ffs ro 0 0
/dev/wd0b none swap rw,noauto 0 0
/dev/wd0e /x ffs noauto,noatime 1 0
"""
UNKNOWN = (
    "mount -x",
    "mount -t ffs -o sync,nonsense /dev/wd0a /mnt",
    "umount",
    "umount -q /mnt",
    "mount_tmpfs -x 1 tmpfs /mnt",
    "mount_tmpfs tmpfs",
    "vnconfig -x vnd0 /var/file",
    "vnconfig vnd0",
    "vnconfig -u",
    "vnconfig -u vnd0 /var/file",
    "swapctl",
    "swapctl -x",
    "swapctl -A -l",
    "swapctl -l /dev/wd0b",
    "swapctl -a",
    "swapctl -A -t some",
    "raidctl -s",
    "raidctl -x raid0",
    "raidctl -s -p raid0",
    "fsck -x",
    "fsck_ffs -s /dev/rwd0a",
    "newfs -K /dev/rwd0e",
    "disklabel",
    "disklabel -K wd0",
    "sysctl -K x",
    "dd if",
    "dd nonsense=1",
    "dd if=/dev/rwd0a if=/dev/rwd0a",
    "cksum -K",
    "cksum -a md17 </dev/null",
    "hostname a b",
    "logger -K",
    "pax -rw",
    "iscsictl",
    "iscsictl nonsense",
    "iscsictl login -P 1 -K x",
    "pwd_mkdb",
    "pkg_admin nonsense",
    "xenstore-read",
    "xenstore-list",
)


@pytest.mark.parametrize("command", UNKNOWN)
def test_what_the_real_one_refuses_is_refused(server: Server, command: str) -> None:
    done(server, ": >/var/run/iscsid.pid")
    assert refused(server, command)


def test_a_vnd_has_one_regular_file_and_is_given_back_once(server: Server) -> None:
    assert done(server, "vnconfig -l") == "vnd0: not in use\n"
    assert "opendisk: No such file" in refused(server, "vnconfig -r vnd1 /var/file")
    assert "Operation not supported" in refused(server, "vnconfig -r vnd0 /var")
    assert "No such file" in refused(server, "vnconfig -r vnd0 /var/none")
    assert "VNDIOCCLR: Device not configured" in refused(server, "vnconfig -u vnd0")
    assert done(server, "vnconfig -r vnd0 /var/file") == ""
    assert "VNDIOCSET: Device busy" in refused(server, "vnconfig -r vnd0 /var/file")
    assert re.fullmatch(r"vnd0: /var \(tmpfs\) inode \d+\n", done(server, "vnconfig -l vnd0"))
    assert done(server, "vnconfig -u vnd0") == ""
    assert "VNDIOCCLR: Device not configured" in refused(server, "vnconfig -u vnd0")


def test_swap_is_what_the_fstab_calls_sw(server: Server) -> None:
    """The fourth field, not the third: getfsent(3)."""
    fstab = server.run("/bin/sh", "-c", "swapctl -A -t blk")
    assert fstab.returncode == 2, "none is no error"
    assert fstab.stdout == "swapctl: /etc/fstab, 3: Missing fields\n"
    assert refused(server, "swapctl -l") == "no swap devices configured\n"
    assert refused(server, "swapctl -z") == "no dump device set\n"


def test_raidctl_says_what_the_real_one_says(server: Server) -> None:
    for option in ("-s", "-S", "-p", "-P", "-u", "-i", "-I 1", "-R x"):
        said = refused(server, f"raidctl {option} raid0")
        assert "failed: Device not configured" in said, option
    assert "Unable to open device file: raid77" in refused(server, "raidctl -s raid77")


def test_what_is_not_mounted_is_not_unmounted(server: Server) -> None:
    assert "/mnt: not currently mounted" in refused(server, "umount /mnt")
    assert "/mnt: not currently mounted" in refused(server, "umount -f /mnt")
    done(server, "mount -t ffs /dev/wd0a /mnt && umount -f /mnt")
    assert "newfs: /dev/rwd0a is mounted on /mnt" in refused(
        server, "mount -t ffs /dev/wd0a /mnt && newfs -I /dev/rwd0a"
    )


def test_mounts_are_listed_as_mount_lists_them(server: Server) -> None:
    done(server, "mount -t ffs -o ro /dev/wd0a /mnt")
    lines = done(server, "mount").splitlines()
    assert lines[0] == "/dev/cd0a on / type cd9660 (read-only, local)"
    assert "/dev/wd0a on /mnt type ffs (read-only, local)" in lines
    assert "tmpfs on /var type tmpfs (local)" in lines


def test_pax_copies_only_into_a_folder(server: Server) -> None:
    assert "No such file or directory" in refused(server, "cd /var && pax -rw -pe . /tmp/none")
