"""rc.d/domus on dom0: files that describe no domU."""

from __future__ import annotations

from support.machines.domu_host import (
    SQL,
    boot,
    domus,
)
from support.simulator import Server
from support.simulator.dom0 import domains, furnish, nfs

BAD = (
    ("memory=$(reboot)", "{}:1: not understood."),
    ("memory=1024\nnonsense=1", "{}:2: nonsense: unknown key."),
    ("image=base.ffs", "{}: memory: missing."),
    (nfs(memory="010"), "{}: memory: must be a whole number from 1 to 999999999, is '010'."),
    (nfs(memory="0"), "{}: memory: must be a whole number"),
    (nfs(vcpus="two"), "{}: vcpus: must be a whole number from 1 to 32"),
    (nfs(vcpus="33"), "{}: vcpus: must be a whole number from 1 to 32, is '33'."),
    (nfs(vcpus="²"), "{}:5: not understood."),
    (nfs(memory="9" * 5000), "{}: memory: must be a whole number"),
    (nfs(memory="1234567890"), "{}: memory: must be a whole number"),
    (nfs(boot_order="-1"), "{}: boot_order: must be a whole number from 0"),
    (nfs(mac="00:16:3e:00:00"), "{}: mac: must be the address of one card"),
    (nfs(mac="01:16:3e:00:00:01"), "{}: mac: must be the address of one card"),
    (nfs(mac="00:00:00:00:00:00"), "{}: mac: must be the address of one card"),
    (nfs(bridge="Bridge0"), "{}: bridge: must be an interface"),
    (nfs(bridge="bridge7"), "{}: bridge: this host has no bridge7, but bridge0 bridge1."),
    (nfs(autostart="true"), "{}: autostart: must be yes or no"),
    (nfs(image="../base.ffs"), "{}: image: must be a file name"),
    (nfs(image="a b"), "{}: image: must be a file name"),
    (nfs(kernel="/netbsd"), "{}: kernel: must be a file name"),
    (nfs(config_disk="wd0e"), "{}: config_disk: must be an absolute path"),
    (nfs(swap_disk="/dev/../wd0e"), "{}: swap_disk: must be an absolute path"),
    (nfs(disk1="/dev/wd0e,x"), "{}: disk1: must be an absolute path"),
    (nfs(disk1="/images/web.img"), "{}: disk1: must be a block device in /dev"),
    (nfs(disk1="/dev/rwd0e"), "{}: disk1: must be a block device in /dev"),
    (nfs(disk1="/dev/rraid0d,r"), "{}: disk1: must be a block device in /dev"),
    (nfs(disk1="/dev/zvol/rdsk/tank/web"), "{}: disk1: must be a block device in /dev"),
    (nfs(disk1="/dev/zvol/dsk/tank"), "{}: disk1: must be a block device in /dev"),
    (nfs(bridge="bridge0123456789"), "{}: bridge: must be an interface"),
    (nfs(disk9='/dev/wd0e", "phy:/dev/wd0a,xvdz,w'), "{}: disk9: must be an absolute path"),
)


def test_bad_files_are_told_of_and_the_others_start(server: Server) -> None:
    files = {f"bad{number}": text for number, (text, _) in enumerate(BAD)}
    console = boot(server, {**files, "nfs": nfs(), "sql": SQL}).console
    for number, (_, said) in enumerate(BAD):
        assert said.format(f"bad{number}") in console
        assert f"goldmaster: bad{number}: not started.\n" in console
    total = len(BAD) + 2
    assert f"goldmaster: domUs that could not be started: {len(BAD)} of {total}.\n" in console
    assert domains(server) == {"nfs", "sql"}


def test_what_cannot_be_a_domu(server: Server) -> None:
    furnish(server, {"nfs": nfs(), "nfs~": nfs(), "Web_1": nfs(), "-x": nfs(), "a*": nfs()})
    (server.sim / "fs/c/local/domUs/link").symlink_to("nfs")
    (server.sim / "fs/c/local/domUs/gone").symlink_to("nowhere")
    (server.sim / "fs/c/local/domUs/folder").mkdir()
    (server.sim / "fs/c/local/domUs/.svn").mkdir()
    console = server.boot().console
    for name in ("nfs~", "Web_1", "-x", "a*"):
        assert f"domUs/{name}: is no name for a domU: small letters, digits and -" in console
    for name in ("link", "gone"):
        assert f"domUs/{name}: is no plain file." in console
    assert "domUs/folder: there is no such file." in console
    assert "svn" not in console
    assert domains(server) == {"nfs"}


def test_a_name_that_is_no_domus(server: Server) -> None:
    boot(server, {"nfs": nfs()})
    said = domus(server, "start", "nfs", "none", "../host.conf", "a b", "*", "", status=1)
    assert "none: there is no domU of this name in /config/local/domUs." in said
    for name in ("../host.conf", "a b", "*", ""):
        assert f"/domUs/{name}: is no name for a domU" in said
    assert "nfs: runs already." in said
    assert "domUs that could not be started: 5 of 6." in said


def test_a_host_that_says_nothing_sure_starts_nothing(server: Server) -> None:
    """An image might be another version than the one that was pinned."""
    console = boot(server, {"nfs": nfs()}, host="memory=$x\n").console
    assert "/config/local/host.conf:1: not understood." in console
    assert "domUs that could not be started: 1 of 1." in console
    for host in ("image_dir='a b'\n", "image_store=../x\n"):
        server.write("fs/c/local/host.conf", host)
        assert "host.conf: image_dir and image_store must be absolute paths." in domus(
            server, "start", status=1
        )
    (server.sim / "fs/c/local/host.conf").unlink()
    assert "host.conf: there is no such file." in domus(server, "start", status=1)
    assert domains(server) == set()
