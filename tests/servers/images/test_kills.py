"""goldmaster-images on dom0: kill -9, or a loss of power, at every step."""

from __future__ import annotations

import os
import signal

import pytest
from support.machines.image_fleet import BASE, THREE, TWO, Fleet
from support.servers.mirror import Fault
from support.simulator.imagehost import STORE
from support.waiting import until


def killed_everywhere(fleet: Fleet, *words: str, after: list[str]) -> int:
    """Kill a command at each of its steps, and have what `after` says by the same one; how many.

    `fleet.host` is put back to where it was before each.
    """
    before, saved = fleet.host.store, "/var/saved"
    shell = ["chroot", "root", "/bin/sh", "-c"]

    def run(script: str) -> None:
        fleet.host._run(*shell, script, check=True)

    run(f"/host/bin/cp -a {STORE} {saved}")
    step = 0
    while True:
        step += 1
        said = fleet.host.images(*words, kill=step, status=None)
        fleet.check()
        if said.status == 0:
            break
        assert said.status == -1, said
        fleet.host.images(*words)
        fleet.check()
        assert fleet.host.slot() == after, said
        left = {path.name for path in before.iterdir() if path.name.startswith(".")}
        assert left <= {".fetch", ".gone"}, left
        assert [path for name in left for path in (before / name).iterdir()] == []
        run(f"cd {STORE} && /host/bin/find . -mindepth 1 -delete && /host/bin/cp -a {saved}/. .")
    return step


def test_a_fetch_killed_at_every_step(fleet: Fleet) -> None:
    fleet.host.host_conf(image_url=fleet.mirror.url, image_keep="2")
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    fleet.shelf.add("v3", THREE, number=102)
    assert killed_everywhere(fleet, "fetch", after=["v3", "v2", "102"]) > 40
    assert fleet.host.versions() == {"v2", "v3"}


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (("use", "v2"), ["v2", "v1", "101"]),
        (("use", "cd"), ["cd", "v1", "101"]),
        (("prune",), ["v1", "v2", "101"]),
    ],
)
def test_a_choice_killed_at_every_step(
    fleet: Fleet, words: tuple[str, ...], after: list[str]
) -> None:
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    fleet.shelf.add("v3", THREE)
    fleet.host.images("fetch", "-n", "v3")
    fleet.host.images("use", "v1")
    fleet.host.host_conf(image_url=fleet.mirror.url, image_keep="1")
    assert killed_everywhere(fleet, *words, after=after) > 3


def test_a_mending_killed_at_every_step(fleet: Fleet) -> None:
    """A damaged version is mended in its place, and stays what domUs get."""
    fleet.host.images("fetch")
    damaged = fleet.host.store / "v1" / BASE
    for step in range(1, 60):
        damaged.unlink()
        damaged.write_bytes(b"?" * 300_000)
        said = fleet.host.images("verify", status=1)
        assert "v1: damaged or missing: base.ffs. goldmaster-images fetch -n v1" in said.text
        said = fleet.host.images("fetch", "-n", "v1", kill=step, status=None)
        assert fleet.host.slot() == ["v1", "cd", "100"]
        if said.status == 0:
            break
        fleet.host.images("fetch", "-n", "v1")
        fleet.check()
    assert said.status == 0
    assert step > 20
    assert "put base.ffs in place of a damaged one" in said.text
    fleet.check()


def test_a_download_killed_in_its_middle(fleet: Fleet) -> None:
    fleet.mirror.misbehave("v1/base.ffs", Fault("hang", at=200_000), times=1)
    first = fleet.host.background("fetch")
    part = fleet.host.store / ".fetch/v1/.base.ffs.part"
    until(lambda: part.exists() and part.stat().st_size > 50_000)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    fleet.nothing_happened()
    had = part.stat().st_size
    fleet.mirror.requests.clear()
    fleet.host.images("fetch")
    assert ("v1/base.ffs", f"bytes={had}-") in fleet.mirror.requests
    fleet.nothing_happened("v1")


def test_what_a_loss_of_power_must_not_part(fleet: Fleet) -> None:
    """What a name stands for is on the disk before the name is, and that before the next step."""
    steps = [step.strip() for step in fleet.host.images("fetch").steps]
    for rename in (f"mv {STORE}/.fetch/v1 {STORE}/v1", f"mv -f {STORE}/.slot {STORE}/current"):
        at = steps.index(rename)
        assert steps[at - 1] == steps[at + 1] == "sync"
