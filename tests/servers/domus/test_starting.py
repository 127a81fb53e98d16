"""rc.d/domus on dom0: it starts what /config/local/domUs describes."""

from __future__ import annotations

from support.checkouts.scratch import PROJECT
from support.machines.domu_host import (
    HOST_WITH_STORE,
    SQL,
    STORAGE,
    boot,
    calls,
    config,
    domus,
    records,
    records_of,
)
from support.simulator import Server
from support.simulator.dom0 import KERNEL, domains, furnish, image_folder, nfs, vnds

CONFIG = """\
name = "nfs"
type = "pv"
kernel = "/images/XEN3_DOMU_RO"
memory = 2048
vcpus = 2
vif = ["mac=00:16:3e:00:00:31,bridge=bridge1"]
disk = ["phy:/dev/vnd0d,xvda,r", "phy:/dev/wd0e,xvdb,w", "phy:/dev/wd0f,xvdc,w", \
"phy:/dev/wd0g,xvdd,r", "phy:/dev/wd0h,xvde,w"]
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "restart"
"""


def test_the_boot_starts_them(server: Server) -> None:
    done = boot(
        server,
        {
            "nfs": nfs(
                memory="2048",
                vcpus="2",
                bridge="bridge1",
                swap_disk="/dev/wd0f",
                disk2="/dev/wd0h,w",
                disk1="/dev/wd0g,r",
            )
        },
    )
    assert "goldmaster: nfs: started.\n" in done.console
    assert domains(server) == {"nfs"}
    assert config(server, "nfs") == CONFIG
    assert (server.sim / "xl/nfs/config").read_text() == CONFIG
    assert vnds(server) == {"vnd0": "/images/base.ffs"}
    assert records(server) == {"0": "/images/base.ffs"}
    assert "not found" not in done.console


def test_they_start_by_boot_order_and_then_by_name(server: Server) -> None:
    done = boot(
        server,
        {
            "nfs": nfs(),
            "b": SQL,
            "a9": nfs(config_disk="/dev/wd0h"),
            "storage": STORAGE,
            "late": nfs(config_disk="/dev/wd0i", boot_order="100"),
            "manual": nfs(config_disk="/dev/wd0j", autostart="no"),
        },
    )
    created = [call.rpartition("/")[2] for call in done.calls_of("xl") if "create" in call]
    assert created == [f"{name}.cfg" for name in ("storage", "a9", "b", "nfs", "late")]
    assert "manual" not in domains(server)
    assert "manual: started." in domus(server, "start", "manual")
    assert "manual" in domains(server)


def test_each_domu_has_its_image_on_a_disk_of_its_own(server: Server) -> None:
    """NetBSD opens a block device once; a file can be attached as often as one likes."""
    image_folder(server.root / "images", {"base.ffs": "one\n", "web.ffs": "two\n"})
    boot(server, {"a": nfs(), "b": SQL, "c": nfs(config_disk="/dev/wd0g", image="web.ffs")})
    assert domains(server) == {"a", "b", "c"}
    assert vnds(server) == {
        "vnd0": "/images/base.ffs",
        "vnd1": "/images/base.ffs",
        "vnd2": "/images/web.ffs",
    }
    assert [call for call in calls(server, "vnconfig") if "-r" not in call] == []
    for number, name in enumerate("abc"):
        assert f"phy:/dev/vnd{number}d,xvda,r" in config(server, name)
        record = server.root / f"var/run/goldmaster/vnd/{number}"
        assert record.read_text().split()[1] == name


def test_a_mac_address_is_written_in_small_letters(server: Server) -> None:
    boot(server, {"sql": SQL})
    assert "mac=00:16:3e:00:00:32,bridge=bridge0" in config(server, "sql")


def test_one_that_runs_is_left_alone(server: Server) -> None:
    boot(server, {"nfs": nfs()})
    before = config(server, "nfs")
    server.write("fs/c/local/domUs/nfs", nfs(memory="1"))
    assert domus(server, "start") == "goldmaster: nfs: runs already.\n"
    assert domus(server, "start", "nfs") == "goldmaster: nfs: runs already.\n"
    assert config(server, "nfs") == before
    assert len([call for call in calls(server, "xl") if "create" in call]) == 1


def test_nothing_to_start_needs_no_xen(server: Server) -> None:
    server.write("xl-does/all", "fail")
    done = boot(server, {})
    assert done.calls_of("xl") == []
    assert "goldmaster: xl" not in done.console


def test_domus_can_be_switched_off(server: Server) -> None:
    done = boot(server, {"nfs": nfs()}, rc="domus=NO\n")
    assert done.calls_of("xl") == []
    assert "nfs: started." in domus(server, "onestart")


def test_it_starts_when_xen_and_the_way_in_are_there() -> None:
    text = (PROJECT / "recipes/dom0/overlay/etc/rc.d/domus").read_text()
    lines = text.splitlines()
    assert "# PROVIDE: domus" in lines
    assert "# REQUIRE: xencommons LOGIN sshd" in lines
    assert "# KEYWORD: shutdown" in lines


def test_its_place_in_the_chain(server: Server) -> None:
    """By the order of rcorder, it runs after what it requires."""
    after = '#!/bin/sh\n# PROVIDE: {}\n# REQUIRE: {}\necho "here is {}"\n'
    more = {
        "local/etc/rc.d/xencommons": after.format("xencommons", "DAEMON", "xencommons"),
        "local/etc/rc.d/last": after.format("last", "domus", "last"),
    }
    console = boot(server, {"nfs": nfs()}, more=more).console
    places = [
        console.index(text) for text in ("here is xencommons", "nfs: started.", "here is last")
    ]
    assert places == sorted(places)


def test_versions_of_a_local_store(server: Server) -> None:
    furnish(
        server,
        {"a": nfs(), "b": SQL},
        host=HOST_WITH_STORE,
        more={"store/current": "v2\n", "store/pins/b": "v1\n"},
    )
    for version in ("v1", "v2"):
        image_folder(server.sim / "fs/c/store" / version, {"base.ffs": f"image {version}\n"})
    assert server.boot().status == 0
    assert vnds(server) == {
        "vnd0": "/config/store/v2/base.ffs",
        "vnd1": "/config/store/v1/base.ffs",
    }
    assert f'kernel = "/config/store/v1/{KERNEL}"' in config(server, "b")
    server.write("fs/c/store/pins/b", "v2\n")
    domus(server, "restart", "b")
    assert (
        vnds(server)
        == records_of(server)
        == {"vnd0": "/config/store/v2/base.ffs", "vnd1": "/config/store/v2/base.ffs"}
    )
    assert [line.split() for line in domus(server, "list").splitlines()][1:] == [
        ["a", "running", "1024", "v2", "yes", "1"],
        ["b", "running", "1024", "v2", "yes", "3"],
    ]
