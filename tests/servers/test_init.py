"""goldmaster-init: a bare disk becomes a server's, with a real repository."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.servers.repository import Repository
from support.simulator import HERE, Server
from support.simulator.checkouts import ask, ask_svn, furnish, run, script
from support.simulator.shells import SHELLS, program

from buildlib.config.site.example import write_example

LABELS = ["goldmaster-config", "goldmaster-swap", "goldmaster-data"]


@dataclass
class Machine:
    """A server that came up without a configuration, and a repository for it."""

    server: Server
    repository: Repository

    def init(self, *words: str, status: int = 0) -> str:
        """What goldmaster-init says; without a disk and URL among the words: wd1, and its own."""
        return ask(self.server, "goldmaster-init", *words, status=status)

    def make(self, *words: str, status: int = 0) -> str:
        """Make wd1 the disk of alpha."""
        return self.init("-y", *words, "wd1", self.repository.url, "alpha", status=status)

    def calls(self, *programs: str) -> list[str]:
        """Calls of stand-ins so far."""
        lines = (self.server.sim / "log").read_text().splitlines()
        return [line for line in lines if line.split()[0] in programs]

    @property
    def labels(self) -> list[str]:
        """Partitions of wd1."""
        table = self.server.sim / "gpt/wd1"
        return (
            [line.split()[0] for line in table.read_text().splitlines()] if (table.exists()) else []
        )

    def file_system(self, label: str) -> Path:
        """The file system of a partition of wd1."""
        for wedge in (self.server.sim / "wedges").iterdir():
            if wedge.read_text().startswith(f"wd1 {label} "):
                return self.server.sim / "fs" / wedge.name
        raise AssertionError(label)

    def is_made(self) -> None:
        """Everything is there, and the next boot finds it."""
        assert self.labels == LABELS
        config = self.file_system("goldmaster-config")
        assert (config / "GOLDMASTER").read_bytes() == b""
        assert not list((self.server.sim / "mounted").iterdir())
        boot = self.server.boot()
        assert boot.status == 0, boot.console
        assert f"the configuration is on {config.name}." in boot.console
        assert ask(self.server, "goldmaster-update", "-s") == ""
        for name, place in (("local", "pservers/alpha"), ("global", "global")):
            assert (
                ask_svn(
                    self.server, "info", "--show-item", "url", "--no-newline", f"/config/{name}"
                )
                == f"{self.repository.url}/{place}"
            )
        for kind in ("rsa", "ecdsa", "ed25519"):
            link = f"/etc/ssh/ssh_host_{kind}_key"
            assert self.server.run("/bin/cat", link).stdout == "a key\n"
        assert (config / "keys/subversion/servers").exists()
        assert stat.S_IMODE((config / "keys/subversion").stat().st_mode) == 0o700
        assert stat.S_IMODE((config / "keys/ssh").stat().st_mode) == 0o700


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    assert shutil.which(program(request.param))
    write_example(tmp_path / "site")
    with (
        Repository(tmp_path / "svn", tmp_path / "site") as repository,
        Server(tmp_path / "server", shell=request.param) as server,
    ):
        furnish(server)
        for name in ("gpt", "dkctl", "newfs", "df"):
            shutil.copy2(HERE / "bare" / name, server.root / "sbin" / name)
        shutil.copy2(HERE / "bare/dd", server.root / "bin/dd")
        server.programs("tr", "wc")
        for name in ("gpt", "wedges", "raw"):
            (server.sim / name).mkdir()
        for name in ("wd0", "wd1"):
            server.disk(name)
            server.write(f"raw/{name}", "")
        server.flags(0x80000000)
        boot = server.boot()
        assert boot.status == 0, boot.console
        server.flags(0)
        yield Machine(server, repository)


def test_a_server_is_made(machine: Machine) -> None:
    text = machine.make("-c", "64m", "-s", "2g")
    assert "wd1 is the disk of alpha now." in text
    assert machine.calls("gpt") == [
        "gpt create wd1",
        "gpt add -a 1m -l goldmaster-config -t ffs -s 64m wd1",
        "gpt add -a 1m -l goldmaster-swap -t swap -s 2g wd1",
        "gpt add -a 1m -l goldmaster-data -t ffs wd1",
    ]
    assert sorted(path.name for path in machine.file_system("goldmaster-config").iterdir()) == [
        "GOLDMASTER",
        "global",
        "keys",
        "local",
    ]
    assert machine.calls("newfs") == ["newfs -O 1 /dev/rdk0", "newfs -O 2 /dev/rdk2"]
    machine.is_made()


def test_it_is_asked_before(machine: Machine) -> None:
    for answer, status in (("no", 1), ("", 1), ("yes", 0)):
        done = machine.server.run(
            "/bin/sh",
            "-c",
            f"echo {answer} | sh /usr/sbin/goldmaster-init wd1 {machine.repository.url} alpha",
        )
        assert done.returncode == status, done.stdout
        assert "goldmaster-config\t256m\t" in done.stdout
        assert ("nothing was done" in done.stdout) == (status == 1)
    machine.is_made()


def test_a_server_that_has_no_name_yet(machine: Machine) -> None:
    text = machine.init("-y", "wd1", machine.repository.url, status=1)
    assert "which host shall it be?" in text


# what is refused


def test_a_disk_that_is_not_empty(machine: Machine) -> None:
    machine.server.write("raw/wd1", "\0\0\0a label")
    text = machine.make(status=1)
    assert "wd1 is not empty" in text
    assert "nothing was done" in text
    assert machine.calls("gpt", "newfs") == []
    text = machine.make("-f")
    assert "All that is on wd1 will be lost." in text
    machine.is_made()


def test_a_disk_that_is_in_use(machine: Machine) -> None:
    machine.server.file_system("other", {"x": ""})
    machine.server.write("partitions/wd1e", "other")
    machine.server.write("raw/wd1", "a label")
    machine.server.run("/sbin/mount", "-t", "ffs", "/dev/wd1e", "/mnt")
    text = machine.make("-f", status=1)
    assert "wd1 is in use: /dev/wd1e on /mnt" in text
    assert machine.calls("gpt", "newfs") == []


def test_a_server_s_disk(machine: Machine) -> None:
    machine.make()
    assert "wd1 is not empty" in machine.make(status=1)
    key = machine.file_system("goldmaster-config") / "keys/ssh/ssh_host_rsa_key"
    key.write_text("the old one\n")
    machine.make("-f")
    machine.is_made()
    other = machine.init("-y", "wd0", machine.repository.url, "beta", status=1)
    assert "there are partitions of a server on wd1 already" in other


def test_the_stick_that_the_system_is_on(machine: Machine) -> None:
    """df calls it root_device, so that no mount of it is found; not even -f takes it."""
    machine.server.write("sysctl/kern.root_device", "wd1\n")
    text = machine.make("-f", status=1)
    assert "wd1 is what this system was started from" in text
    assert machine.calls("gpt", "newfs", "dd") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("wd7", "URL", "alpha"), "there is no disk wd7; there are: wd0 wd1"),
        (("wd1", "URL", "gamma"), "/pservers/gamma cannot be read"),
        (("wd1", "URL/none", "alpha"), "/none/pservers/alpha cannot be read"),
    ],
)
def test_what_cannot_be(machine: Machine, words: tuple[str, ...], told: str) -> None:
    given = [word.replace("URL", machine.repository.url) for word in words]
    text = machine.init("-y", *given, status=1)
    assert told in text
    assert "nothing was done" in text
    assert machine.calls("gpt", "newfs") == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("wd1",),
        ("wd1", "u", "h", "more"),
        ("-x", "wd1", "u"),
        ("wd1;x", "svn://a"),
        ("wd1", "--version"),
    ],
)
def test_usage(machine: Machine, words: tuple[str, ...]) -> None:
    assert "usage: goldmaster-init" in machine.init(*words, status=2)


# what goes wrong


def test_every_step_can_fail_and_be_gone_on_with(machine: Machine) -> None:
    server, keygen = machine.server, machine.server.sim / "before-svn"
    server.write("fail-gpt", "")
    text = machine.make(status=1)
    assert "partitions on wd1: this has failed" in text
    assert "done so far: nothing." in text
    (server.sim / "fail-gpt").unlink()
    script(keygen, "#!/bin/sh\ncase $* in *checkout*global*) exit 1 ;; esac\n")
    text = machine.make(status=1)
    assert "the checkout of global: this has failed" in text
    assert (
        "done so far: partitions on wd1, a file system for the configuration, a file system "
        "for data, the checkout of pservers/alpha."
    ) in text
    assert "the same command goes on from here" in text
    assert not list((server.sim / "mounted").iterdir()), "nothing stays mounted"
    assert not (machine.file_system("goldmaster-config") / "GOLDMASTER").exists()
    keygen.unlink()
    log = len(machine.calls("newfs"))
    text = machine.make()
    assert "wd1 was begun to be made a server's; going on with it." in text
    assert machine.calls("newfs")[log:] == []
    machine.is_made()


def test_a_kill_at_every_step(machine: Machine) -> None:
    """After each the same command goes on, and in the end all is there, once."""
    kill_at = machine.server.sim / "kill-at"
    step, kills = 0, 0
    while True:
        kill_at.write_text(f"{step}\n")
        done = run(
            machine.server,
            "/bin/sh",
            "/usr/sbin/goldmaster-init",
            "-y",
            "wd1",
            machine.repository.url,
            "alpha",
        )
        kill_at.unlink()
        for file in list((machine.server.sim / "mounted").iterdir()):  # power off
            machine.server.run("/sbin/umount", file.read_text().strip())
        if done.returncode == 0:
            break
        kills += 1
        marker = [
            path for path in (machine.server.sim / "fs").iterdir() if (path / "GOLDMASTER").exists()
        ]
        assert not marker or (marker[0] / "global/hosts").exists()
        if marker:
            break
        step += 1
    assert kills > 8
    machine.is_made()


def test_an_old_file_system_in_the_same_place_is_not_kept(machine: Machine) -> None:
    """A new table that is cut like the old one makes old file systems seen again."""
    machine.server.file_system("dk0", {"local/etc/old": "old\n", "global/old": "old\n"})
    machine.server.write("partitions/dk0", "dk0")
    machine.make()
    config = machine.file_system("goldmaster-config")
    assert config.name == "dk0"
    assert not (config / "local/etc/old").exists()
    machine.is_made()
