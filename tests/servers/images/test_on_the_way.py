"""goldmaster-images on dom0: disks too small, servers lost, two at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.machines.image_fleet import BASE, KERNEL, TWO, Fleet
from support.servers.image_server import Shelf, image
from support.servers.mirror import Fault, Mirror
from support.simulator.imagehost import ImageHost
from support.waiting import until


def test_a_disk_that_is_too_small_is_told_before(fleet: Fleet) -> None:
    fleet.shelf.add("v2", TWO, sizes={BASE: 40_000_000}, number=101)
    said = fleet.host.images("fetch", status=1).text
    assert "v2 needs 390" in said
    assert "goldmaster-images prune" in said
    assert not [path for path in fleet.asked() if path.startswith("v2/base")]
    fleet.nothing_happened()


def test_a_disk_that_is_full_all_the_same(shell: str, tmp_path: Path) -> None:
    """Somebody else takes the space between."""
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", {BASE: image("1", 900_000), KERNEL: b"k"}, number=100)
    with (
        Mirror(shelf.folder) as mirror,
        ImageHost(tmp_path / "host", shell=shell, size="1m") as host,
    ):
        host.start(mirror.url)
        host.domu("nfs")
        (host.store / ".fetch").mkdir()
        (host.sim / "step.sh").write_text(
            (host.sim / "step.sh").read_text() + "case $* in *base.ffs.part*http*)\n"
            "/host/bin/seq 100000 >/store/.others ;;\nesac\n"
        )
        said = host.images("fetch", status=1).text
        assert "v1/base.ffs cannot be fetched" in said
        fleet = Fleet(host, shelf, mirror)
        fleet.nothing_happened()
        (host.store / ".others").unlink()
        host.write("step.sh", 'echo "${0##*/} $*" >>/sim/steps\n')
        mirror.requests.clear()
        host.images("fetch")
        ranges = [asked for path, asked in mirror.requests if path == "v1/base.ffs"]
        assert len(ranges) == 1
        assert ranges[0] > "bytes=1"
        fleet.nothing_happened("v1")


def test_no_room_for_a_slot(fleet: Fleet) -> None:
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch", "-n")
    filler = fleet.host.store / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    assert "current cannot be written" in fleet.host.images("use", "v2", status=1).text
    assert fleet.host.slot() == ["v1", "cd", "100"]
    filler.unlink()
    fleet.host.images("use", "v2")
    assert fleet.host.slot() == ["v2", "v1", "100"]


def test_a_server_that_is_lost_on_the_way(fleet: Fleet) -> None:
    fleet.mirror.misbehave("v1/base.ffs", Fault("cut", at=120_000), times=1)
    fleet.host.images("fetch")
    ranges = [asked for path, asked in fleet.mirror.requests if path == "v1/base.ffs"]
    assert ranges == ["", "bytes=120000-"]
    fleet.nothing_happened("v1")


def test_a_connection_that_breaks(fleet: Fleet) -> None:
    fleet.mirror.misbehave("v1/base.ffs", Fault("reset", at=120_000), times=1)
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")


def test_a_server_that_stays_lost(fleet: Fleet) -> None:
    fleet.mirror.misbehave(
        "v1/base.ffs", Fault("cut", at=120_000), times=1, then=Fault("status", status=503)
    )
    said = fleet.host.images("fetch", status=1).text
    assert "120000 of 300000 bytes are here. The next goldmaster-images fetch goes on" in said
    fleet.nothing_happened()
    fleet.mirror.misbehave("v1/base.ffs", Fault("status"), times=0)
    fleet.mirror.requests.clear()
    fleet.host.images("fetch")
    assert ("v1/base.ffs", "bytes=120000-") in fleet.mirror.requests
    fleet.nothing_happened("v1")


def test_a_remainder_of_something_else(fleet: Fleet) -> None:
    """What a killed fetch of other content left is noticed, and fetched from its beginning."""
    part = fleet.host.store / ".fetch/v1/.base.ffs.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"?" * 100_000)
    (part.parent / "extra").write_bytes(b"x")
    (fleet.host.store / ".fetch/v0").mkdir()
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")


def test_two_at_once(fleet: Fleet) -> None:
    fleet.mirror.misbehave("v1/base.ffs", Fault("hang", at=100_000), times=1)
    first = fleet.host.background("fetch")
    part = fleet.host.store / ".fetch/v1/.base.ffs.part"
    try:
        until(lambda: ("v1/base.ffs", "") in fleet.mirror.requests and part.exists())
        for words in (["fetch"], ["prune"], ["use", "cd"]):
            assert "another goldmaster-images" in fleet.host.images(*words, status=1).text
        assert "cd" in fleet.host.images("list").text
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    fleet.nothing_happened()
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")
