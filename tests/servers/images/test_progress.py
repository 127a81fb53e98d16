"""goldmaster-images on dom0: what it says while it fetches."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.machines.image_fleet import ONE, TWO, Fleet
from support.servers.image_server import Shelf
from support.servers.mirror import Fault, Mirror
from support.simulator.imagehost import ImageHost


def test_each_file_with_its_size(fleet: Fleet) -> None:
    said = fleet.host.images("fetch").text.splitlines()
    assert said[:3] == [
        "goldmaster: fetching v1: XEN3_DOMU_RO (1 of 2), 11 bytes.",
        "goldmaster: fetching v1: base.ffs (2 of 2), 300 KB.",
        "goldmaster: installed v1.",
    ]


def test_no_noise_for_cron(fleet: Fleet) -> None:
    assert fleet.host.images("fetch", "-q").text == (
        "goldmaster: installed v1.\ngoldmaster: domUs get v1 from now on.\n"
    )
    for words in (["-q"], ["-nq"], ["-n", "-q"], ["-qn"]):
        assert fleet.host.images("fetch", *words).text == ""
    fleet.shelf.add("v2", TWO, number=101)
    assert fleet.host.images("fetch", "-qn").text == "goldmaster: installed v2.\n"
    fleet.shelf.remove("v1")
    said = fleet.host.images("fetch", "-q", "v1", status=1).text
    assert "cannot be fetched" in said, "what fails is told"


@pytest.mark.parametrize("shell", ["dash", "mksh"])
def test_a_slow_server(shell: str, tmp_path: Path) -> None:
    """A line every few seconds, on whatever it writes to: here it is no terminal."""
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=100)
    with Mirror(shelf.folder) as mirror, ImageHost(tmp_path / "host", shell=shell) as host:
        script = host.root / "libexec/goldmaster/progress.sh"
        text = script.read_text()
        assert "progress_seconds=10\n" in text
        script.write_text(text.replace("progress_seconds=10\n", "progress_seconds=1\n"))
        host.start(mirror.url)
        host.domu("nfs")
        mirror.misbehave("v1/base.ffs", Fault("hang", at=200_000), times=1)
        process = host.background("fetch")
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        # ftp(1) writes by blocks of its own
        assert re.fullmatch(r"(goldmaster: 1\d\d KB of 300 KB are here\.\n){2}", "".join(lines[2:]))
        mirror.leaving.set()  # the connection ends, and it goes on with the rest
        assert "goldmaster: installed v1.\n" in process.communicate(timeout=60)[0]
        assert process.returncode == 0
        assert host.content("v1")["base.ffs"] == ONE["base.ffs"]
        again = host.images("fetch").text
        assert again == "goldmaster: v1 is here already, and the server has nothing newer.\n"


def test_the_lock_is_free_at_once(fleet: Fleet) -> None:
    """What reports progress does not outlive the command, nor hold its lock."""
    fleet.mirror.misbehave("v1/base.ffs", Fault("reset", at=1000), times=20)
    assert "cannot be fetched" in fleet.host.images("fetch", status=1).text
    fleet.mirror.misbehave("v1/base.ffs", Fault("slow"), times=0)
    assert "installed v1" in fleet.host.images("fetch").text
