"""rc.d/domus on dom0: it stops and lists them."""

from __future__ import annotations

from support.machines.domu_host import (
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
from support.simulator.dom0 import domains, nfs, vnds


def test_all_are_stopped_at_once_and_clients_before_their_servers(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL, "storage": STORAGE})
    server.write("xl-does/shutdown.a", "1")
    server.write("log", "")
    domus(server, "stop")
    assert domains(server) == set()
    told = [call.split()[2] for call in calls(server, "xl") if "shutdown" in call]
    assert sorted(told[:2]) == ["2", "3"], "together"
    assert told[2:] == ["1"]
    order = calls(server, "xl")
    waited = [place for place, call in enumerate(order) if call == "xl domid a"]
    assert order.index("xl shutdown 1") > waited[2], "after the end of its clients"
    assert not [call for call in order if "destroy" in call]
    assert vnds(server) == records(server) == {}


def test_one_that_does_not_stop_is_destroyed(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL}, rc="domus_stop_seconds=1\n")
    server.write("xl-does/shutdown.a", "never")
    said = domus(server, "stop")
    assert "goldmaster: a: did not stop within 1 seconds: destroyed.\n" in said
    assert [call for call in calls(server, "xl") if "destroy" in call] == ["xl destroy 1"]
    assert domains(server) == set()
    assert vnds(server) == {}


def test_one_that_cannot_even_be_destroyed(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL}, rc="domus_stop_seconds=1\n")
    server.write("xl-does/shutdown.a", "never")
    server.write("xl-does/destroy.a", "fail")
    assert "goldmaster: a: xl destroy failed.\n" in domus(server, "stop", status=1)
    assert domains(server) == {"a"}
    assert vnds(server) == records_of(server) == {"vnd0": "/images/base.ffs"}


def test_one_of_two_with_one_image_is_stopped(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL})
    domus(server, "stop", "a")
    assert domains(server) == {"b"}
    assert vnds(server) == records_of(server) == {"vnd1": "/images/base.ffs"}
    assert domus(server, "stop", "a") == ""


def test_one_whose_file_is_gone_is_stopped_with_the_others(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL})
    (server.sim / "fs/c/local/domUs/a").unlink()
    domus(server, "stop")
    assert domains(server) == set()


def test_what_others_started_is_left_alone(server: Server) -> None:
    boot(server, {"a": nfs()})
    server.write("xl/guest/id", "77\n")
    domus(server, "stop")
    assert domains(server) == {"guest"}


def test_a_name_of_digits_is_not_taken_for_a_number(server: Server) -> None:
    """As xl does: `xl destroy 2` means the domain with the number 2."""
    boot(server, {"1": nfs(boot_order="60"), "2": SQL, "3": STORAGE}, rc="domus_stop_seconds=1\n")
    assert (server.sim / "xl/2/id").read_text() == "2\n"
    assert (server.sim / "xl/1/id").read_text() == "3\n"
    server.write("xl-does/shutdown.1", "never")
    domus(server, "stop", "1")
    assert domains(server) == {"2", "3"}
    domus(server, "stop", "3")
    assert domains(server) == {"2"}


def test_restart(server: Server) -> None:
    boot(server, {"a": nfs(), "b": SQL})
    server.write("fs/c/local/domUs/a", nfs(memory="512"))
    domus(server, "restart", "a")
    assert "memory = 512" in config(server, "a")
    assert (server.sim / "xl/a/id").read_text() == "3\n"
    assert (server.sim / "xl/b/id").read_text() == "2\n"
    domus(server, "restart")
    assert domains(server) == {"a", "b"}


# listing


def test_the_table(server: Server) -> None:
    boot(
        server,
        {
            "a": nfs(),
            "b": nfs(autostart="no", config_disk="/dev/wd0f"),
            "bad": "memory=$x\n",
            "storage": STORAGE,
        },
    )
    table = domus(server, "list")
    assert [line.split() for line in table.splitlines()] == [
        ["NAME", "STATE", "MEMORY", "VERSION", "AUTOSTART", "DOMID"],
        ["storage", "running", "1024", "cd", "yes", "1"],
        ["a", "running", "1024", "cd", "yes", "2"],
        ["b", "stopped", "1024", "cd", "no", "-"],
        ["bad", "bad", "-", "cd", "-", "-"],
    ]
    assert domus(server, "status") == table
    assert domus(server, "list", "a").splitlines()[1].split()[:2] == ["a", "running"]
    assert "no domU of this name" in domus(server, "list", "none", status=1)
