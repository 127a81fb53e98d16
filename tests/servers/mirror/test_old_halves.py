"""Critical data of a domU: a half that is old never wins."""

from __future__ import annotations

import pytest
from support.machines.mirrored import (
    Machines,
    note,
    until,
)
from support.simulator.storage import SERIAL


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


@pytest.mark.parametrize(
    ("noted", "why"),
    [
        ("", "nothing is noted of it here"),
        (note(9), "its counter is 10, the last seen was 9"),
        (note(11), "its counter is 10, the last seen was 11"),
        (note(10).replace(str(SERIAL), "1"), "nothing is noted of it here"),
    ],
)
def test_a_half_of_which_too_little_is_known(machines: Machines, noted: str, why: str) -> None:
    machine = machines(note=noted)
    machine.storage.mirror()
    machine.storage.lose("b")
    machine.boot()
    machine.reaches("refused")
    assert why in machine.console
    assert machine.command("accept", "1") == (
        0,
        "goldmaster: half 1 will be used, and the other made like it.\n",
    )
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
            "14\n"
        }, number


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
    machines: Machines,
    a: int,
    b: int,
    newest: int,
) -> None:
    """The domU comes back to a host that it left when a half was lost."""
    machine = machines(note=note(14, half2="lost", lost="10"))
    machine.storage.mirror(a=a, b=b)
    machine.boot()
    machine.reaches("whole")
    assert machine.data() == f"{newest}\n"
    assert machine.note()["half2"] == "good"


def test_a_half_that_comes_back_used_elsewhere(machines: Machines) -> None:
    machine = machines.whole()
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
