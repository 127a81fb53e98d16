"""rc.d/domus on dom0: xl fails, hangs, is not there; starts are killed."""

from __future__ import annotations

import os

import pytest
from support.machines.domu_host import (
    SQL,
    boot,
    config,
    domus,
    records,
    records_of,
)
from support.simulator import Server
from support.simulator.dom0 import domains, nfs, vnds


def test_an_xl_that_fails(server: Server) -> None:
    server.write("xl-does/create.bad", "fail")
    console = boot(server, {"bad": nfs(), "sql": SQL}).console
    assert "xl: libxl: error" in console
    assert "goldmaster: bad: xl create failed.\ngoldmaster: bad: not started.\n" in console
    assert domains(server) == {"sql"}
    (server.sim / "xl-does/create.bad").unlink()
    assert "bad: started." in domus(server, "start")


def test_an_xl_that_hangs(server: Server) -> None:
    server.write("xl-does/create.bad", "hang")
    console = boot(
        server, {"bad": nfs(image="bad.ffs"), "sql": SQL}, rc="domus_start_seconds=3\n"
    ).console
    assert "there is no /images/bad.ffs" in console
    server.write("fs/c/local/domUs/bad", nfs())
    said = domus(server, "start", status=1)
    assert "bad: xl create did not end within 3 seconds." in said
    assert domains(server) == {"sql"}, "what it made so far is taken down"


def test_the_image_of_one_that_did_not_start_is_detached(server: Server) -> None:
    server.write("xl-does/create.bad", "fail")
    boot(server, {"bad": nfs()})
    assert vnds(server) == records(server) == {}


@pytest.mark.parametrize("what", ["fail", "hang"])
def test_no_xen(server: Server, what: str) -> None:
    server.write("xl-does/all", what)
    console = boot(server, {"nfs": nfs()}, rc="domus_ask_seconds=1\n").console
    said = "goldmaster: xl does not answer: see that Xen was started, and xencommons.\n"
    assert said in console
    assert domus(server, "stop", status=1) == said
    assert [line.split()[:2] for line in domus(server, "list").splitlines()][1:] == [
        ["nfs", "stopped" if what == "fail" else "unknown"]
    ]


def test_whether_one_runs_is_not_guessed(server: Server) -> None:
    server.write("xl-does/domid.nfs", "hang")
    console = boot(server, {"nfs": nfs(), "sql": SQL}, rc="domus_ask_seconds=3\n").console
    assert "goldmaster: nfs: not started: xl does not say whether it runs.\n" in console
    assert domains(server) == {"sql"}


def test_a_full_var_run(server: Server) -> None:
    boot(server, {"nfs": nfs(), "sql": SQL, "other": nfs(autostart="no")})
    domus(server, "stop", "nfs")
    full = server.root / "var/fill"
    with pytest.raises(OSError, match="No space"), full.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)
    said = domus(server, "start", "nfs", "other", status=1)
    for name in ("nfs", "other"):
        assert f"goldmaster: {name}: /images/base.ffs could not be attached as a disk.\n" in said
    assert "/var/run/goldmaster/vnd/0 cannot be written.\n" in said
    assert domains(server) == {"sql"}
    assert config(server, "nfs").startswith('name = "nfs"'), "the old one, whole"
    full.unlink()
    assert "nfs: started." in domus(server, "start", "nfs")


def test_two_starts_at_once(server: Server) -> None:
    boot(server, {"nfs": nfs(autostart="no"), "sql": SQL})
    server.run("/bin/sh", "-c", f"echo {os.getpid()} >/var/run/goldmaster/domus.pid")
    said = domus(server, "start", "nfs", status=1)
    assert f"process {os.getpid()} starts domUs at the moment; wait for its end." in said
    server.run("/bin/sh", "-c", "echo 999999999 >/var/run/goldmaster/domus.pid")
    assert "nfs: started." in domus(server, "start", "nfs")


def test_a_start_that_is_killed_at_any_step_is_made_good_by_the_next(server: Server) -> None:
    boot(server, {"a": nfs(autostart="no"), "b": nfs(autostart="no", config_disk="/dev/wd0f")})
    killed, steps = True, 1
    while killed:
        server.write("kill", f"{steps} /var/run/goldmaster/domus.pid\n")
        done = server.run("/bin/sh", "/etc/rc.d/domus", "start", "a", "b")
        killed = done.returncode != 0
        server.write("kill", "")
        said = domus(server, "start", "a", "b")
        assert domains(server) == {"a", "b"}, (steps, done.stdout, said)
        image = "/images/base.ffs"
        assert vnds(server) == records_of(server) == {"vnd0": image, "vnd1": image}, steps
        domus(server, "stop")
        assert vnds(server) == records(server) == {}, steps
        steps += 2
    assert steps > 10


def test_settings_that_are_no_numbers(server: Server) -> None:
    console = boot(server, {"nfs": nfs()}, rc="domus_stop_seconds=soon\n").console
    assert "rc.conf: domus_stop_seconds must be a whole number, is 'soon'; it is 60." in console
    assert domains(server) == {"nfs"}
