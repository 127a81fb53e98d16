"""A machine made again: the image of its configuration, and the CD, make it what it was."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkouts.scratch import PROJECT
from support.readers.ufs import Ufs
from support.simulator import Server
from support.simulator.checkouts import furnish
from support.simulator.shells import SHELLS

from buildlib.config.site.example import write_example
from buildlib.operations.fleet.config_image import TIME, find_machine, write_copy

KINDS = ("rsa", "ecdsa", "ed25519")


@pytest.fixture(params=SHELLS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server", shell=request.param) as made:
        furnish(made)
        yield made


def write_to_disk(server: Server, image: Path) -> Path:
    """The image on wd0, as dd would write it; its root folder."""
    server.file_system("c", {})
    root, ufs = server.sim / "fs/c", Ufs(image)
    for path, found in sorted(ufs.tree.items()):
        content = ufs.nodes[ufs.numbers[path]].content
        if found.kind == "dir":
            (root / path).mkdir(exist_ok=True)
        elif found.kind == "link":
            (root / path).symlink_to(content.decode())
        else:
            (root / path).write_bytes(content)
    server.disk("wd0", {"a": "c"})
    return root


def test_a_host_comes_up_from_its_image(server: Server, tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_example(site)
    write_copy(find_machine("alpha", site, PROJECT), tmp_path / "image", time=TIME, size=0)
    root = write_to_disk(server, tmp_path / "image")
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "the configuration is on wd0a." in boot.console
    assert server.run("/bin/cat", "/etc/myname").stdout == "alpha.example.net\n"
    shared = (site / "global/hosts").read_text()
    assert server.run("/bin/cat", "/etc/hosts").stdout == shared
    assert "image=nfs.ffs" in server.run("/bin/cat", "/config/local/domUs/nfs").stdout
    assert stat.S_IMODE((root / "keys/ssh").stat().st_mode) == 0o700
    for kind in KINDS:
        assert server.run("/bin/cat", f"/etc/ssh/ssh_host_{kind}_key").stdout == "a key\n"
    assert not list((root / "local/etc").glob("ssh/ssh_host*")), "no key is in the checkout"


def test_host_keys_are_made_once(server: Server) -> None:
    server.file_system(
        "c", {"GOLDMASTER": "", "local/etc/motd": "", "keys/ssh/ssh_host_rsa_key": "the old one\n"}
    )
    server.disk("wd0", {"a": "c"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    made = [call.split()[3] for call in boot.calls_of("ssh-keygen")]
    assert made == ["ecdsa", "ed25519"]
    assert server.run("/bin/cat", "/etc/ssh/ssh_host_rsa_key").stdout == "the old one\n"
    again = server.boot()
    assert again.calls_of("ssh-keygen") == []


@pytest.mark.parametrize(("needed", "is_told"), [("32\n", True), ("0\n", False), (None, False)])
def test_keys_that_may_be_guessed_are_told(
    server: Server, needed: str | None, is_told: bool
) -> None:
    server.file_system("c", {"GOLDMASTER": "", "local/etc/motd": ""})
    server.disk("wd0", {"a": "c"})
    if needed is not None:
        server.write("sysctl/kern.entropy.needed", needed)
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert ("too little entropy" in boot.console) == is_told
    assert "too little entropy" not in server.boot().console, "they were made before"


def test_the_seed_for_the_next_start_is_kept(server: Server) -> None:
    server.flags(0x80000000)
    assert server.boot().status == 0
    seed = server.run("/bin/sh", "-c", ". /etc/rc.conf.d/random_seed; echo $random_file").stdout
    assert seed == "/config/entropy-file\n"


def test_what_programs_call_lasting_lasts(server: Server) -> None:
    """/var is in memory; what a server is known by, and whom it must tell of its start, is not."""
    server.file_system("c", {"GOLDMASTER": "", "local/etc/motd": ""})
    server.disk("wd0", {"a": "c"})
    assert server.boot().status == 0
    for name in ("db/dhcpcd/duid", "db/statd.status", "db/other"):
        assert server.run("/bin/sh", "-c", f"echo {name} >/var/{name}").returncode == 0
    server.power_off()
    assert server.boot().status == 0
    shown = server.run("/bin/sh", "-c", "cd /var/db && cat dhcpcd/duid statd.status other").stdout
    assert shown.splitlines()[:2] == ["db/dhcpcd/duid", "db/statd.status"]
    assert "No such file" in shown.splitlines()[2]


def test_nothing_lasts_without_a_configuration(server: Server) -> None:
    server.flags(0x80000000)
    assert server.boot().status == 0
    assert (
        server.run("/bin/sh", "-c", "mkdir -p /var/db/dhcpcd && : >/var/db/dhcpcd/x").returncode
        == 0
    )


def test_no_keys_without_a_configuration(server: Server) -> None:
    server.flags(0x80000000)
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert boot.calls_of("ssh-keygen") == []
