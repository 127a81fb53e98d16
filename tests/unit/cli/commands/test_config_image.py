"""`doit config-image`: its arguments, the kind of image, and what is printed."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.cli.commands import config_image as module
from buildlib.cli.commands.config_image import ConfigImage
from buildlib.operations.fleet import config_image


class Fleet:
    """What the command asks for."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.machine = SimpleNamespace(name="www", site=Path("site"), others=0)
        self.asked: list[Any] = []
        self.checkout = False

    def find_machine(self, *words: Any) -> Any:
        """The machine."""
        self.asked.append(words)
        return self.machine

    def wants_checkout(self, *words: Any) -> bool:
        """Whether it is a checkout."""
        self.asked.append(words)
        return self.checkout

    def write_copy(self, _machine: Any, path: Path, **how: Any) -> Any:
        """Write a plain copy."""
        self.asked.append((path, how))
        return SimpleNamespace(size=64_000_000, files=3)

    def write_checkout(self, machine: Any, path: Path, **how: Any) -> Any:
        """Write checkouts."""
        del how["runner"]
        made = self.write_copy(machine, path, **how)
        return SimpleNamespace(url="file:///svn", revision=7, **vars(made))


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    made = Fleet()
    for name in ("find_machine", "wants_checkout", "write_copy", "write_checkout"):
        monkeypatch.setattr(config_image, name, getattr(made, name))
    monkeypatch.setattr(module, "command_line", lambda: dict(made.variables))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return made


def run() -> int:
    return ConfigImage().execute({}, ["www", "site"])


def test_a_plain_copy(fleet: Fleet, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    path = Path("dist/config-www.ffs")
    assert fleet.asked == [
        ("www", Path("site"), project),
        (Path("site"), ""),
        (path, {"time": config_image.TIME, "size": 0}),
    ]
    assert capsys.readouterr().out == f"{path}: 64.0 MB, 3 files, a plain copy\n"
    assert (project / "dist").is_dir()


def test_checkouts(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.checkout = True
    fleet.variables = {"checkout": "file:///svn", "to": "there/x.ffs", "size": "64m", "build": "b"}
    assert run() == 0
    assert fleet.asked[1:] == [
        (Path("site"), "file:///svn"),
        (
            Path("there/x.ffs"),
            {
                "time": config_image.TIME,
                "size": 64 << 20,
                "url": "file:///svn",
                "work": Path("b/config-image"),
            },
        ),
    ]
    assert capsys.readouterr().out.endswith("checkouts of file:///svn, revision 7\n")


@pytest.mark.parametrize("epoch", [0, 1_700_000_000])
def test_the_time_of_a_plain_copy(
    fleet: Fleet, epoch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(epoch))
    assert run() == 0
    assert fleet.asked[-1][1]["time"] == epoch


def test_other_machines_with_problems(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.machine.others = 2
    assert run() == 0
    told = capsys.readouterr().out.splitlines()[1]
    assert "other machines have problems" in told
    assert told.endswith(": 2; doit site-check site shows them")


@pytest.mark.parametrize("names", [[], ["www"], ["www", "site", "more"]])
def test_it_takes_a_machine_and_a_site(
    fleet: Fleet, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ConfigImage().execute({}, names) == 3
    error = capsys.readouterr().err
    assert "takes a machine's name and a site" in error
    assert f"it was given {' '.join(names) or 'nothing'}" in error
    assert fleet.asked == []


@pytest.mark.parametrize("kind", ["folder", "fifo", "file", "dangling"])
def test_it_writes_to_a_regular_file_only(
    fleet: Fleet, kind: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = project / "target"
    fleet.variables = {"to": "target"}
    if kind == "folder":
        target.mkdir()
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "dangling":
        target.symlink_to("nowhere")
    else:
        target.write_text("an older image")
    refused = kind in {"folder", "fifo"}
    assert run() == (3 if refused else 0)
    assert ("target is not a regular file" in capsys.readouterr().err) == refused
