"""Critical data of a domU: with both storage servers, one of them, or none."""

from __future__ import annotations

import pytest
from support.machines.mirrored import (
    RUN,
    STORAGE_CONF,
    Machines,
    note,
    until,
)
from support.simulator.storage import SERIAL


def test_both_halves(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    boot = machine.boot()
    machine.reaches("whole")
    assert machine.data() == "10\n"
    assert "hello with 10" in machine.console, "services find it in time"
    calls = boot.calls_of("raidctl", "fsck_ffs", "mount")
    order = [
        calls.index(call)
        for call in (
            "raidctl -c /var/run/goldmaster/mirror/raid.conf raid0",
            "raidctl -p raid0",
            "fsck_ffs -p /dev/rraid0d",
            "mount -t ffs /dev/raid0d /export",
        )
    ]
    assert order == sorted(order)
    assert "-C" not in " ".join(calls)
    assert machine.command("status")[0] == 0
    assert machine.note() == {
        "noted": str(SERIAL),
        "counter": str(machine.storage.counter("a")),
        "half1": "good",
        "half2": "good",
        "lost": "",
    }


def test_no_storage_conf_no_mirror(machines: Machines) -> None:
    machine = machines()
    (machine.server.sim / "fs/c/local/storage.conf").unlink()
    boot = machine.boot()
    assert not boot.calls_of("iscsid", "iscsictl", "raidctl")
    assert "hello with" in machine.console, "what would wait for data does not"


def test_a_wrong_storage_conf_is_told(machines: Machines) -> None:
    machine = machines(storage_conf='volume1="a t"\nmount=/export\nmuont=/x\n')
    boot = machine.boot()
    assert "storage.conf:3: muont: unknown key" in boot.console
    assert "hello" not in machine.console


@pytest.mark.parametrize("first", [0, 3])
def test_numbers_of_disks_mean_nothing(machines: Machines, first: int) -> None:
    machine = machines(
        storage_conf=STORAGE_CONF.replace("a t", "x t").replace("b t", "a t").replace("x t", "b t")
    )  # logged in the other way round
    machine.storage.numbers_from(first)
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
    links = machine.server.run("/bin/sh", "-c", f"readlink /{RUN}/half1 /{RUN}/half2").stdout
    assert links == f"/dev/sd{first + 1}d\n/dev/sd{first}d\n"
    assert machine.data() == "10\n"


def test_a_crash_makes_halves_alike_again(machines: Machines) -> None:
    machine = machines(note=note(10))
    machine.storage.mirror(clean=False, state="dirty")
    machine.storage.slowly()
    machine.boot()
    machine.reaches("rebuilding")
    assert machine.data() == "10\n", "there is no waiting for that"
    assert machine.note()["half2"] == "lost", "not to be trusted alone meanwhile"
    machine.storage.finish()
    machine.reaches("whole")
    assert machine.note()["half2"] == "good"


# one server is not there


@pytest.mark.parametrize(("lost", "left", "number"), [("a", "b", 1), ("b", "a", 2)])
def test_lost_before_the_start(machines: Machines, lost: str, left: str, number: int) -> None:
    machine = machines(note=note(10))
    machine.storage.mirror()
    machine.storage.lose(lost)
    machine.boot()
    machine.reaches("degraded")
    assert machine.data() == "10\n"
    assert f"HALF {number} IS LOST ({lost} t)" in machine.console
    assert "hello with 10" in machine.console
    code, text = machine.command("status")
    assert code == 1
    assert "state=degraded" in text
    assert f"half{number}=failed" in text
    assert any(
        "daemon.alert" in line for line in (machine.server.sim / "log").read_text().splitlines()
    )
    assert machine.note()[f"half{number}"] == "lost"
    assert machine.note()["lost"] == "10"
    # It comes back.
    machine.server.run("/bin/sh", "-c", "echo 99 >/export/counter")
    machine.storage.restore(lost)
    machine.reaches("whole")
    assert machine.storage.counter(lost) == machine.storage.counter(left)
    assert (machine.storage.volume(lost) / "data/counter").read_text() == "99\n"
    assert machine.note()[f"half{number}"] == "good"
    assert machine.command("status")[0] == 0


def test_a_server_that_answers_late_is_waited_for(machines: Machines) -> None:
    machine = machines(patience=30)
    machine.storage.mirror()
    (machine.storage.folder / "late/b").write_text("5\n")
    machine.boot()
    machine.reaches("whole")
    assert "LOST" not in machine.console


def test_lost_while_running(machines: Machines) -> None:
    machine = machines.whole()
    before = machine.storage.counter("b")
    machine.storage.slowly()
    machine.storage.lose("b")
    machine.says("HALF 2 IS LOST (b t); going on with half 1.")
    until(lambda: machine.note()["half2"] == "lost")
    # A look between the failure and the new labels notes the old counter; the next one the new.
    until(lambda: int(machine.note()["counter"]) > before)
    machine.server.run("/bin/sh", "-c", "echo 99 >/export/counter")
    machine.storage.restore("b")
    machine.says("half 2 is back and is made like the other.")
    machine.reaches("rebuilding")
    assert machine.note()["half2"] == "lost", "not before it is done"
    assert machine.command("status")[0] == 1
    machine.storage.finish()
    machine.reaches("whole")
    assert machine.note()["half2"] == "good"
    assert (machine.storage.volume("b") / "data/counter").read_text() == "99\n"
    assert machine.console.count("HALF 2 IS LOST") == 1, "told once"
    assert machine.storage.sessions() == ["a t", "b t"]


def test_both_lost_does_not_hold_the_console(machines: Machines) -> None:
    machine = machines(wait=1)
    machine.storage.mirror()
    machine.storage.lose("a", "b")
    boot = machine.boot()
    assert "going on without /export; what needs it starts when it is there" in boot.console
    machine.reaches("waiting")
    assert "NO STORAGE SERVER ANSWERS" in machine.console
    assert "hello" not in machine.console
    machine.storage.restore("a", "b")
    machine.reaches("whole")
    machine.says("hello with 10")
    assert machine.console.count("hello with 10") == 1


def test_data_that_comes_before_rc_has_ended(machines: Machines) -> None:
    """Late for hello's place, early for the end: rc itself starts it then."""
    machine = machines(wait=0)
    machine.storage.mirror()
    (machine.storage.folder / "late/a").write_text("3\n")
    last = machine.server.sim / "fs/c/local/etc/rc.d/last"
    last.write_text(
        "# PROVIDE: last\n# REQUIRE: hello\n# BEFORE: LOGIN\n"
        f"while [ ! -e /{RUN}/mounted ]; do sleep 0.02; done\n"
    )
    last.chmod(0o755)
    machine.boot()
    assert machine.console.count("hello with 10") == 1


def test_rc_is_not_waited_for_by_the_watcher(machines: Machines) -> None:
    machine = machines(wait=0)
    machine.storage.mirror()
    machine.storage.lose("a", "b")
    machine.boot()
    assert (
        machine.server.run(
            "/bin/sh", "-c", "exec 2>&1; kill -0 $(cat /var/run/goldmaster/mirror/pid) && echo runs"
        ).stdout
        == "runs\n"
    )
