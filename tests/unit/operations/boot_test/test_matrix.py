"""Which boots are tested, and the table of their results."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildlib.model.errors import BootError, ConfigError
from buildlib.operations.boot_test.matrix import (
    BootCase,
    Result,
    boot_all,
    check_consoles,
    failure_of,
    trials,
)

CD, USB = BootCase("cd", "bios"), BootCase("usb", "efi")


def plan(
    *, media: tuple[str, ...] = ("cd", "usb"), platforms: tuple[str, ...] = ("bios", "efi")
) -> Any:
    """A plan of an image for all media and platforms, whose release tests these."""
    return SimpleNamespace(
        media=("cd", "disk", "usb"),
        platforms=("bios", "efi"),
        release=SimpleNamespace(boot=SimpleNamespace(media=media, platforms=platforms)),
    )


def test_every_medium_on_every_platform() -> None:
    tried, left_out = trials(plan(), "cd,usb", where="x")
    assert [trial.name for trial in tried] == [
        "boot-test cd bios",
        "boot-test cd efi",
        "boot-test usb bios",
        "boot-test usb efi",
    ]
    assert left_out == []


def test_what_the_release_leaves_out() -> None:
    tried, left_out = trials(plan(platforms=("bios",)), "", where="x")
    assert tried == [CD, BootCase("usb", "bios")]
    assert left_out == [
        (BootCase("cd", "efi"), "boot.platforms"),
        (BootCase("disk", "bios"), "boot.media"),
        (BootCase("disk", "efi"), "boot.media"),
        (USB, "boot.platforms"),
    ]


def test_nothing_is_left() -> None:
    with pytest.raises(ConfigError, match="no boot is left to test") as error:
        trials(plan(media=(), platforms=("efi",)), "disk", where="sets/x.toml")
    assert (error.value.where, error.value.reason) == ("sets/x.toml", "boot-platforms")
    assert error.value.why == (
        "boot.platforms: efi; boot.media: none; requested: disk on bios, efi"
    )


def test_a_medium_that_the_image_is_not_made_for() -> None:
    image = plan()
    image.media = ("cd",)
    with pytest.raises(ConfigError, match="these media cannot be booted") as error:
        trials(image, "cd,usb,disk", where="x")
    assert error.value.problems == tuple(
        f"media: the image is not made for {medium}: boot.stick in recipes/dom0.toml"
        for medium in ("disk", "usb")
    )
    assert (error.value.why, error.value.reason) == ("known: cd", "boot-media")


def consoles(*names: str) -> Any:
    return SimpleNamespace(names=names)


def test_the_kernel_s_console_is_a_serial_line() -> None:
    check_consoles(consoles("com1", "vga"))
    with pytest.raises(ConfigError, match="reads a serial line") as error:
        check_consoles(consoles("vga", "com1"))
    assert error.value.why == "the kernel uses the first of vga, com1"
    assert error.value.reason == "boot-consoles"


def test_the_row_of_a_boot_that_passed(tmp_path: Path) -> None:
    result = Result(CD, 2, tmp_path / "a.log", [1.25, 10.0], last="login:")
    assert result.rows("a.log") == [("cd", "bios", "passed", "   1.2   10.0")]


@pytest.mark.parametrize(
    ("what", "last", "shown"),
    [
        ("no prompt", "", "no output"),
        ("no prompt", "panic  ", "last: panic"),
        ("stopped; the console shows: panic: x", "other", "last: panic: x"),
    ],
)
def test_the_rows_of_a_boot_that_failed(what: str, last: str, shown: str, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    result = Result(USB, 3, log, [1.0], last, BootError(what))
    assert result.rows("logs/a.log") == [
        ("usb", "efi", "FAILED", f"   1.0      -      -  {shown}"),
        ("", "", "", "  logs/a.log"),
    ]
    (tmp_path / "a.png").write_text("x")
    assert result.rows("logs/a.log")[1][3] == "  logs/a.log and a.png"


def result_of(trial: BootCase, error: BootError | None = None) -> Result:
    return Result(trial, 1, Path("a.log"), failure=error)


def test_results_have_the_order_of_the_boots() -> None:
    first_may_end = threading.Event()

    def boot(trial: BootCase) -> Result:
        if trial is CD:
            assert first_may_end.wait(60)
        else:
            first_may_end.set()
        return result_of(trial)

    assert [one.trial for one in boot_all([CD, USB], boot, workers=2)] == [CD, USB]
    assert [one.trial for one in boot_all([USB, CD], boot, workers=1)] == [USB, CD]


def test_one_failure_is_the_error_itself() -> None:
    error = BootError("no prompt")
    assert failure_of([result_of(CD), result_of(USB, error)]) is error
    assert failure_of([result_of(CD)]) is None
    assert failure_of([]) is None


def test_several_failures_are_one_error() -> None:
    one = BootError("no prompt", where="cd", why="late", log=Path("a.log"), reason="time")
    two = BootError("panic", where="usb", why="bad", log=Path("b.log"), reason="panic")
    error = failure_of([result_of(CD, one), result_of(USB, two), result_of(CD)])
    assert error is not None
    assert (error.what, error.where, error.reason) == ("2 of 3 boots failed", "cd", "time")
    assert error.why == "no prompt\nlate\nlog: a.log\npanic\nbad\nlog: b.log"
