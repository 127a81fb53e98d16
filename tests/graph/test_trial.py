"""The disk of a boot test: what the CD's /etc/rc looks for is on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scratch import Scratch
from support.simulator import Server
from support.ufs import Ufs

from buildlib.front.checks import boot_test
from buildlib.front.session import open_session
from buildlib.graph import boot as module
from buildlib.graph.boot import BootReport
from buildlib.graph.trial import SIZE, write_trial_disk
from buildlib.store.events import Event, Finished, silent
from buildlib.words.errors import BootError
from buildlib.words.shconf import Problem, parse
from buildlib.words.site import HostConf, load_conf


def contents(path: Path) -> dict[str, str]:
    """Every file of an image."""
    ufs = Ufs(path)
    return {name: ufs.nodes[ufs.numbers[name]].content.decode()
            for name, found in ufs.tree.items() if found.kind == "file"}


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


def test_a_server_comes_up_with_it(disk: Path, server: Server) -> None:
    server.file_system("trial", contents(disk))
    server.disk("wd0", {"a": "trial"})
    boot = server.boot()
    assert boot.status == 0, boot.console
    assert "the configuration is on wd0a." in boot.console


def test_a_boot_test_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, configs = Scratch.new(tmp_path / "checkout"), []

    def boot(_image: Path, *, config: Path, log: Path, **_words: object) -> BootReport:
        configs.append(config)
        return BootReport(("up",), (1.0,), log)

    monkeypatch.setattr(module, "boot", boot)
    boot_test(open_session(scratch.root, {}, silent), silent)
    assert configs == [scratch.path("build/boot-test-config.ffs")] * 2
    assert "GOLDMASTER" in contents(configs[0])
    assert not scratch.path("dist").exists()


def test_platforms_are_booted_at_once_and_every_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, both = Scratch.new(tmp_path / "checkout"), threading.Barrier(2, timeout=30)
    events: list[Event] = []

    def boot(_image: Path, *, firmware: str, log: Path, **_words: object) -> BootReport:
        both.wait()  # for the other one
        raise BootError(f"no {firmware}", where="disc", why="dark", log=log, reason="boot-timeout")

    monkeypatch.setattr(module, "boot", boot)
    with pytest.raises(BootError, match="2 of 2 boots failed") as caught:
        boot_test(open_session(scratch.root, {"jobs": "2"}, silent), events.append)
    assert caught.value.reason == "boot-timeout"
    for platform in ("bios", "efi"):
        assert f"no {platform}" in str(caught.value)
        assert f"boot-test-{platform}.log" in str(caught.value)
    ends = [event for event in events if isinstance(event, Finished)]
    assert {(end.stage, end.outcome) for end in ends} == {
        ("boot-test bios", "failed"), ("boot-test efi", "failed")}
