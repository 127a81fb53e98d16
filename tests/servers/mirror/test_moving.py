"""Critical data of a domU: damage, stops, and starts elsewhere."""

from __future__ import annotations

from support.machines.mirrored import (
    RUN,
    Machines,
)


def test_a_damaged_file_system_is_not_mounted(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror(state="hopeless")
    machine.boot()
    machine.reaches("damaged")
    assert "THE FILE SYSTEM IS DAMAGED and not mounted" in machine.console
    assert not [
        call
        for call in (machine.server.sim / "log").read_text().splitlines()
        if call == "mount -t ffs /dev/raid0d /export"
    ]
    assert machine.command("status")[0] == 2
    log = machine.server.run("/bin/cat", f"/{RUN}/fsck.log").stdout
    assert "RUN fsck_ffs MANUALLY" in log
    assert "hello" not in machine.console
    machine.server.write("state/raid", "clean\n")
    code, text = machine.command("mount")
    assert code == 0, text
    machine.reaches("whole")
    machine.says("hello with 10")


def test_a_dirty_file_system_is_repaired(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror(state="dirty")
    machine.boot()
    machine.reaches("whole")
    assert machine.data() == "10\n"


def test_raidframe_refuses_a_label_that_does_not_fit(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    raidctl = machine.server.root / "sbin/raidctl"
    raidctl.write_text(raidctl.read_text().replace('"$written" = $column', '"$written" = 7'))
    machine.boot()
    machine.reaches("failed")
    assert "RAIDFRAME REFUSES: raidctl -c" in machine.console


# going elsewhere, stopping, starting again


def test_a_stop_leaves_labels_clean_and_noted(machines: Machines) -> None:
    machine = machines.whole()
    machine.server.run("/bin/sh", "-c", "echo 99 >/export/counter")
    done = machine.server.run("/bin/sh", "/etc/rc.d/mirror", "stop")
    assert done.returncode == 0, done.stdout
    assert not machine.storage.is_configured()
    assert machine.note()["counter"] == str(machine.storage.counter("a"))
    labels = {name: (machine.storage.volume(name) / "label").read_text().split() for name in "ab"}
    assert [labels[name][7] for name in "ab"] == ["1", "1"]
    assert machine.storage.sessions() == []
    # Again, with one half: it is known to be as new as it can be.
    machine.storage.lose("a")
    machine.server.run("/bin/sh", "/etc/rc.d/mirror", "start")
    machine.reaches("degraded")
    assert machine.data() == "99\n"


def test_a_power_cut_and_one_half_less(machines: Machines) -> None:
    machine = machines.whole()
    noted = (machine.server.sim / "fs/c/mirror/raid0").read_text()
    again = machines(note=noted)
    machine.storage.move_to(again.storage, up="b")
    again.boot()
    again.reaches("degraded")
    assert again.data() == "10\n"


def test_another_host_finds_the_same_data(machines: Machines) -> None:
    machine = machines.whole()
    machine.server.run("/bin/sh", "-c", "echo 99 >/export/counter")
    machine.server.run("/bin/sh", "/etc/rc.d/mirror", "stop")
    # Nothing is noted there, other disks have lower numbers, and b answers first.
    other = machines()
    machine.storage.move_to(other.storage)
    other.storage.numbers_from(2)
    (other.storage.folder / "late/a").write_text("2\n")
    other.boot()
    other.reaches("refused")  # one half, for a moment, with no patience at all
    other.reaches("whole")
    assert other.data() == "99\n"
