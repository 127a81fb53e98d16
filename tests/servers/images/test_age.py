"""goldmaster-images on dom0: what a server shows for too long, and a choice that is signed anew."""

from __future__ import annotations

import subprocess
import time

import pytest
from support.checkouts.scratch import PROJECT
from support.machines.image_fleet import TWO, Fleet
from support.simulator.shells import SHELLS, program

DAY = 86_400
FETCH = PROJECT / "recipes/dom0/overlay/libexec/goldmaster/fetch.sh"


def log(fleet: Fleet) -> list[str]:
    """What went to syslog."""
    return [
        line
        for line in (fleet.host.sim / "log").read_text().splitlines()
        if line.startswith("logger ")
    ]


def signed(fleet: Fleet, days: float, version: str = "v1") -> int:
    """LATEST was signed so many days ago."""
    number = int(time.time() - days * DAY)
    fleet.shelf.latest(version, number)
    return number


@pytest.mark.parametrize("days", [0, 0.9, 34.5], ids=str)
def test_a_latest_that_is_young_enough(fleet: Fleet, days: float) -> None:
    signed(fleet, days)
    assert "signed" not in fleet.host.images("fetch").text
    assert log(fleet) == []


def test_a_latest_that_is_too_old(fleet: Fleet) -> None:
    """It is followed all the same: nobody knows better. Told again whenever it is asked for."""
    number = signed(fleet, 40.5)
    for words in ((), (), ("-n",)):
        said = fleet.host.images("fetch", *words).text
        assert (
            "/LATEST was signed 40 days ago, and image_max_age is 35: the server keeps newer "
            "versions back, or nobody signs any more. On the build host, doit image-server "
            "signs it anew.\n"
        ) in said
    fleet.nothing_happened("v1")
    assert fleet.host.slot() == ["v1", "cd", str(number)]
    assert len(log(fleet)) == 3
    assert log(fleet)[0].startswith("logger -p daemon.err -t goldmaster http://")


@pytest.mark.parametrize("days", ["0", "41"])
def test_a_host_that_waits_longer(fleet: Fleet, days: str) -> None:
    fleet.host.host_conf(image_url=fleet.mirror.url, image_max_age=days)
    signed(fleet, 40.5)
    assert "signed" not in fleet.host.images("fetch").text


def test_a_host_that_waits_not_as_long(fleet: Fleet) -> None:
    fleet.host.host_conf(image_url=fleet.mirror.url, image_max_age="1")
    signed(fleet, 2.5)
    assert "signed 2 days ago" in fleet.host.images("fetch").text


@pytest.mark.parametrize("days", ["x", "-1", "01", "1.5", "²"])
def test_what_is_no_number_of_days(fleet: Fleet, days: str) -> None:
    fleet.host.host_conf(image_url=fleet.mirror.url, image_max_age=f"'{days}'")
    assert "host.conf" in fleet.host.images("fetch", status=1).text


@pytest.mark.parametrize("days", [-2, -3000])
def test_a_time_that_is_to_come(fleet: Fleet, days: int) -> None:
    signed(fleet, days)
    assert "was signed at a time that is to come: see that the clocks" in (
        fleet.host.images("fetch").text
    )
    assert len(log(fleet)) == 1


def test_a_number_of_more_digits_than_a_time(fleet: Fleet) -> None:
    fleet.shelf.latest("v1", 999_999_999_999_999)
    assert "a time that is to come" in fleet.host.images("fetch").text
    fleet.shelf.latest("v1", 1_000_000_000_000_000)
    assert "LATEST names no version" in fleet.host.images("fetch", status=1).text


@pytest.mark.parametrize("shell", SHELLS)
def test_numbers_of_fifteen_digits_are_compared(shell: str) -> None:
    """Whatever the shell counts with."""
    numbers = (
        0,
        7,
        8,
        99_999_999,
        100_000_000,
        100_000_008,
        2**31 - 1,
        2**31,
        4 * 10**9,
        10**14 + 8,
        10**15 - 1,
    )
    pairs = [(one, two) for one in numbers for two in numbers]
    script = f". {FETCH}\n" + "".join(f"is_less {one} {two}; echo $?\n" for one, two in pairs)
    done = subprocess.run(
        [program(shell), "-c", script], capture_output=True, text=True, check=True
    )
    assert [line == "0" for line in done.stdout.split()] == [one < two for one, two in pairs]


def test_a_choice_that_is_signed_anew_changes_nothing(fleet: Fleet) -> None:
    """What a person chose on the host stays, until the server names another version."""
    signed(fleet, 3)
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO)
    signed(fleet, 2, "v2")
    fleet.host.images("fetch")
    fleet.host.images("rollback")
    for days in (1.5, 1, 0.5):
        number = signed(fleet, days, "v2")
        said = fleet.host.images("fetch").text
        assert said == "goldmaster: v2 is here already, and the server has nothing newer.\n"
        assert fleet.host.slot() == ["v1", "v2", str(number)]
    signed(fleet, 0.4, "v1")
    assert "domUs get" not in fleet.host.images("fetch").text.replace("get v1 already", "")
    signed(fleet, 0.3, "v2")
    assert "domUs get v2 from now on" in fleet.host.images("fetch").text


def test_a_host_that_followed_before_it_took_notes(fleet: Fleet) -> None:
    """As an older CD left its store: the first fetch notes, and the next number changes nothing."""
    number = signed(fleet, 3)
    fleet.host.images("fetch")
    (fleet.host.store / "followed").unlink()
    fleet.host.images("fetch")
    fleet.host.images("use", "cd")
    assert number < signed(fleet, 1)
    fleet.host.images("fetch")
    assert fleet.host.slot()[0] == "cd"


def test_a_cut_while_a_number_is_noted(fleet: Fleet) -> None:
    """At any step: the choice of the host's people is never lost."""
    signed(fleet, 3)
    fleet.host.images("fetch")
    fleet.host.images("use", "cd")
    signed(fleet, 1)
    steps = len(fleet.host.images("fetch", "-n").steps) + 4
    for step in range(steps, steps + 12):
        number = signed(fleet, 0.9 - step / 1000)
        killed = fleet.host.images("fetch", kill=step, status=None).status
        assert fleet.host.slot()[0] == "cd"
        fleet.host.images("fetch")
        assert fleet.host.slot() == ["cd", "v1", str(number)]
        if killed == 0:
            break
    else:
        raise AssertionError("more steps than thought")
