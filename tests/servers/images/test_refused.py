"""goldmaster-images on dom0: what it does not take from a server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.machines.image_fleet import BASE, KERNEL, KEY, ONE, TWO, Fleet
from support.servers.image_server import Shelf, public_key, signature
from support.servers.mirror import Fault, Kind, Mirror
from support.simulator.imagehost import ImageHost


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
    assert (
        "is not what the signed list says" in said
        or "is that of another" in said
        or "is not signed" in said
    )
    fleet.nothing_happened()
    path.write_bytes(whole)
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")


@pytest.mark.parametrize("kind", ["cut", "longer", "other-size", "wrong", "page", "status"])
def test_a_server_that_serves_wrongly(fleet: Fleet, kind: Kind) -> None:
    fleet.mirror.misbehave("v1/base.ffs", Fault(kind, at=0))
    said = fleet.host.images("fetch", status=1).text
    assert "v1/base.ffs" in said
    fleet.nothing_happened()
    room = [path.stat().st_size for path in (fleet.host.store / ".fetch/v1").iterdir()]
    assert sum(room) < 2 * len(ONE[BASE]), "what has no end is not taken whole"
    fleet.mirror.misbehave("v1/base.ffs", Fault("status"), times=0)
    fleet.host.images("fetch")
    fleet.nothing_happened("v1")


@pytest.mark.parametrize("name", ["LATEST", "v1/SHA256", "v1/SHA256.sig", "v1/VERSION"])
@pytest.mark.parametrize(
    "fault", [Fault("status"), Fault("page"), None], ids=["status", "page", "endless"]
)
def test_a_list_that_is_none(fleet: Fleet, name: str, fault: Fault | None) -> None:
    if fault is None:
        (fleet.shelf.folder / name).write_bytes(b"SHA256 (x) = y\n" * 100_000)
    else:
        fleet.mirror.misbehave(name, fault)
    said = fleet.host.images("fetch", status=1)
    assert said.text.count("goldmaster: ") == 1, said.text
    fleet.nothing_happened()
    assert all(
        path.stat().st_size < 200_000
        for path in (fleet.host.store / ".fetch").rglob("*")
        if path.is_file()
    )


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
    every = {
        name: (fleet.shelf.folder / "v1" / name).read_bytes()
        for name in (BASE, KERNEL, "KERNELS", "VERSION")
    }
    del every[missing]
    fleet.shelf.sign("v1", every)
    assert "is not understood" in fleet.host.images("fetch", status=1).text


@pytest.mark.parametrize(
    "line",
    [
        "../v1 101",
        "current 101",
        "cd 101",
        "v1",
        "v1 101 2",
        "v1 x",
        "v1 0x10",
        "v1 010",
        f"v1 {'9' * 30}",
        "",
        "v1 -1",
        "a;b 101",
    ],
)
def test_a_signed_choice_that_is_none(fleet: Fleet, line: str) -> None:
    text = f"{line}\n".encode()
    done = subprocess.run(
        ["openssl", "base64"], input=signature(text), check=True, capture_output=True
    )
    (fleet.shelf.folder / "LATEST").write_bytes(text + done.stdout)
    assert "LATEST names no version" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened()


@pytest.mark.parametrize("size", [0, 300_001])
def test_a_size_that_is_wrong(fleet: Fleet, size: int) -> None:
    fleet.shelf.add("v2", TWO, sizes={BASE: size}, number=101)
    assert "v2/base.ffs" in fleet.host.images("fetch", status=1).text
    fleet.nothing_happened()
