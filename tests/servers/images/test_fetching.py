"""goldmaster-images on dom0: it fetches versions of images and checks them."""

from __future__ import annotations

from pathlib import Path

from support.machines.image_fleet import BASE, KERNEL, ONE, THREE, TWO, Fleet
from support.servers.image_server import RsyncDaemon, Shelf
from support.simulator.imagehost import ImageHost


def test_the_first_version_is_fetched_checked_and_chosen(fleet: Fleet) -> None:
    said = fleet.host.images("fetch", "-q")
    assert said.text == ("goldmaster: installed v1.\ngoldmaster: domUs get v1 from now on.\n")
    assert fleet.host.slot() == ["v1", "cd", "100"]
    fleet.nothing_happened("v1")
    assert sum(step.startswith("openssl dgst -sha256 -verify") for step in said.steps) == 2
    assert fleet.host.images("verify").text == "goldmaster: v1 is whole.\n"
    assert [path.name for path in (fleet.host.store / ".fetch").iterdir()] == []


def test_what_is_here_is_not_fetched_again(fleet: Fleet) -> None:
    fleet.host.images("fetch")
    assert set(fleet.asked()) == {"v1/base.ffs", "v1/KERNELS", "v1/XEN3_DOMU_RO"}
    assert "nothing newer" in fleet.host.images("fetch").text
    assert fleet.asked() == []
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    assert fleet.asked() == ["v2/base.ffs"], "the kernel is that of v1"
    assert fleet.host.slot() == ["v2", "v1", "101"]
    for name in (KERNEL, "KERNELS"):
        kept = [(fleet.host.store / version / name).stat().st_ino for version in ("v1", "v2")]
        assert kept[0] == kept[1]
    fleet.check()


def test_a_damaged_file_of_another_version_is_not_taken(fleet: Fleet) -> None:
    fleet.host.images("fetch")
    (fleet.host.store / "v1" / KERNEL).write_bytes(b"kernel one?")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    assert fleet.host.content("v2")[KERNEL] == TWO[KERNEL]


def test_a_version_can_be_fetched_and_not_chosen(fleet: Fleet) -> None:
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    assert fleet.host.images("fetch", "-nq").text == "goldmaster: installed v2.\n"
    assert "v2 is here already" in fleet.host.images("fetch", "-n").text
    assert fleet.host.slot() == ["v1", "cd", "100"]
    assert fleet.host.images("fetch").text == "goldmaster: domUs get v2 from now on.\n"
    assert fleet.host.slot() == ["v2", "v1", "101"]


def test_a_version_can_be_named(fleet: Fleet) -> None:
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    fleet.host.images("fetch", "v1")
    assert fleet.host.slot() == ["v1", "v2", "101"]
    assert "nothing newer" in fleet.host.images("fetch").text, "a choice of one's own stays"
    assert fleet.host.slot() == ["v1", "v2", "101"]
    assert "cannot be fetched" in fleet.host.images("fetch", "v9", status=1).text
    assert "cannot be a version" in fleet.host.images("fetch", "../v2", status=1).text


def test_what_the_server_calls_its_choice_is_no_version(fleet: Fleet) -> None:
    """A folder of that name would be in the way of every fetch after it."""
    for name in ("LATEST", "LATEST.sig"):
        assert "cannot be a version" in fleet.host.images("fetch", name, status=1).text
    fleet.host.images("fetch")


def test_over_rsync(shell: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=100)
    with (
        RsyncDaemon(shelf.folder, tmp_path / "rsync") as daemon,
        ImageHost(tmp_path / "host", shell=shell) as host,
    ):
        host.start(daemon.url)
        host.domu("nfs")
        host.images("fetch")
        assert host.content("v1").items() >= ONE.items()
        shelf.add("v2", TWO, number=101)
        part = host.store / ".fetch/v2/.base.ffs.part"
        part.parent.mkdir()
        part.write_bytes(TWO[BASE][:200_000])
        said = host.images("fetch")
        assert host.content("v2").items() >= TWO.items()
        assert (
            len(
                [
                    step
                    for step in said.steps
                    if "base.ffs.part" in step and step.startswith("rsync")
                ]
            )
            == 1
        )
        shelf.remove("v2")
        shelf.add("v3", THREE, number=102)
        (shelf.folder / "v3" / BASE).write_bytes(b"?" * 900_000)
        assert "is not what the signed list says" in host.images("fetch", status=1).text
        assert host.versions() == {"v1", "v2"}
