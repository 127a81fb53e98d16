"""`doit burn-check`: its result, events and exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from buildlib.cli.commands import burn_check as module
from buildlib.cli.commands.burn_check import BurnCheck
from buildlib.model.events import Event, Finished, Note, Progress, Started
from buildlib.operations import burn_check
from buildlib.operations.burn_check import Difference


class Display:
    """Keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = False

    def event(self, event: Event) -> None:
        """Keep one."""
        self.events.append(event)

    def close(self) -> None:
        """At the end."""
        self.closed = True


@pytest.fixture
def display(project: Path, monkeypatch: pytest.MonkeyPatch) -> Display:
    """The image is there, and as it was built."""
    (project / "cd.iso").write_bytes(b"an image")
    product = SimpleNamespace(folder=project, files={"cd.iso": None, "cd.iso.mtree": None})
    session = SimpleNamespace(products={"iso": product}, settings=SimpleNamespace(progress="plain"))
    made = Display()
    monkeypatch.setattr(BurnCheck, "boot_media", lambda _self: session)
    monkeypatch.setattr(module, "make_display", lambda _kind, _stream: made)
    monkeypatch.setattr(burn_check, "check_image", lambda _image: None)
    return made


def compared(monkeypatch: pytest.MonkeyPatch, found: Difference | None) -> None:
    def compare(
        image: Path,
        medium: Path,
        *,
        tell: Callable[[int, int], None],
        note: Callable[[str], object],
    ) -> Difference | None:
        assert (image.name, medium) == ("cd.iso", Path("/dev/sr0"))
        note("harmless")
        tell(3, 8)
        return found

    monkeypatch.setattr(burn_check, "compare", compare)


def finished(display: Display) -> Finished:
    last = display.events[-1]
    assert isinstance(last, Finished)
    assert 0 <= last.seconds < 300
    assert display.closed
    return last


def test_a_medium_that_is_the_same(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(monkeypatch, None)
    assert BurnCheck().execute({}, ["/dev/sr0"]) == 0
    task = "burn-check /dev/sr0"
    assert display.events[:-1] == [
        Started(task),
        Note("harmless", task),
        Progress(task, 3, 8, "bytes"),
    ]
    last = finished(display)
    assert (last.stage, last.outcome, last.size) == (task, "passed", 8)
    assert last.detail == "the same as cd.iso"


def test_a_medium_that_differs(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(monkeypatch, Difference(5, "/netbsd", "differs"))
    assert BurnCheck().execute({}, ["/dev/sr0"]) == 1
    last = finished(display)
    assert (last.outcome, last.detail) == ("failed", "/netbsd differs, at byte 5 of 8")


@pytest.mark.parametrize("names", [[], ["/dev/sr0", "/dev/sr1"]])
def test_it_takes_one_medium(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert BurnCheck().execute({}, names) == 3
    assert "takes one device or file" in capsys.readouterr().err


def test_an_image_that_is_not_built(
    display: Display, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "cd.iso").unlink()
    assert BurnCheck().execute({}, ["/dev/sr0"]) == 3
    error = capsys.readouterr().err
    assert "there is no " in error
    assert "build it: doit iso" in error
    assert display.events == []


def test_an_image_that_has_changed(
    display: Display, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Path] = []
    monkeypatch.setattr(burn_check, "check_image", checked.append)
    compared(monkeypatch, None)
    BurnCheck().execute({}, ["/dev/sr0"])
    assert checked == [project / "cd.iso"]
    assert display.closed
