"""The disk of a boot test: what the CD's /etc/rc looks for is on it."""

from __future__ import annotations

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
from buildlib.store.events import silent
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
