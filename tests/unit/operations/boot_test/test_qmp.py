"""QEMU's monitor: a picture of the screen, or none."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildlib.operations.boot_test import qmp
from buildlib.operations.boot_test.qmp import Monitor

GREETING = b'{"QMP": {}}\n'
DONE = b'{"return": {}}\n'
EVENT = b'{"event": "STOP"}\n'
Talk = Callable[[socket.socket], None]


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as made:
        yield made


def commands(there: socket.socket) -> Iterator[Any]:
    """What the monitor is told, command by command."""
    while data := there.recv(1 << 16):
        yield json.loads(data)


def draws(there: socket.socket) -> None:
    """QEMU, with events between its answers, which it sends in parts."""
    there.sendall(GREETING)
    for command in commands(there):
        if command["execute"] == "screendump":
            assert command["arguments"]["format"] == "png"
            Path(command["arguments"]["filename"]).write_bytes(b"a picture")
        there.sendall(EVENT + DONE[:5])
        there.sendall(DONE[5:])


def shot(monitor: Monitor, path: Path, talk: Talk) -> bool:
    """The answer of `screenshot` to a QEMU that talks like this."""
    there = socket.socket(fileno=os.dup(monitor.theirs))

    def run() -> None:
        with there:
            talk(there)

    thread = threading.Thread(target=run)
    thread.start()
    taken = monitor.screenshot(path)
    monitor.__exit__()
    thread.join()
    return taken


def test_what_qemu_is_told(monitor: Monitor) -> None:
    assert monitor.words() == [
        *("-chardev", f"socket,id=monitor,fd={monitor.theirs}"),
        *("-mon", "chardev=monitor,mode=control"),
    ]


def test_a_picture(monitor: Monitor, tmp_path: Path) -> None:
    path = tmp_path / "screen.png"
    path.write_bytes(b"an older one")
    assert shot(monitor, path, draws)
    assert path.read_bytes() == b"a picture"
    assert [*tmp_path.iterdir()] == [path]


def says(*answers: bytes) -> Talk:
    """One that sends the next answer after each command."""

    def talk(there: socket.socket) -> None:
        there.sendall(answers[0])
        for answer, _ in zip(answers[1:], commands(there), strict=False):
            there.sendall(answer)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        says(b""),
        says(GREETING),
        says(GREETING, DONE),
        says(GREETING, DONE, b'{"error": {"class": "GenericError"}}\n'),
        says(GREETING, b'{"error": {}}\n', DONE),
        says(GREETING, DONE, DONE),
        says(b"[]\n", DONE, DONE),
        says(b"no JSON\n", DONE, DONE),
    ],
    ids=["silence", "greeting", "no answer", "error", "refusal", "no file", "a list", "no JSON"],
)
def test_no_picture(monitor: Monitor, tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "screen.png"
    path.write_bytes(b"an older one")
    assert not shot(monitor, path, talk)
    assert [*tmp_path.iterdir()] == []


def test_one_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmp, "_SECONDS", 0.05)
    with Monitor() as monitor:
        asked: list[Any] = []
        assert not shot(monitor, tmp_path / "x.png", lambda there: asked.extend(commands(there)))
        assert asked == []


def test_an_exit_of_qemu_ends_the_wait(tmp_path: Path) -> None:
    """Nobody else has its end open."""
    with Monitor() as monitor:
        monitor._ours.settimeout(None)
        assert not monitor.screenshot(tmp_path / "x.png")
