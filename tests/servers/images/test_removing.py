"""goldmaster-images on dom0: what it removes, and what it leaves."""

from __future__ import annotations

from pathlib import Path

from support.machines.image_fleet import BASE, KEY, ONE, THREE, TWO, Fleet, table
from support.servers.image_server import Shelf
from support.servers.mirror import Mirror
from support.simulator.dom0 import HOST, domains, furnish, image_folder, nfs, vnds
from support.simulator.imagehost import STORE, ImageHost


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
        furnish(
            host,
            {"nfs": nfs(), "sql": nfs(mac="00:16:3e:00:00:32", config_disk="/dev/wd0f")},
            host=HOST + f"image_store={STORE}\nimage_url={mirror.url}\nimage_keep=1\n",
        )
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
        assert list(vnds(host).values()) == [f"{STORE}/v3/base.ffs"] * 2
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
    assert said == [
        "goldmaster: v3 is whole.",
        f"goldmaster: v2: its list is damaged, or not signed by {KEY}.",
        "goldmaster: v1 is whole.",
    ]
    assert three.host.images("verify", "v1").text == "goldmaster: v1 is whole.\n"
    three.host.images("fetch", "-n", "v2")
    assert three.host.images("verify").status == 0
