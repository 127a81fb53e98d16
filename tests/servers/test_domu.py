"""The same chain in a domU: its disks are xbd0 (the image), xbd1 (configuration), xbd2 (swap)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.simulator import MARKER, Server
from support.simulator.shells import SHELLS

RC_CONF = ". /etc/defaults/rc.conf\nrc_configured=YES\nhostname=nfs\ncron=NO inetd=NO syslogd=NO\n"
FSTAB = "/dev/xbd0a / ffs ro 0 0\nkernfs /kern kernfs rw 0 0\n/dev/xbd2b none swap sw 0 0\n"
# What the checkout of /vservers/NAME and of /global holds.
VSERVER = {
    MARKER: "",
    "local/server.conf": "address=10.0.0.31/24\nrecipe=base\n",
    "local/etc/rc.conf": RC_CONF,
    "local/etc/fstab": FSTAB,
    "global/hosts": "10.0.0.31 nfs\n",
}
FLAG_4 = 0x80000000
CHAIN = "rcorder -s nostart"


@pytest.fixture(params=SHELLS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", recipe="domu/base", shell=request.param) as made:
        made.file_system("root", {})
        made.disk("xbd0", {"a": "root", "d": "root"})
        made.write("mounted/xbd0a", "/\n")
        made.write("mounted/xbd0d", "/\n")  # xbd0a by another name: busy
        yield made


def text(server: Server, path: str) -> str:
    return server.run("/bin/cat", path).stdout


def test_etc_and_local_come_from_the_second_disk(server: Server) -> None:
    server.file_system("c", VSERVER)
    server.disk("xbd1", {"a": "c", "d": "c"})
    server.disk("xbd2")
    boot = server.boot("autoboot")
    assert boot.status == 0, boot.console
    assert "goldmaster: the configuration is on xbd1a." in boot.console
    assert "too" not in boot.console
    assert boot.calls_of("fsck_ffs") == ["fsck_ffs -p /dev/rxbd1a"]
    assert "hostname nfs" in boot.calls
    assert text(server, "/etc/rc.conf") == RC_CONF
    assert text(server, "/config/local/server.conf") == VSERVER["local/server.conf"]
    assert server.run("/bin/sh", "-c", "echo x >/x").returncode != 0, "the root is read-only"
    for folder in ("/config", "/etc", "/tmp", "/var/run", "/dev"):
        assert server.run("/bin/sh", "-c", f"echo x >{folder}/x").returncode == 0, folder


def test_swap_is_a_disk_of_its_own(server: Server) -> None:
    server.file_system("c", VSERVER)
    server.disk("xbd1", {"a": "c"})
    server.disk("xbd2")
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "swapctl -A -t blk" in boot.calls
    assert (server.sim / "swap").read_text() == "/dev/xbd2b\n"
    assert boot.calls.index("swapctl -A -t blk") > boot.calls.index(CHAIN)
    assert boot.calls_of("disklabel") == [
        "disklabel -r xbd2",
        "disklabel xbd2",
        "disklabel -R -r xbd2 /dev/stdin",
    ]
    label = (server.sim / "labels/xbd2").read_text()
    assert label.partition("4 partitions:\n")[2] == " b: 131072 0 swap\n d: 131072 0 unused 0 0\n"
    assert "sectors/track: 2048" in label


@pytest.mark.parametrize("label", [" b: 512 0 swap\n", " a: 512 0 4.2BSD\n"])
def test_a_label_stays_as_it_is(server: Server, label: str) -> None:
    server.file_system("c", VSERVER)
    server.disk("xbd1", {"a": "c"})
    server.disk("xbd2")
    server.write("labels/xbd2", label)
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert boot.calls_of("disklabel") == ["disklabel -r xbd2"]
    assert (server.sim / "labels/xbd2").read_text() == label
    assert (server.sim / "swap").exists() == ("swap" in label)


def test_a_disk_with_something_on_it_gets_no_label(server: Server) -> None:
    server.file_system("c", VSERVER)
    server.file_system("precious", {"x": ""})
    server.disk("xbd1", {"a": "c"})
    server.disk("xbd2", {"d": "precious"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "xbd2 has no label and is not empty: no swap." in boot.console
    assert boot.calls_of("disklabel") == ["disklabel -r xbd2"]


def test_swap_on_a_raw_partition_is_told(server: Server) -> None:
    fstab = FSTAB.replace("xbd2b", "xbd2d")
    server.file_system("c", VSERVER | {"local/etc/fstab": fstab})
    server.disk("xbd1", {"a": "c"})
    server.disk("xbd2")
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "/dev/xbd2d in the fstab is no partition for swap; /dev/xbd2b is" in boot.console
    assert not boot.calls_of("disklabel")


def test_the_image_alone_knows_no_swap(server: Server) -> None:
    server.flags(FLAG_4)
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert not (server.sim / "swap").exists()


def test_shared_files_are_links_into_global(server: Server) -> None:
    server.file_system("c", VSERVER)
    (server.sim / "fs/c/local/etc/hosts").symlink_to("/config/global/hosts")
    server.disk("xbd1", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert text(server, "/etc/hosts") == "10.0.0.31 nfs\n", "not the image's own"


def test_a_link_into_a_global_that_is_not_there(server: Server) -> None:
    server.file_system(
        "c", {path: text for path, text in VSERVER.items() if not path.startswith("global/")}
    )
    (server.sim / "fs/c/local/etc/hosts").symlink_to("/config/global/hosts")
    server.disk("xbd1", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "No such file" in text(server, "/etc/hosts"), "it leads nowhere, as docs/roles.md says"


def test_no_configuration_disk(server: Server) -> None:
    boot = server.boot("autoboot")
    assert boot.status == 1
    assert "looked for a file system with /GOLDMASTER on: xbd0\n" in boot.console
    assert "no configuration was found." in boot.console
    assert CHAIN not in boot.calls


def test_a_configuration_disk_without_marker(server: Server) -> None:
    server.file_system("c", {path: text for path, text in VSERVER.items() if path != MARKER})
    server.disk("xbd1", {"a": "c"})
    boot = server.boot()
    assert boot.status == 1
    assert "file systems without it: xbd1a\n" in boot.console


def test_a_data_disk_with_a_marker_comes_later(server: Server) -> None:
    server.file_system("c", VSERVER)
    server.file_system("data", {MARKER: ""})
    server.disk("xbd1", {"a": "c"})
    server.disk("xbd3", {"a": "data"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "the configuration is on xbd1a." in boot.console
    assert "the marker is on xbd3a too; that is ignored." in boot.console


def test_a_dirty_configuration_disk_is_repaired(server: Server) -> None:
    server.file_system("c", VSERVER, state="dirty")
    server.disk("xbd1", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "SALVAGED" in boot.console


def test_a_damaged_configuration_disk_gives_a_shell(server: Server) -> None:
    server.file_system("c", VSERVER, state="hopeless")
    server.disk("xbd1", {"a": "c"})
    boot = server.boot()
    assert boot.status == 1
    assert "the file system on xbd1a is damaged: fsck_ffs /dev/rxbd1a" in boot.console
    server.write("state/c", "clean\n")
    assert server.boot().status == 0, "after the shell"


def test_without_configuration(server: Server) -> None:
    server.flags(FLAG_4)
    server.file_system("c", VSERVER)
    server.disk("xbd1", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "coming up without a configuration" in boot.console
    assert "hostname nfs" not in boot.calls
    assert "PATH" not in text(server, "/etc/rc.conf")
    assert "rc.image.conf" in text(server, "/etc/rc.conf"), "the image's own"
