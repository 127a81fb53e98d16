"""goldmaster-images on dom0: fetches versions of images, checks them, and chooses among them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.imageserver import KERNELS, RsyncDaemon, Shelf, image, public_key, signature
from support.mirror import Fault, Mirror
from support.simulator.dom0 import HOST, domains, furnish, image_folder, nfs, vnds
from support.simulator.imagehost import STORE, ImageHost, Said
from support.waiting import until

BASE, KERNEL = "base.ffs", "XEN3_DOMU_RO"
KEY = "/etc/goldmaster/images.pem"
ONE = {BASE: image("one"), KERNEL: b"kernel one\n"}
TWO = {BASE: image("two"), KERNEL: b"kernel one\n"}
THREE = {BASE: image("three"), KERNEL: b"kernel three\n"}


@dataclass
class Fleet:
    """A server's folder, served over HTTP, and a host that fetches from it."""

    host: ImageHost
    shelf: Shelf
    mirror: Mirror

    def asked(self) -> list[str]:
        """Paths that were fetched since the last call, but the lists."""
        paths = [path for path, _ in self.mirror.requests]
        self.mirror.requests.clear()
        return [path for path in paths
                if path.rpartition("/")[2] not in {"LATEST", "SHA256", "SHA256.sig", "VERSION"}]

    def check(self) -> None:
        """What holds at every moment: all that has a version's name is whole, slots name such."""
        for version in self.host.versions():
            served = {path.name: path.read_bytes()
                      for path in (self.shelf.folder / version).iterdir()}
            kept = dict(self.host.content(version))
            assert kept.pop(".installed")
            assert kept == served, version
        for name in ("current", *(f"pins/{path.name}" for path in
                                  self.host.store.glob("pins/*"))):
            lines = self.host.slot(name)
            assert not lines or lines[0] in {"cd", *self.host.versions()}, (name, lines)

    def nothing_happened(self, *versions: str) -> None:
        """Only these versions are here, and domUs get the last of them."""
        self.check()
        assert self.host.versions() == set(versions)
        assert self.host.slot()[:1] == [*versions][-1:]


@pytest.fixture(params=["dash", "mksh"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fleet(shell: str, tmp_path: Path) -> Iterator[Fleet]:
    """Nothing fetched yet; the server has v1."""
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=100)
    with Mirror(shelf.folder) as mirror, ImageHost(tmp_path / "host", shell=shell) as host:
        host.start(mirror.url)
        for domu in ("nfs", "sql"):
            host.domu(domu)
        yield Fleet(host, shelf, mirror)


def table(said: Said) -> dict[str, list[str]]:
    """The list: version to its row."""
    head, *rows = said.text.splitlines()
    starts = [head.index(word) for word in head.split()]
    cells = [[row[start:end].strip() for start, end in
              zip(starts, [*starts[1:], None], strict=True)] for row in rows]
    return {name: rest for name, *rest in cells}


# fetching


def test_the_first_version_is_fetched_checked_and_chosen(fleet: Fleet) -> None:
    said = fleet.host.images("fetch")
    assert said.text == ("goldmaster: installed v1.\n"
                         "goldmaster: domUs get v1 from now on.\n")
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
    assert fleet.host.images("fetch", "-n").text == "goldmaster: installed v2.\n"
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


def test_over_rsync(shell: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=100)
    with (RsyncDaemon(shelf.folder, tmp_path / "rsync") as daemon,
          ImageHost(tmp_path / "host", shell=shell) as host):
        host.start(daemon.url)
        host.images("fetch")
        assert host.content("v1").items() >= ONE.items()
        shelf.add("v2", TWO, number=101)
        part = host.store / ".fetch/v2/.base.ffs.part"
        part.parent.mkdir()
        part.write_bytes(TWO[BASE][:200_000])
        said = host.images("fetch")
        assert host.content("v2").items() >= TWO.items()
        assert len([step for step in said.steps if "base.ffs.part" in step
                    and step.startswith("rsync")]) == 1
        shelf.remove("v2")
        shelf.add("v3", THREE, number=102)
        (shelf.folder / "v3" / BASE).write_bytes(b"?" * 900_000)
        assert "is not what the signed list says" in host.images("fetch", status=1).text
        assert host.versions() == {"v1", "v2"}


# what is refused


def test_a_list_of_another_key(fleet: Fleet) -> None:
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, key="theirs")
    fleet.shelf.latest("v2", 101)
    assert "v2/SHA256 is not signed by" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened("v1")
    fleet.shelf.latest("v2", 101, key="theirs")
    assert "LATEST is not signed by" in fleet.host.images("fetch", status=1).text


def test_a_host_that_trusts_another_key(shell: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=100)
    with Mirror(shelf.folder) as mirror, ImageHost(tmp_path / "host", shell=shell) as host:
        (host.root / "etc/goldmaster/images.pem").write_text(public_key("theirs"))
        host.start(mirror.url)
        assert "not signed" in host.images("fetch", status=1).text
    with Mirror(shelf.folder) as mirror, ImageHost(tmp_path / "other", shell=shell) as host:
        (host.root / "etc/goldmaster/images.pem").unlink()
        host.start(mirror.url)
        assert f"there is no {KEY}" in host.images("fetch", status=1).text
        assert host.versions() == set()


def test_an_older_choice_of_the_server_is_not_followed(fleet: Fleet) -> None:
    old = (fleet.shelf.folder / "LATEST").read_bytes()
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    (fleet.shelf.folder / "LATEST").write_bytes(old)
    said = fleet.host.images("fetch", status=1).text
    assert "names v1 by the number 100, but 101 was followed already" in said
    assert fleet.host.slot() == ["v2", "cd", "101"]
    assert "goldmaster-images fetch v1" in said
    fleet.host.images("fetch", "v1")
    assert fleet.host.slot()[0] == "v1"
    assert "101 was followed already" in fleet.host.images("fetch", status=1).text
    fleet.shelf.latest("v1", 102)
    fleet.host.images("use", "v2")
    fleet.host.images("fetch")
    assert fleet.host.slot() == ["v1", "v2", "102"], "back for all, by the server's own word"


def test_an_old_version_by_a_new_name(fleet: Fleet) -> None:
    """A server can hand out what was signed once, but not as something else."""
    (fleet.shelf.folder / "v2").symlink_to("v1")
    fleet.shelf.latest("v2", 101)
    assert "VERSION is that of another version" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened()


@pytest.mark.parametrize("changed", [BASE, KERNEL, "KERNELS", "VERSION", "SHA256"])
def test_a_file_that_was_changed(fleet: Fleet, changed: str) -> None:
    path = fleet.shelf.folder / "v1" / changed
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    said = fleet.host.images("fetch", status=1).text
    assert "is not what the signed list says" in said or "is that of another" in said \
        or "is not signed" in said
    fleet.nothing_happened()
    path.write_bytes(whole)
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")


@pytest.mark.parametrize("kind", ["cut", "longer", "other-size", "wrong", "page", "status"])
def test_a_server_that_serves_wrongly(fleet: Fleet, kind: str) -> None:
    fleet.mirror.misbehave("v1/base.ffs", Fault(kind, at=0))  # type: ignore[arg-type]
    said = fleet.host.images("fetch", status=1).text
    assert "v1/base.ffs" in said
    fleet.nothing_happened()
    room = [path.stat().st_size for path in (fleet.host.store / ".fetch/v1").iterdir()]
    assert sum(room) < 2 * len(ONE[BASE]), "what has no end is not taken whole"
    fleet.mirror.misbehave("v1/base.ffs", Fault("status"), times=0)
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")


@pytest.mark.parametrize("name", ["LATEST", "v1/SHA256", "v1/SHA256.sig", "v1/VERSION"])
@pytest.mark.parametrize("kind", ["status", "page", "endless"])
def test_a_list_that_is_none(fleet: Fleet, name: str, kind: str) -> None:
    if kind == "endless":
        (fleet.shelf.folder / name).write_bytes(b"SHA256 (x) = y\n" * 100_000)
    else:
        fleet.mirror.misbehave(name, Fault(kind))  # type: ignore[arg-type]
    said = fleet.host.images("fetch", status=1)
    assert said.text.count("goldmaster: ") == 1, said.text
    fleet.nothing_happened()
    assert all(path.stat().st_size < 200_000
               for path in (fleet.host.store / ".fetch").rglob("*") if path.is_file())


LISTED = {
    "a way out": f"SHA256 (../x) = {'0' * 64}\n",
    "a path": f"SHA256 (a/b) = {'0' * 64}\n",
    "a hidden file": f"SHA256 (.x) = {'0' * 64}\n",
    "an option": f"SHA256 (-x) = {'0' * 64}\n",
    "a blank": f"SHA256 (a b) = {'0' * 64}\n",
    "a command": f"SHA256 ($(reboot)) = {'0' * 64}\n",
    "a name twice": f"SHA256 (VERSION) = {'0' * 64}\n",
    "itself": f"SHA256 (SHA256) = {'0' * 64}\n",
    "a short digest": "SHA256 (x) = 00\n",
    "no digest": f"SHA256 (x) = {'g' * 64}\n",
    "another algorithm": f"MD5 (x) = {'0' * 64}\n",
    "more": f"SHA256 (x) = {'0' * 64} x\n",
    "no line": "x\n",
    "no end": "x",
}


@pytest.mark.parametrize("kind", LISTED)
def test_a_signed_list_that_is_not_plain(fleet: Fleet, kind: str) -> None:
    """Whoever has the key can sign it; the host does not take it all the same."""
    fleet.shelf.add("v2", TWO, listed=LISTED[kind], number=101)
    assert "v2/SHA256 is not understood" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened()


@pytest.mark.parametrize("missing", ["KERNELS", "VERSION"])
def test_a_list_without_what_must_be_there(fleet: Fleet, missing: str) -> None:
    every = {name: (fleet.shelf.folder / "v1" / name).read_bytes()
             for name in (BASE, KERNEL, "KERNELS", "VERSION")}
    del every[missing]
    fleet.shelf.sign("v1", every)
    assert "is not understood" in fleet.host.images("fetch", status=1).text


@pytest.mark.parametrize("line", ["../v1 101", "current 101", "cd 101", "v1", "v1 101 2", "v1 x",
                                  "v1 0x10", "v1 010", f"v1 {'9' * 30}", "", "v1 -1", "a;b 101"])
def test_a_signed_choice_that_is_none(fleet: Fleet, line: str) -> None:
    text = f"{line}\n".encode()
    done = subprocess.run(["openssl", "base64"], input=signature(text), check=True,
                          capture_output=True)
    (fleet.shelf.folder / "LATEST").write_bytes(text + done.stdout)
    assert "LATEST names no version" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened()


@pytest.mark.parametrize("size", [0, 300_001])
def test_a_size_that_is_wrong(fleet: Fleet, size: int) -> None:
    fleet.shelf.add("v2", TWO, sizes={BASE: size}, number=101)
    assert "v2/base.ffs" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened()


# what goes wrong on the way


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
    with (Mirror(shelf.folder) as mirror,
          ImageHost(tmp_path / "host", shell=shell, size="1m") as host):
        host.start(mirror.url)
        (host.store / ".fetch").mkdir()
        (host.sim / "step.sh").write_text(
            (host.sim / "step.sh").read_text()
            + "case $* in *base.ffs.part*http*)\n"
              "/host/bin/seq 100000 >/store/.others ;;\nesac\n")
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
    def lose(path: str, asked: str) -> None:
        if path == "v1/base.ffs":
            fleet.mirror.misbehave(path, Fault("status", status=503))

    fleet.mirror.misbehave("v1/base.ffs", Fault("cut", at=120_000), times=1)
    ask = fleet.mirror.next_fault

    def then_lost(path: str, asked: str) -> Fault | None:
        fault = ask(path, asked)
        lose(path, asked)
        return fault

    fleet.mirror.next_fault = then_lost  # type: ignore[method-assign]
    said = fleet.host.images("fetch", status=1).text
    assert "120000 of 300000 bytes are here. The next goldmaster-images fetch goes on" in said
    fleet.nothing_happened()
    fleet.mirror.next_fault = ask  # type: ignore[method-assign]
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


# kill -9, or the power


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


@pytest.mark.parametrize(("words", "after"), [
    (("use", "v2"), ["v2", "v1", "101"]),
    (("use", "cd"), ["cd", "v1", "101"]),
    (("prune",), ["v1", "v2", "101"]),
])
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
    for rename in (f"mv {STORE}/.fetch/v1 {STORE}/v1",
                   f"mv -f {STORE}/.slot {STORE}/current"):
        at = steps.index(rename)
        assert steps[at - 1] == steps[at + 1] == "sync"


# choosing


@pytest.fixture
def three(fleet: Fleet) -> Fleet:
    """Three versions, of which domUs get the last."""
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    fleet.shelf.add("v3", THREE, number=102)
    fleet.host.images("fetch")
    return fleet


def test_the_list(three: Fleet) -> None:
    three.host.images("pin", "nfs", "v1")
    three.host.images("pin", "sql", "v1")
    three.host.attach(0, f"{STORE}/v3/base.ffs", "nfs")
    three.host.attach(1, "/images/base.ffs", "sql", "old")
    rows = table(three.host.images("list"))
    assert list(rows) == ["v3", "v2", "v1", "cd"]
    assert [rows[name][1:] for name in rows] == [
        ["current", "-", "nfs"], ["before", "-", "-"], ["-", "nfs sql", "-"],
        ["-", "-", "old sql"]]
    assert rows["v1"][0].startswith("20")


def test_a_domu_is_pinned_and_comes_back(three: Fleet) -> None:
    host = three.host
    host.attach(0, f"{STORE}/v3/base.ffs", "nfs", "sql")
    said = host.images("pin", "nfs", "v1").text
    assert said.splitlines() == [
        "goldmaster: nfs gets v1 from now on.",
        "goldmaster: nfs runs v3 until it is started again, then v1."]
    assert host.slot("pins/nfs") == ["v1", "-"]
    host.images("pin", "nfs", "cd")
    assert host.slot("pins/nfs") == ["cd", "v1"]
    assert "then v1" in host.images("rollback", "nfs").text
    assert "then cd" in host.images("rollback", "nfs").text
    said = host.images("unpin", "nfs").text
    assert said == "goldmaster: nfs gets what others get from now on.\n"
    assert not (host.store / "pins/nfs").exists()
    for name in ("nfs", "../current", ""):
        assert "there is no domU" in host.images("unpin", name, status=1).text
    assert host.slot() == ["v3", "v2", "102"]


def test_rolling_back_and_forward(three: Fleet) -> None:
    host = three.host
    host.attach(0, f"{STORE}/v3/base.ffs", "nfs", "sql")
    host.images("pin", "sql", "v3")
    for now, before in (("v2", "v3"), ("v3", "v2"), ("v2", "v3")):
        said = host.images("rollback").text
        assert host.slot() == [now, before, "102"]
        assert ("nfs runs v3" in said) == (now == "v2")
        assert "sql" not in said
    for _ in range(2):
        host.images("rollback", "nfs")
        assert host.slot("pins/nfs") == ["v3", "-"], "what the others had before"
        host.images("rollback", "nfs")
        assert not host.slot("pins/nfs")


def test_what_is_so_already(three: Fleet) -> None:
    assert three.host.images("use", "v3").text == "goldmaster: domUs get v3 already.\n"
    three.host.images("pin", "nfs", "v1")
    assert three.host.images("pin", "nfs", "v1").text == "goldmaster: nfs gets v1 already.\n"
    assert three.host.slot("pins/nfs") == ["v1", "-"]
    assert three.host.slot() == ["v3", "v2", "102"]


def test_what_cannot_be_chosen(three: Fleet) -> None:
    host = three.host
    for words in (["use", "v9"], ["use", "current"], ["use", "../store/v1"], ["pin", "nfs", "v9"],
                  ["use", ".fetch"], ["verify", "v9"]):
        assert "there is no version" in host.images(*words, status=1).text
    for name in ("web", "..", "nfs/../sql", "NFS", ""):
        assert "there is no domU" in host.images("pin", name, "v1", status=1).text
        assert host.slot("pins") == [] or not list((host.store / "pins").iterdir())


@pytest.mark.parametrize("words", [[], ["what"], ["use"], ["pin", "nfs"], ["list", "x"],
                                   ["fetch", "v1", "v2"], ["prune", "v1"], ["rollback", "a", "b"]])
def test_wrong_usage(fleet: Fleet, words: list[str]) -> None:
    said = fleet.host.images(*words, status=64)
    assert said.text.startswith("usage: goldmaster-images fetch")


def test_settings_that_lack_or_are_wrong(fleet: Fleet) -> None:
    host = fleet.host
    host.host_conf()
    assert "names no image_url" in host.images("fetch", status=1).text
    host.host_conf(image_store="")
    assert "names no image_store: domUs get their images from /images" in host.images(
        "list", status=1).text
    host.host_conf(image_store="store")
    assert "image_store in host.conf must be an absolute path" in host.images(
        "list", status=1).text
    for keep in ("0", "x", "-1", "1e9"):
        host.host_conf(image_keep=keep)
        assert "image_keep in host.conf must be a number" in host.images("prune", status=1).text
    host.host_conf(image_url="-o/etc/passwd")
    assert "image_url in host.conf must be" in host.images("fetch", status=1).text
    host.host_conf(image_stor="x")
    assert "image_stor: unknown key" in host.images("list", status=1).text


def test_a_version_without_the_image_of_a_domu(three: Fleet) -> None:
    host = three.host
    host.domu("web", "web.ffs")
    assert host.images("use", "v1").text.splitlines() == [
        "goldmaster: domUs get v1 from now on.",
        "goldmaster: web will not start: v1 has no web.ffs."]
    assert "nfs will not start" not in host.images("pin", "nfs", "cd").text


# what is removed


def test_the_last_ones_are_kept(three: Fleet) -> None:
    three.host.host_conf(image_url=three.mirror.url)
    assert three.host.versions() == {"v1", "v2", "v3"}
    three.shelf.add("v4", ONE, number=103)
    assert "goldmaster: removed v1.\n" in three.host.images("fetch").text
    assert three.host.versions() == {"v2", "v3", "v4"}
    three.check()


def test_what_is_in_use_or_chosen_is_kept(three: Fleet) -> None:
    host = three.host
    three.shelf.add("v4", ONE, number=103)
    host.attach(0, f"{STORE}/v1/base.ffs", "nfs")
    host.host_conf(image_url=three.mirror.url, image_keep="1")
    assert "removed v2" in host.images("fetch").text, "neither in use nor chosen"
    assert host.versions() == {"v1", "v3", "v4"}, "in use, before, current"
    host.images("pin", "sql", "v1")
    host.detach(0, "nfs")
    assert host.images("prune").text == ""
    host.images("unpin", "sql")
    host.images("pin", "sql", "v3")
    assert host.images("prune").text == "goldmaster: removed v1.\n"
    host.images("use", "cd")
    host.images("use", "v4")
    assert host.images("prune").text == "", "sql has v3"
    host.images("unpin", "sql")
    assert host.images("prune").text == "goldmaster: removed v3.\n"
    assert host.versions() == {"v4"}


def test_with_domus_that_run(shell: str, tmp_path: Path) -> None:
    """rc.d/domus starts them from what was chosen, and what they run from stays."""
    shelf = Shelf(tmp_path / "shelf")
    shelf.add("v1", ONE, number=1)
    with Mirror(shelf.folder) as mirror, ImageHost(tmp_path / "host", shell=shell) as host:
        image_folder(host.root / "images")
        furnish(host, {"nfs": nfs(), "sql": nfs(mac="00:16:3e:00:00:32", config_disk="/dev/wd0f")},
                host=HOST + f"image_store={STORE}\nimage_url={mirror.url}\nimage_keep=1\n")
        boot = host.boot()
        assert boot.status == 0, boot.console
        assert domains(host) == {"nfs", "sql"}
        host.mount_store()

        def restart(*domus: str) -> None:
            done = host.run("/bin/sh", "/etc/rc.d/domus", "restart", *domus)
            assert done.returncode == 0, done.stdout

        def runs() -> dict[str, str]:
            return {name: row[-1] for name, row in table(host.images("list")).items()}

        assert "nfs runs cd until it is started again, then v1." in host.images("fetch").text
        assert runs() == {"v1": "-", "cd": "nfs sql"}
        restart("nfs")
        assert runs() == {"v1": "nfs", "cd": "sql"}
        for number, files in ((2, TWO), (3, THREE), (4, ONE)):
            shelf.add(f"v{number}", files, number=number)
            host.images("fetch")
        assert runs() == {"v4": "-", "v3": "-", "v1": "nfs", "cd": "sql"}
        assert "nfs runs v1 until it is started again, then v3." in host.images("rollback").text
        restart("nfs", "sql")
        assert host.images("prune").text == "goldmaster: removed v1.\n"
        assert runs() == {"v4": "-", "v3": "nfs sql", "cd": "-"}
        assert list(vnds(host).values()) == [f"{STORE}/v3/base.ffs"]
        (host.store / "v3" / BASE).write_bytes(b"?")
        assert host.run("/bin/sh", "/etc/rc.d/domus", "restart", "nfs").returncode == 1
        host.images("fetch", "-n", "v3")
        restart("nfs")


def test_folders_of_others_are_left_alone(fleet: Fleet) -> None:
    """The file system of the store has its lost+found, and people put things there."""
    for name in ("lost+found", "mine"):
        (fleet.host.store / name).mkdir()
        (fleet.host.store / name / "file").write_text("x")
    fleet.host.host_conf(image_url=fleet.mirror.url, image_keep="1")
    fleet.host.images("fetch")
    fleet.shelf.add("v2", TWO, number=101)
    fleet.host.images("fetch")
    assert "there is no version" in fleet.host.images("use", "mine", status=1).text
    assert "mine" not in fleet.host.images("list").text
    assert (fleet.host.store / "mine/file").exists()
    assert (fleet.host.store / "lost+found/file").exists()


def test_a_version_that_is_damaged_is_told(three: Fleet) -> None:
    path = three.host.store / "v2" / "SHA256"
    path.write_bytes(path.read_bytes() + b"\n")
    said = three.host.images("verify", status=1).text.splitlines()
    assert said == ["goldmaster: v3 is whole.",
                    f"goldmaster: v2: its list is damaged, or not signed by {KEY}.",
                    "goldmaster: v1 is whole."]
    assert three.host.images("verify", "v1").text == "goldmaster: v1 is whole.\n"
    three.host.images("fetch", "-n", "v2")
    assert three.host.images("verify").status == 0


# any sequence of commands


@dataclass
class Model:
    """What the commands should come to, told another way."""

    current: tuple[str, str] = ("cd", "")
    pins: dict[str, tuple[str, str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)  # the last installed first
    attached: dict[int, str] = field(default_factory=dict)

    def use(self, version: str) -> None:
        if version != self.current[0]:
            self.current = version, self.current[0]

    def pin(self, domu: str, version: str) -> None:
        now = self.pins.get(domu, ("", ""))[0]
        if now != version:
            self.pins[domu] = version, now

    def prune(self, keep: int) -> None:
        named = {version for slot in (self.current, *self.pins.values()) for version in slot}
        self.order = [version for at, version in enumerate(self.order)
                      if at < keep or version in named or version in self.attached.values()]


class Choices(RuleBasedStateMachine):
    """Commands in any order, beside the model."""

    folder: Path  # set by the test
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        place = self.folder / str(type(self).runs)
        self.shelf = Shelf(place / "shelf")
        self.mirror = Mirror(self.shelf.folder).__enter__()
        self.host = ImageHost(place / "host")
        self.host.start(self.mirror.url)
        self.host.host_conf(image_url=self.mirror.url, image_keep="2")
        for domu in ("nfs", "sql"):
            self.host.domu(domu)
        self.model = Model()
        self.number = 0

    def teardown(self) -> None:
        self.host.__exit__()
        self.mirror.__exit__(None, None, None)

    def known(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(["cd", *self.model.order]))

    @rule(follow=st.booleans())
    def fetch(self, follow: bool) -> None:
        self.number += 1
        version = f"v{self.number}"
        self.shelf.add(version, {BASE: image(version, 5000), KERNEL: b"k"}, number=self.number)
        self.host.images("fetch", *([] if follow else ["-n"]))
        self.model.order.insert(0, version)
        if follow:
            self.model.use(version)
        self.model.prune(2)

    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        version = self.known(data)
        self.host.images("use", version)
        self.model.use(version)

    @rule(data=st.data(), domu=st.sampled_from(["nfs", "sql"]))
    def pin(self, data: st.DataObject, domu: str) -> None:
        version = self.known(data)
        self.host.images("pin", domu, version)
        self.model.pin(domu, version)

    @rule(domu=st.sampled_from(["nfs", "sql"]))
    def unpin(self, domu: str) -> None:
        self.host.images("unpin", domu, status=0 if domu in self.model.pins else 1)
        self.model.pins.pop(domu, None)

    @rule()
    def rollback(self) -> None:
        before = self.model.current[1]
        self.host.images("rollback", status=0 if before else 1)
        if before:
            self.model.use(before)

    @rule(domu=st.sampled_from(["nfs", "sql"]))
    def rollback_domu(self, domu: str) -> None:
        pinned = domu in self.model.pins
        before = (self.model.pins[domu] if pinned else self.model.current)[1]
        self.host.images("rollback", domu, status=0 if before or pinned else 1)
        if before:
            self.model.pin(domu, before)
        else:
            self.model.pins.pop(domu, None)

    @precondition(lambda self: self.model.order)
    @rule(data=st.data(), unit=st.integers(0, 1))
    def attach(self, data: st.DataObject, unit: int) -> None:
        version = data.draw(st.sampled_from(self.model.order))
        self.host.attach(unit, f"{STORE}/{version}/{BASE}", ("nfs", "sql")[unit])
        self.model.attached[unit] = version

    @precondition(lambda self: self.model.attached)
    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from(sorted(self.model.attached)))
        self.host.detach(unit, ("nfs", "sql")[unit])
        del self.model.attached[unit]

    @rule()
    def prune(self) -> None:
        self.host.images("prune")
        self.model.prune(2)

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        assert self.host.versions() == set(self.model.order)
        now, before = (self.host.slot() or ["cd", "-"])[:2]
        assert (now, before.strip("-")) == self.model.current
        pins = {path.name: self.host.slot(f"pins/{path.name}")
                for path in self.host.store.glob("pins/*")}
        assert {name: (now, before.strip("-")) for name, (now, before) in pins.items()} == \
            self.model.pins


def test_any_sequence_of_commands(tmp_path: Path) -> None:
    machine = type("Machine", (Choices,), {"folder": tmp_path})
    run_state_machine_as_test(
        machine, settings=hypothesis_settings(
            max_examples=20, stateful_step_count=20, deadline=None,
            suppress_health_check=list(HealthCheck)))


def test_kernels_of_the_list_are_those_of_the_images() -> None:
    """The material of these tests is as the contract says."""
    assert KERNELS.split() == [BASE.encode(), KERNEL.encode()]
