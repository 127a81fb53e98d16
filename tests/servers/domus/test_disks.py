"""rc.d/domus on dom0: disks of images and of domUs."""

from __future__ import annotations

from support.machines.domu_host import (
    SQL,
    boot,
    config,
    domus,
    records,
    records_of,
)
from support.simulator import Server
from support.simulator.dom0 import domains, furnish, image_folder, nfs, vnds


def test_nodes_for_an_image_are_made(server: Server) -> None:
    names = [f"i{number}.ffs" for number in range(6)]
    image_folder(server.root / "images", {name: name for name in names})
    done = boot(
        server,
        {
            name[:2]: nfs(image=name, config_disk=f"/dev/wd0{letter}")
            for name, letter in zip(names, "efghij", strict=True)
        },
    )
    assert len(vnds(server)) == 6
    assert [call for call in done.calls_of("MAKEDEV") if "vnd" in call] == [
        f"MAKEDEV vnd{number}" for number in range(1, 6)
    ]


def test_a_disk_that_is_somebody_elses_is_passed_by(server: Server) -> None:
    server.write("vnd/vnd0", "/tmp/mine\n")
    boot(server, {"nfs": nfs()})
    assert vnds(server) == {"vnd0": "/tmp/mine", "vnd1": "/images/base.ffs"}
    domus(server, "stop")
    assert vnds(server) == {"vnd0": "/tmp/mine"}
    assert records(server) == {}


def test_nodes_for_a_partition_are_made(server: Server) -> None:
    server.file_system("d", {})
    server.disk("sd9", {"e": "d"}, nodes=False)
    server.disk("dk12", {"": "d"}, nodes=False)
    furnish(server, {"nfs": nfs(config_disk="/dev/sd9e", swap_disk="/dev/dk12")})
    console = server.boot().console
    assert domains(server) == {"nfs"}, console


def test_no_disk_for_an_image(server: Server) -> None:
    for number in range(16):
        server.write(f"vnd/vnd{number}", "/tmp/mine\n")
    console = boot(server, {"nfs": nfs()}).console
    assert "nfs: /images/base.ffs could not be attached as a disk." in console
    assert records(server) == {}


def test_a_record_without_a_disk_is_made_good(server: Server) -> None:
    """As a power cut between the two leaves it."""
    boot(server, {"nfs": nfs(autostart="no")})
    server.run("/bin/mkdir", "-p", "/var/run/goldmaster/vnd")
    server.run("/bin/sh", "-c", "echo /images/base.ffs nfs >/var/run/goldmaster/vnd/2")
    domus(server, "start", "nfs")
    assert vnds(server) == records_of(server) == {"vnd0": "/images/base.ffs"}


def test_a_partition_that_is_not_there(server: Server) -> None:
    """Without node, or with a node and nothing behind it."""
    missing = ("/dev/wd0b", "/dev/wd7e", "/dev/none/x")
    files = {f"a{number}": nfs(config_disk=disk) for number, disk in enumerate(missing)}
    console = boot(server, {**files, "b": SQL, "c": nfs(disk3=f"{missing[0]},r")}).console
    for number, disk in enumerate(missing):
        said = f"a{number}: config_disk: {disk} cannot be read; is there such a partition?"
        assert said in console
    assert f"c: disk3: {missing[0]} cannot be read; is there such a partition?" in console
    assert domains(server) == {"b"}


def test_a_disk_of_another_that_runs(server: Server) -> None:
    console = boot(
        server,
        {
            "a": nfs(),
            "b": nfs(disk4="/dev/wd0f", config_disk="/dev/wd0e,w"),
            "c": nfs(config_disk="/dev/wd0g", disk1="/dev/wd0e,r"),
            "d": nfs(config_disk="/dev/wd0h", disk1="/dev/wd0i,r"),
            "e": nfs(config_disk="/dev/wd0j", disk1="/dev/wd0i,r"),
        },
    ).console
    assert "goldmaster: b: config_disk: /dev/wd0e is a disk of a, which runs.\n" in console
    assert "goldmaster: c: disk1: /dev/wd0e is a disk of a, which runs.\n" in console
    assert "goldmaster: e: disk1: /dev/wd0i is a disk of d, which runs.\n" in console
    assert domains(server) == {"a", "d"}
    domus(server, "stop", "a")
    domus(server, "start", "b")
    assert "a: config_disk: /dev/wd0e is a disk of b, which runs." in domus(
        server, "start", "a", status=1
    )


def test_a_disk_that_the_host_itself_uses(server: Server) -> None:
    """Mounted, swapped to, a component of RAIDframe, or given to a domain by hand."""
    server.write("swap", "/dev/wd0g\n")
    server.write("storage/raid/0", "/dev/wd0h optimal wd0h\n")
    server.write("xl/guest/id", "77\n")
    server.write("xl/guest/vbds", "51712 4 /dev/wd0i\n")
    used = {"a": "/dev/wd0a", "b": "/dev/wd0g,r", "c": "/dev/wd0h", "d": "/dev/wd0i,r"}
    files = {name: nfs(disk1=disk) for name, disk in used.items()}
    console = boot(server, {**files, "sql": SQL}).console
    for name, disk in used.items():
        said = f"{name}: disk1: {disk.removesuffix(',r')} is in use on this host already."
        assert said in console
    assert domains(server) == {"guest", "sql"}


def test_a_disk_that_one_domu_has_twice(server: Server) -> None:
    console = boot(server, {"a": nfs(disk1="/dev/wd0e,r"), "sql": SQL}).console
    assert "a: disk1: /dev/wd0e is another of its disks, too." in console
    assert domains(server) == {"sql"}


def test_a_disk_that_is_taken_in_between(server: Server) -> None:
    """xl succeeds, but dom0's kernel could not open the disk: the domU would wait for ever."""
    taken = '#!/bin/sh\n[ $1 != create ] || echo /dev/wd0g >>/sim/swap\nexec /sbin/xl.real "$@"\n'
    (server.root / "sbin/xl").rename(server.root / "sbin/xl.real")
    (server.root / "sbin/xl").write_text(taken)
    (server.root / "sbin/xl").chmod(0o755)
    console = boot(
        server, {"a": nfs(disk1="/dev/wd0g"), "sql": SQL}, rc="domus_ask_seconds=1\n"
    ).console
    assert "goldmaster: a: dom0 could not open its disks: /dev/wd0g\n" in console
    assert "goldmaster: a: not started.\n" in console
    assert domains(server) == {"sql"}
    assert set(vnds(server).values()) == {"/images/base.ffs"}


def test_a_volume_of_zfs(server: Server) -> None:
    """Its raw device is in another folder; a volume that is not there is told like any disk."""
    volume = "/dev/zvol/dsk/tank/domus/web"
    boot(
        server,
        {
            "web": nfs(disk1=volume, disk2="/dev/mapper/vg0-web,r", autostart="no"),
            "sql": nfs(disk1="/dev/zvol/dsk/tank/none", autostart="no"),
        },
    )
    for node in (
        volume,
        volume.replace("dsk", "rdsk"),
        "/dev/mapper/vg0-web",
        "/dev/mapper/rvg0-web",
    ):
        server.run("/bin/mkdir", "-p", node.rpartition("/")[0])
        server.run("/bin/sh", "-c", f": >{node}")
    server.write("partitions/zvol/dsk/tank/domus/web", "e")
    for name in ("vg0-web", "rvg0-web"):
        server.write(f"partitions/mapper/{name}", "e")
    assert "web: started." in domus(server, "start", "web")
    assert f'"phy:{volume},xvdc,w"' in config(server, "web")
    assert "sql: disk1: /dev/zvol/dsk/tank/none cannot be read; is there such a partition?" in (
        domus(server, "start", "sql", status=1)
    )
    assert domains(server) == {"web"}
