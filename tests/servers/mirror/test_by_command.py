"""Critical data of a domU: what goldmaster-mirror does by a person's command."""

from __future__ import annotations

from support.machines.mirrored import (
    Machines,
    until,
)
from support.simulator.storage import SERIAL


def test_a_new_mirror_is_made_by_command_only(machines: Machines) -> None:
    machine = machines()
    boot = machine.boot()
    machine.reaches("empty")
    assert "BOTH VOLUMES ARE THERE, but hold no mirror" in machine.console
    assert "going on without" in boot.console
    assert not [
        call
        for call in (machine.server.sim / "log").read_text().splitlines()
        if call.startswith(("raidctl -C", "newfs"))
    ]
    for name in "ab":
        (machine.storage.volume(name) / "data").mkdir()
        (machine.storage.volume(name) / "state").write_text("clean\n")
    code, text = machine.command("create")
    assert code == 0, text
    assert f"raidctl -I {SERIAL} raid0" in (machine.server.sim / "log").read_text()
    machine.server.run("/bin/sh", "/etc/rc.d/mirror", "start")
    machine.reaches("whole")
    assert machine.server.run("/bin/sh", "-c", "echo x >/export/x").returncode == 0


def test_a_volume_that_holds_something_is_not_taken(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror(serial=1)
    machine.boot()
    machine.reaches("empty")
    code, text = machine.command("create")
    assert code != 0
    assert "a t is not empty" in text
    assert machine.storage.counter("a") == 10


def test_an_empty_volume_is_rebuilt_by_command_only(machines: Machines) -> None:
    machine = machines.whole()
    machine.storage.lose("b")
    machine.reaches("degraded")
    (machine.storage.volume("b") / "label").unlink()
    machine.storage.restore("b")
    until(
        lambda: (
            "iscsictl login"
            in (machine.server.sim / "log").read_text().rpartition("iscsictl logout")[2]
        )
    )
    assert machine.status()["state"] == "degraded"
    code, text = machine.command("rebuild", "2")
    assert code == 0, text
    machine.reaches("whole")
    assert machine.command("rebuild", "1") == (1, "goldmaster: half 1 is not lost.\n")


def test_a_rebuild_that_fails_is_not_tried_for_ever(machines: Machines) -> None:
    machine = machines.whole()
    machine.storage.lose("b")
    machine.reaches("degraded")
    (machine.storage.folder / "breaks").touch()
    machine.storage.restore("b")
    machine.reaches("failed")
    assert "HALF 2 IS BACK, BUT REBUILDING IT FAILS" in machine.console
    assert machine.console.count("half 2 is back and is made like the other.") == 3
    (machine.storage.folder / "breaks").unlink()
    code, text = machine.command("rebuild", "2")
    assert code == 0, text
    machine.reaches("whole")


def test_usage(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    code, text = machine.command("destroy")
    assert code == 2
    assert "usage: goldmaster-mirror status|create" in text


def test_a_config_disk_that_is_full_is_told(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    machine.server.write("fs/c/mirror", "no folder\n")
    machine.boot()
    machine.reaches("whole")
    assert "/config/mirror/raid0 CANNOT BE WRITTEN" in machine.console
