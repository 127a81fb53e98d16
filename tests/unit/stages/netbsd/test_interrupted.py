"""The horizon: files that a killed build may have left incomplete are deleted, others kept."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from support.waiting import until

from buildlib.stages.netbsd import interrupted
from buildlib.stages.netbsd.interrupted import InterruptedBuild


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "obj"
    path.mkdir()
    return path


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupted, "_LOOK_SECONDS", 0.1)


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


def _run_and_kill(folder: Path, script: str, *, whole: str = "", half: str = "") -> None:
    """Run make with `script` in its own session, then kill -9 all of it, with the watcher.

    `../go` appears once the horizon is later than the file `whole`; the kill follows `half`.
    """
    nbmake = _script(folder.parent / "nbmake", script)
    line = InterruptedBuild(folder)
    line.sweep()
    process = subprocess.Popen([nbmake], cwd=folder, start_new_session=True)
    with line.watching(process.pid):
        if whole:
            until(lambda: _is_behind(line, folder / whole))
            (folder.parent / "go").touch()
        if half:
            until((folder / half).exists)
        before = line._file.read_text()
        os.killpg(process.pid, 9)
        process.wait()
    line._file.write_text(before)  # the horizon is not later than the kill


def _is_behind(line: InterruptedBuild, path: Path) -> bool:
    return path.exists() and path.stat().st_ctime_ns < (line._read() or 0)


@pytest.mark.programs
def test_what_a_killed_command_wrote_goes_and_the_rest_stays(folder: Path, often: None) -> None:
    _run_and_kill(
        folder,
        """
        mkdir deep
        sh -c 'echo whole >deep/a.o'
        until [ -e ../go ]; do sleep 0.05; done
        sh -c 'echo half >b.o; sleep 0.5; echo half >>b.o; sleep 60'
    """,
        whole="deep/a.o",
        half="b.o",
    )
    assert InterruptedBuild(folder).sweep() == 1
    assert (folder / "deep" / "a.o").read_text() == "whole\n"
    assert not (folder / "b.o").exists()


@pytest.mark.programs
def test_a_command_that_only_waits_for_a_make_does_not_count(folder: Path, often: None) -> None:
    inner = _script(
        folder.parent / "nbmake-amd64",
        """
        echo whole >a.o
        until [ -e ../go ]; do sleep 0.05; done
        exec sleep 60
    """,
    )
    _run_and_kill(folder, f"sh -c '{inner}; true'\n", whole="a.o")
    assert InterruptedBuild(folder).sweep() == 1


@pytest.mark.programs
def test_a_note_that_is_out_of_date_is_still_true(folder: Path) -> None:
    """If killed before the first look, everything written since the start is deleted."""
    line = InterruptedBuild(folder)
    line.sweep()
    (folder / "old.o").write_text("from before")
    time.sleep(0.05)
    line._write(line._pulse())
    _run_and_kill(folder, "echo x >new.o; sleep 60\n", half="new.o")
    assert line.sweep() == 1
    assert (folder / "old.o").exists()
    assert not (folder / "new.o").exists()


def test_times_that_were_set_back_deceive_nobody(folder: Path) -> None:
    line = InterruptedBuild(folder)
    line.sweep()
    time.sleep(0.05)
    (folder / "copied.o").write_text("half")
    os.utime(folder / "copied.o", (1, 1))
    assert line.sweep() is None
    assert not (folder / "copied.o").exists()


def test_without_a_note_nothing_counts(folder: Path) -> None:
    (folder / "a.o").write_text("whose?")
    (folder / "link").symlink_to("a.o")
    assert InterruptedBuild(folder).sweep() is None
    assert not (folder / "a.o").exists()


@pytest.mark.parametrize("text", ["", "nonsense", "another-boot 1\n"])
def test_a_note_of_another_boot_or_a_torn_one_is_none(folder: Path, text: str) -> None:
    line = InterruptedBuild(folder)
    line.sweep()
    (folder / "a.o").write_text("perhaps empty after the crash")
    line._file.write_text(text)
    assert line.sweep() is None


def test_nothing_outside_is_touched(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    (folder / "out").symlink_to(outside)
    InterruptedBuild(folder).sweep()
    assert (outside / "file").exists()


@pytest.mark.thorough
def test_a_full_disk_leaves_the_note_as_it_was(
    folder: Path, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = InterruptedBuild(folder)
    line.sweep()
    before = line._file.read_text()

    def full(_line: InterruptedBuild) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(InterruptedBuild, "_pulse", full)
    with line.watching(os.getpid()):
        time.sleep(0.3)
    assert line._file.read_text() == before


def test_what_was_made_of_other_inputs_is_not_gone_on_with(folder: Path) -> None:
    """make(1) compares times, so it does not notice that a source changed in between."""
    InterruptedBuild(folder, "one").sweep()
    for inputs, left in (("one", 1), ("two", None)):
        (folder / "a.o").touch()
        line = InterruptedBuild(folder)
        line._write(line._pulse() + 10**9)
        assert InterruptedBuild(folder, inputs).sweep() == left
    assert not list(folder.iterdir())
