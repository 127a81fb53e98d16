"""The disk of a boot test has what the CD's /etc/rc looks for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from support.checkouts.scratch import Scratch
from support.readers.ufs import Ufs
from support.simulator import Server

from buildlib.cli.boot_media.checks import boot_test
from buildlib.cli.boot_media.open import open_session
from buildlib.config.shconf import Problem, parse
from buildlib.config.site.fleet import HostConf, load_conf
from buildlib.model.errors import BootError, ConfigError
from buildlib.model.events import Event, Finished, Note, silent
from buildlib.operations.boot_test import qemu as module
from buildlib.operations.boot_test.config_disk import SIZE, write_trial_disk
from buildlib.operations.boot_test.qemu import BootReport, Computer


def contents(path: Path) -> dict[str, str]:
    """Every file of an image."""
    ufs = Ufs(path)
    return {
        name: ufs.nodes[ufs.numbers[name]].content.decode()
        for name, found in ufs.tree.items()
        if found.kind == "file"
    }


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    write_trial_disk(tmp_path / "disk")
    return tmp_path / "disk"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "server") as made:
        yield made


def test_what_is_on_it(disk: Path, tmp_path: Path) -> None:
    assert disk.stat().st_size == SIZE
    problems: list[Problem] = []
    host = parse(contents(disk)["local/host.conf"].encode(), "host.conf", problems)
    load_conf(HostConf, host, problems)
    assert problems == []
    first = disk.read_bytes()
    write_trial_disk(disk)
    assert disk.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


@pytest.mark.programs
def test_a_server_comes_up_with_it(disk: Path, server: Server) -> None:
    server.file_system("trial", contents(disk))
    server.disk("wd0", {"a": "trial"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "the configuration is on wd0a." in boot.console


class Bench:
    """A checkout with simulated boots; `play` is called with the arguments of each."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scratch = Scratch.new(folder / "checkout", sources=False)
        self.told: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.play: Callable[..., None] = lambda **_words: None
        monkeypatch.setattr(module, "boot", self._boot)

    def _boot(self, _image: Path, computer: Computer, *, log: Path, **words: Any) -> BootReport:
        words |= asdict(computer)
        self.told.append(words)
        self.play(log=log, **words)
        return BootReport(("up",), (1.0,), log)

    def run(self, **settings: str) -> None:
        boot_test(open_session(self.scratch.root, settings, silent), self.events.append)

    @property
    def boots(self) -> list[tuple[str, str]]:
        """Medium and firmware of every boot."""
        return sorted((words["medium"], words["firmware"]) for words in self.told)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


EVERY = sorted(itertools.product(("cd", "disk", "usb"), ("bios", "efi")))


def test_a_boot_test_has_it(bench: Bench) -> None:
    bench.run()
    disk = bench.scratch.path("build/boot-test-config.ffs")
    assert {words["config"] for words in bench.told} == {disk}
    assert "GOLDMASTER" in contents(disk)
    assert not bench.scratch.path("dist").exists()


def test_every_medium_on_every_firmware(bench: Bench) -> None:
    """Each boot has its own markers and log; a time limit in the settings scales step limits."""
    bench.run()
    assert bench.boots == EVERY
    for words in bench.told:
        root = "cd0a" if words["medium"] == "cd" else "sd0d"
        assert any(f"root on {root}" in marker for marker in words["expect"])
    assert {(words["seconds"], words["step"]) for words in bench.told} == {(120, 60.0)}
    bench.told.clear()
    bench.run(seconds="1200")
    assert {(words["seconds"], words["step"]) for words in bench.told} == {(1200, 600.0)}


def test_media_are_chosen(bench: Bench) -> None:
    bench.run(media="usb, cd")
    assert bench.boots == [boot for boot in EVERY if boot[0] != "disk"]
    with pytest.raises(ConfigError) as caught:
        bench.run(media="cd,ubs")
    assert caught.value.problems == ("media: no such medium as 'ubs'; did you mean usb?",)
    assert caught.value.reason == "settings"


def test_an_image_without_a_kernel_for_sticks(bench: Bench) -> None:
    recipe = bench.scratch.read("recipes/dom0.toml")
    bench.scratch.write("recipes/dom0.toml", recipe.partition("[boot.stick]")[0])
    bench.run()
    assert bench.boots == [("cd", "bios"), ("cd", "efi")]
    with pytest.raises(ConfigError) as caught:
        bench.run(media="usb")
    assert caught.value.problems == (
        "media: the image is not made for usb: boot.stick in recipes/dom0.toml",
    )


def test_what_the_release_leaves_out_is_reported(bench: Bench) -> None:
    bench.scratch.edit(
        "sets/mini.toml", "step = 60", 'step = 60\nmedia = ["cd", "usb"]\nplatforms = ["bios"]'
    )
    bench.run()
    assert bench.boots == [("cd", "bios"), ("usb", "bios")]
    notes = {event.stage: event.text for event in bench.events if isinstance(event, Note)}
    assert set(notes) == {f"boot-test {medium} {platform}" for medium, platform in EVERY} - {
        "boot-test cd bios",
        "boot-test usb bios",
    }
    assert "boot.media of the release" in notes["boot-test disk bios"]
    assert "boot.platforms of the release" in notes["boot-test usb efi"]
    with pytest.raises(ConfigError) as caught:
        bench.run(media="disk")
    assert caught.value.reason == "boot-platforms"
    assert "boot.media: cd, usb; requested: disk on bios, efi" in (caught.value.why or "")


def test_boots_go_on_at_once_and_every_failure_is_reported(bench: Bench) -> None:
    both = threading.Barrier(2, timeout=120)

    def play(*, medium: str, firmware: str, log: Path, **_words: object) -> None:
        both.wait()  # for the other one
        if medium == "usb":
            raise BootError(
                f"no {firmware}", where="disc", why="dark", log=log, reason="boot-timeout"
            )

    bench.play = play
    with pytest.raises(BootError, match="2 of 6 boots failed") as caught:
        bench.run(jobs="2")
    assert caught.value.reason == "boot-timeout"
    for platform in ("bios", "efi"):
        assert f"no {platform}" in str(caught.value)
        assert f"boot-test-usb-{platform}.log" in str(caught.value)
    ends = {event.stage: event.outcome for event in bench.events if isinstance(event, Finished)}
    assert ends == {
        f"boot-test {medium} {platform}": "failed" if medium == "usb" else "passed"
        for medium, platform in EVERY
    }


def test_the_table(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has the seconds to each marker; for a failed boot, its progress and log."""

    def play(
        *,
        medium: str,
        log: Path,
        tell: Callable[[str], None],
        mark: Callable[[float], None],
        **_words: object,
    ) -> None:
        seen = {"cd": (1.25, 12.5, 13.0, 113.0), "disk": (2.0,), "usb": ()}[medium]
        for seconds in seen:
            mark(seconds)
        if medium == "disk":
            tell("Loading Xen 4.17")
            log.parent.mkdir(parents=True, exist_ok=True)
            log.with_suffix(".png").touch()
        if medium != "cd":
            what = (
                "the time limit was reached"
                if medium == "disk"
                else ("the console shows: error: no such device")
            )
            raise BootError(f"the boot failed: {what}", log=log, reason="boot-timeout")

    bench.play = play
    bench.scratch.edit("recipes/dom0.toml", '["bios", "efi"]', '["bios"]')
    with pytest.raises(BootError):
        bench.run()
    assert (
        capsys.readouterr().out
        == """\
medium  firmware  verdict  seconds to each marker
cd      bios      passed      1.2   12.5   13.0  113.0
disk    bios      FAILED      2.0      -      -      -  last: Loading Xen 4.17
                             build/log/boot-test-disk-bios.log and boot-test-disk-bios.png
usb     bios      FAILED        -      -      -      -  last: error: no such device
                             build/log/boot-test-usb-bios.log
"""
    )
    with pytest.raises(BootError):
        bench.run(progress="json")
    assert capsys.readouterr().out == "", "programs read events"


@pytest.mark.programs
def test_what_a_definition_cannot_say(bench: Bench) -> None:
    bench.scratch.edit("sets/mini.toml", "step = 60", 'step = 60\nmedia = ["tape"]')
    with pytest.raises(ConfigError) as caught:
        bench.run()
    (problem,) = caught.value.problems
    assert problem.startswith("line ")
    assert problem.endswith(": boot: boot.media: cd, disk, usb, or some of them")
