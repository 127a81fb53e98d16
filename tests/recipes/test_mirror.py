"""Critical data of a domU: a mirror of two iSCSI volumes, through everything that can be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import waiting
from support.simulator import MARKER, Boot, Server
from support.simulator.storage import SERIAL, Storage

RC_CONF = """\
. /etc/defaults/rc.conf
rc_configured=YES
hostname=nfs
cron=NO inetd=NO syslogd=NO
mirror_wait={wait} mirror_patience={patience} mirror_interval=0.05 mirror_poll=0.02
"""
STORAGE_CONF = f"""\
volume1="a t"
volume2="b t"
raid=raid0
mount=/export
serial={SERIAL}
"""
HELLO = """\
#!/bin/sh
# PROVIDE: hello
# REQUIRE: DAEMON
. /etc/rc.subr
name=hello
rcvar=hello
start_cmd=greet
greet() { echo "hello with $(cat /export/counter)" >>/dev/console; }
hello=YES
load_rc_config $name
run_rc_command "$1"
"""
GUARD = ". /libexec/goldmaster/mirrored.sh\nneeds_data hello || hello=NO\n"
RUN = "var/run/goldmaster/mirror"


def until(done: Callable[[], bool]) -> None:
    """Each look of the watcher takes dozens of processes, on a machine that may be busy."""
    waiting.until(done, 15)


class Machine:
    """A domU with its storage servers."""

    def __init__(self, server: Server, *, wait: int = 8, patience: int = 0,
                 note: str = "", storage_conf: str = STORAGE_CONF) -> None:
        self.server = server
        (server.root / "export").mkdir()
        files = {MARKER: "", "local/etc/rc.conf": RC_CONF.format(wait=wait, patience=patience),
                 "local/storage.conf": storage_conf, "local/etc/rc.d/hello": HELLO,
                 "local/etc/rc.conf.d/hello": GUARD}
        if note:
            files["mirror/raid0"] = note
        server.file_system("c", files)
        (server.sim / "fs/c/local/etc/rc.d/hello").chmod(0o755)
        server.file_system("root", {})
        server.disk("xbd0", {"a": "root"})
        server.disk("xbd1", {"a": "c"})
        self.storage = Storage(server)

    def boot(self) -> Boot:
        boot = self.server.boot("autoboot")
        assert boot.status == 0, boot.console
        return boot

    @property
    def console(self) -> str:
        """What was said there since rc's own output."""
        return (self.server.root / "dev/console").read_text()

    def status(self) -> dict[str, str]:
        file = self.server.root / RUN / "status"
        text = file.read_text() if file.exists() else ""
        return dict(line.split("=", 1) for line in text.splitlines())

    def reaches(self, state: str) -> None:
        """Wait until the watcher says so."""
        until(lambda: self.status().get("state") == state)

    def is_up(self) -> None:
        """Wait until the data is there."""
        until((self.server.root / RUN / "mounted").exists)

    def says(self, text: str) -> None:
        until(lambda: text in self.console)

    def note(self) -> dict[str, str]:
        text = (self.server.sim / "fs/c/mirror/raid0").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def command(self, *words: str) -> tuple[int, str]:
        done = self.server.run("/bin/sh", "/usr/sbin/goldmaster-mirror", *words)
        return done.returncode, done.stdout

    def data(self) -> str:
        self.is_up()
        return self.server.run("/bin/cat", "/export/counter").stdout


def note(counter: int, half1: str = "good", half2: str = "good", lost: str = "") -> str:
    return f"noted={SERIAL}\ncounter={counter}\nhalf1={half1}\nhalf2={half2}\nlost={lost}\n"


@pytest.fixture(params=["dash", "mksh"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machines(tmp_path: Path, shell: str) -> Iterator[Machines]:
    made = Machines(tmp_path, shell)
    yield made
    made.close()


class Machines:
    """Makes machines, and puts them away."""

    def __init__(self, folder: Path, shell: str) -> None:
        self._folder, self._shell = folder, shell
        self._made: list[Machine] = []

    def __call__(self, *, wait: int = 8, patience: int = 0, note: str = "",
                 storage_conf: str = STORAGE_CONF) -> Machine:
        server = Server(self._folder / f"server{len(self._made)}", recipe="domu/base",
                        shell=self._shell)
        self._made.append(Machine(server, wait=wait, patience=patience, note=note,
                                  storage_conf=storage_conf))
        return self._made[-1]

    def close(self) -> None:
        for machine in self._made:
            machine.storage.close()
            machine.server.__exit__()


# both servers there


def test_both_halves(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    boot = machine.boot()
    machine.reaches("whole")
    assert machine.data() == "10\n"
    assert "hello with 10" in machine.console, "services find it in time"
    calls = boot.calls_of("raidctl", "fsck_ffs", "mount")
    order = [calls.index(call) for call in (
        "raidctl -c /var/run/goldmaster/mirror/raid.conf raid0", "raidctl -P raid0",
        "fsck_ffs -p /dev/rraid0d", "mount -t ffs /dev/raid0d /export")]
    assert order == sorted(order)
    assert "-C" not in " ".join(calls)
    assert machine.command("status")[0] == 0
    assert machine.note() == {"noted": str(SERIAL), "counter": str(machine.storage.counter("a")),
                              "half1": "good", "half2": "good", "lost": ""}


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
    machine = machines(storage_conf=STORAGE_CONF.replace("a t", "x t").replace("b t", "a t")
                       .replace("x t", "b t"))  # logged in the other way round
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
    assert any("daemon.alert" in line for line in (machine.server.sim / "log").read_text()
               .splitlines())
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
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
    before = machine.storage.counter("b")
    machine.storage.slowly()
    machine.storage.lose("b")
    machine.says("HALF 2 IS LOST (b t); going on with half 1.")
    until(lambda: machine.note()["half2"] == "lost")
    assert int(machine.note()["counter"]) > before
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


# a half that is old


def test_a_half_noted_as_lost_does_not_come_up_alone(machines: Machines) -> None:
    machine = machines(note=note(14, half2="lost", lost="10"))
    machine.storage.mirror(a=14, b=10)
    machine.storage.lose("a")
    boot = machine.boot()
    machine.reaches("refused")
    assert "ONLY HALF 2 IS THERE, and it may be old: the other half went on" in machine.console
    assert "going on without /export" in boot.console
    assert not machine.storage.is_configured()
    assert "hello" not in machine.console
    assert machine.command("status")[0] == 2
    # The other comes: it is the newer one.
    machine.storage.restore("a")
    machine.reaches("whole")
    assert machine.data() == "14\n"
    machine.says("hello with 14")
    assert (machine.storage.volume("b") / "data/counter").read_text() == "14\n"


@pytest.mark.parametrize(("noted", "why"), [
    ("", "nothing is noted of it here"), (note(9), "its counter is 10, the last seen was 9"),
    (note(11), "its counter is 10, the last seen was 11"),
    (note(10).replace(str(SERIAL), "1"), "nothing is noted of it here"),
])
def test_a_half_of_which_too_little_is_known(machines: Machines, noted: str, why: str) -> None:
    machine = machines(note=noted)
    machine.storage.mirror()
    machine.storage.lose("b")
    machine.boot()
    machine.reaches("refused")
    assert why in machine.console
    assert machine.command("accept", "1") == (
        0, "goldmaster: half 1 will be used, and the other made like it.\n")
    machine.reaches("degraded")
    assert machine.data() == "10\n"
    machine.says("hello with 10")


def test_the_older_of_two_never_wins(machines: Machines) -> None:
    for number, (a, b) in enumerate(((10, 14), (14, 10))):
        machine = machines()
        machine.storage.mirror(a=a, b=b)
        machine.boot()
        machine.reaches("whole")
        assert machine.data() == "14\n"
        assert {(machine.storage.volume(name) / "data/counter").read_text() for name in "ab"} == {
            "14\n"}, number


def test_halves_that_were_used_apart(machines: Machines) -> None:
    machine = machines(note=note(14, half2="lost", lost="10"))
    machine.storage.mirror(a=14, b=13)
    machine.boot()
    machine.reaches("split")
    assert "BOTH HALVES HAVE BEEN USED APART" in machine.console
    assert not machine.storage.is_configured()
    machine.command("accept", "2")
    machine.reaches("whole")
    assert machine.data() == "13\n"
    assert (machine.storage.volume("a") / "data/counter").read_text() == "13\n"


@pytest.mark.parametrize(("a", "b", "newest"), [(30, 30, 30), (20, 25, 25), (25, 20, 25)])
def test_a_note_from_before_the_mirror_was_elsewhere(
    machines: Machines, a: int, b: int, newest: int,
) -> None:
    """The domU comes back to a host that it left when a half was lost."""
    machine = machines(note=note(14, half2="lost", lost="10"))
    machine.storage.mirror(a=a, b=b)
    machine.boot()
    machine.reaches("whole")
    assert machine.data() == f"{newest}\n"
    assert machine.note()["half2"] == "good"


def test_a_half_that_comes_back_used_elsewhere(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
    machine.storage.lose("b")
    until(lambda: machine.note()["half2"] == "lost")
    label = machine.storage.volume("b") / "label"
    label.write_text(f"2 {SERIAL} 99 0 1 1 2 1 0\n")
    machine.storage.restore("b")
    machine.reaches("split")
    assert "HALF 2 IS BACK, BUT WAS USED ELSEWHERE" in machine.console
    assert machine.storage.counter("b") == 99
    code, text = machine.command("rebuild", "2")
    assert code == 0, text
    machine.reaches("whole")
    assert machine.storage.counter("b") == machine.storage.counter("a")


# none of them


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
    last.write_text("# PROVIDE: last\n# REQUIRE: hello\n# BEFORE: LOGIN\n"
                    f"while [ ! -e /{RUN}/mounted ]; do sleep 0.02; done\n")
    last.chmod(0o755)
    machine.boot()
    assert machine.console.count("hello with 10") == 1


def test_rc_is_not_waited_for_by_the_watcher(machines: Machines) -> None:
    machine = machines(wait=0)
    machine.storage.mirror()
    machine.storage.lose("a", "b")
    machine.boot()
    assert machine.server.run("/bin/sh", "-c", "exec 2>&1; kill -0 $(cat /var/run/goldmaster/"
                              "mirror/pid) && echo runs").stdout == "runs\n"


# what is on it


def test_a_damaged_file_system_is_not_mounted(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror(state="hopeless")
    machine.boot()
    machine.reaches("damaged")
    assert "THE FILE SYSTEM IS DAMAGED and not mounted" in machine.console
    assert not [call for call in (machine.server.sim / "log").read_text().splitlines()
                if call == "mount -t ffs /dev/raid0d /export"]
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
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
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
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
    noted = (machine.server.sim / "fs/c/mirror/raid0").read_text()
    again = machines(note=noted)
    machine.storage.move_to(again.storage, up="b")
    again.boot()
    again.reaches("degraded")
    assert again.data() == "10\n"


def test_another_host_finds_the_same_data(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
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


# by a person's command


def test_a_new_mirror_is_made_by_command_only(machines: Machines) -> None:
    machine = machines()
    boot = machine.boot()
    machine.reaches("empty")
    assert "BOTH VOLUMES ARE THERE, but hold no mirror" in machine.console
    assert "going on without" in boot.console
    assert not [call for call in (machine.server.sim / "log").read_text().splitlines()
                if call.startswith(("raidctl -C", "newfs"))]
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
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
    machine.storage.lose("b")
    machine.reaches("degraded")
    (machine.storage.volume("b") / "label").unlink()
    machine.storage.restore("b")
    until(lambda: "iscsictl login" in (machine.server.sim / "log").read_text().rpartition(
        "iscsictl logout")[2])
    assert machine.status()["state"] == "degraded"
    code, text = machine.command("rebuild", "2")
    assert code == 0, text
    machine.reaches("whole")
    assert machine.command("rebuild", "1") == (1, "goldmaster: half 1 is not lost.\n")


def test_a_rebuild_that_fails_is_not_tried_for_ever(machines: Machines) -> None:
    machine = machines()
    machine.storage.mirror()
    machine.boot()
    machine.reaches("whole")
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
