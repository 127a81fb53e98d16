"""Boot tests, and that they can fail; QEMU is a script that says what a console would."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from buildlib.host.process import Runner
from buildlib.model.errors import BootError, Interrupted
from buildlib.operations.boot_test import qemu as module
from buildlib.operations.boot_test.qemu import BootReport, Computer, boot
from buildlib.operations.boot_test.qmp import Monitor

pytestmark = [pytest.mark.programs, pytest.mark.thorough]  # a shell, and limits of time

MACHINE = ("-M", "pc", "-cpu", "Nehalem")


# what the console says, from a script in QEMU's place


class Fake:
    """A shell script in QEMU's place; it notes its words and its process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.script = folder / "qemu"
        self.runner = Runner()
        self.told: list[str] = []
        self.marks: list[float] = []
        monkeypatch.setattr(module, "find_tool", lambda _name: self.script)

    def boot(self, shell: str, *expect: str, seconds: int = 20, step: float = 0) -> BootReport:
        (self.folder / "disc.iso").touch()
        self.script.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {self.folder}/words\n'
            f"echo $$ > {self.folder}/pid\n{shell}\n"
        )
        self.script.chmod(0o755)
        return boot(
            self.folder / "disc.iso",
            Computer(MACHINE, 256),
            expect=expect,
            seconds=seconds,
            step=step,
            log=self.folder / "log/boot.log",
            runner=self.runner,
            tell=self.told.append,
            mark=self.marks.append,
        )

    def fails(self, shell: str, *expect: str, seconds: int = 20, step: float = 0) -> BootError:
        started = time.monotonic()
        with pytest.raises(BootError) as caught:
            self.boot(shell, *expect, seconds=seconds, step=step)
        assert time.monotonic() - started < 50
        assert caught.value.log == self.folder / "log/boot.log"
        assert caught.value.where == str(self.folder / "disc.iso")
        self.has_ended()
        return caught.value

    def has_ended(self) -> None:
        pid = int((self.folder / "pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch)


def test_markers_in_order(fake: Fake) -> None:
    report = fake.boot("echo one; echo two three; echo four; sleep 60", "^one", "three$", "fo+ur")
    assert report.lines == ("one", "two three", "four")
    assert list(report.seconds) == sorted(report.seconds)
    assert report.seconds[-1] < 5
    assert report.log.read_text() == "one\ntwo three\nfour\n"
    assert fake.told[:2] == ["one", "two three"]
    assert tuple(fake.marks) == report.seconds
    fake.has_ended()


def test_markers_out_of_order(fake: Fake) -> None:
    error = fake.fails("echo two; echo one", "one", "two")
    assert error.reason == "boot-ended"
    assert "1 of 2 markers were seen" in (error.why or "")
    assert "not seen: two" in (error.why or "")
    assert "| two\n| one" in (error.why or "")


def test_each_marker_needs_words_of_its_own(fake: Fake) -> None:
    assert fake.boot("echo a b a; sleep 60", "a", "b", "a").lines == ("a b a",) * 3
    assert fake.fails("echo a b", "a", "a").reason == "boot-ended"
    assert fake.fails("printf 'a b'; sleep 0.4; echo", "a", "a").reason == "boot-ended"


def test_a_marker_without_a_line_end(fake: Fake) -> None:
    assert fake.boot("printf 'login: '; sleep 60", "^login: $").lines == ("login: ",)


def test_a_marker_at_the_very_end(fake: Fake) -> None:
    assert fake.boot("printf 'the end'", "^the end$").lines == ("the end",)


@pytest.mark.parametrize(
    "line",
    [
        "(XEN) Panic on CPU 0:\r\n",
        "root device (default wd0a): ",
        "init path (default /sbin/init): ",
        "Stopped in pid 0.1 at db{0}> ",
        "--db_more--",
        "error: file `/netbsd' not found.\r\n",
        "ERROR: Unable to find the root\n",
        "(XEN) Hardware Dom0 crashed: rebooting machine\n",
        "[   1.0000000] panic: cnopen\n",
        "panic: no init\n",
        "grub> ",
        "grub rescue> ",
        "BdsDxe: No bootable option or device was found.\r\n",
        "UEFI Interactive Shell v2.2\n",
        "Shell> ",
        "cannot mount root, error = 79\n",
        "/etc/rc.conf is not configured.  Multiuser boot aborted.\r\n",
        "Enter pathname of shell or RETURN for /bin/sh: ",
    ],
)
def test_patterns_that_end_a_boot(fake: Fake, line: str) -> None:
    (fake.folder / "console").write_text(f"up\r\n{line}", newline="")
    error = fake.fails(f"cat {fake.folder}/console; sleep 60", "up", "never")
    assert error.reason == "boot-fail-pattern"
    assert line.strip() in error.what
    assert "after " in (error.why or "")
    assert "not seen: never" in (error.why or "")
    assert f"| {line.rstrip()}" in (error.why or "")


def test_words_that_are_no_failure(fake: Fake) -> None:
    lines = ["(XEN) no error: all is well", "panic_on_oops is off", "mydb{", "root device wd0a"]
    script = "\n".join(f'echo "{line}"' for line in lines)
    fake.boot(f"{script}\necho up; sleep 60", "up")


def test_a_failure_after_the_last_marker_is_none(fake: Fake) -> None:
    fake.boot("echo up; sleep 1; echo 'panic: x'; sleep 60", "up")


def test_the_time_limit(fake: Fake) -> None:
    error = fake.fails("echo up; sleep 60", "up", "never", seconds=1)
    assert error.reason == "boot-timeout"
    assert "1 second" in error.what


def test_the_limit_of_a_step(fake: Fake) -> None:
    """It counts from the last marker, and from the start to the first one."""
    error = fake.fails("echo up; sleep 60", "up", "never", step=3)
    assert error.reason == "boot-timeout"
    assert "the next marker was not seen within 3 seconds" in error.what
    assert len(fake.marks) == 1
    assert fake.fails("sleep 60", "up", step=0.5).reason == "boot-timeout"
    steps = "for step in a b c d e f; do echo $step; sleep 1; done; sleep 60"
    assert fake.boot(steps, *"abcdef", step=4).seconds[-1] > 4


def test_the_time_limit_holds_for_one_that_never_stops_talking(fake: Fake) -> None:
    assert fake.fails("yes", "never", seconds=1).reason == "boot-timeout"
    assert fake.fails("yes | tr -d '\\n'", "never", seconds=1).reason == "boot-timeout"


def test_one_that_ends_early(fake: Fake) -> None:
    error = fake.fails("echo one; exit 0", "one", "two")
    assert error.reason == "boot-ended"
    assert "exit status 0" in error.what
    assert "exit status 3" in fake.fails("exit 3", "one").what


def test_one_that_does_not_want_to_end(fake: Fake) -> None:
    fake.boot("trap '' TERM; echo up; while :; do sleep 1; done", "up")
    fake.has_ended()


def test_a_terminal_s_control_sequences(fake: Fake) -> None:
    report = fake.boot(
        r"printf '\033[2J\033[01;01H\033[0m\033[37mfirst\033[3;5Hsec'; sleep 0.4;"
        r" printf '\033[1mond\033[0m\r\nth\177ird\n'; sleep 60",
        "^first$",
        "^second$",
        "^third$",
    )
    assert report.lines == ("first", "second", "third")


def test_bytes_that_are_no_text(fake: Fake) -> None:
    report = fake.boot(
        r"printf '\377\376\0bad\n\303'; sleep 0.4; printf '\266k\n'; sleep 60", "bad$", "^ök$"
    )
    assert report.log.read_bytes() == b"\xff\xfe\0bad\n\xc3\xb6k\n"


def test_when_the_run_is_ended(fake: Fake) -> None:
    timer = threading.Timer(0.5, fake.runner.stop)
    timer.start()
    with pytest.raises(Interrupted):
        fake.boot("echo up; sleep 60", "never")
    timer.join()
    fake.has_ended()


def test_qemu_s_words(fake: Fake, tmp_path: Path) -> None:
    fake.boot("echo up; sleep 60", "up")
    words = (tmp_path / "words").read_text().splitlines()
    assert words[:4] == list(MACHINE)
    assert words[words.index("-m") + 1] == "256"
    assert f"format=raw,file={tmp_path}/disc.iso,media=cdrom,readonly=on" in words
    assert {"-no-reboot", "-nic", "-display", "-serial"} <= set(words)


def test_only_the_last_lines_are_shown(fake: Fake) -> None:
    why = fake.fails("seq 1 20; printf 'the rest'", "never").why or ""
    shown = [line for line in why.splitlines() if line.startswith("| ")]
    assert shown == [*(f"| {number}" for number in range(9, 21)), "| the rest"]


def test_a_console_that_says_nothing_has_no_last_lines(fake: Fake) -> None:
    assert fake.fails("echo; exit 1", "never").why == "0 of 1 markers were seen\nnot seen: never"


def test_a_very_long_line_is_divided(fake: Fake) -> None:
    letters = "head -c {} /dev/zero | tr '\\0' a; sleep 0.4; echo b; echo up; sleep 60"
    fake.boot(letters.format(4096), "^up")
    assert fake.told == ["a" * 4096 + "b", "up"]
    fake.told.clear()
    fake.boot(letters.format(4097), "^up")
    assert fake.told == ["a" * 4097, "b", "up"]


def test_a_failed_boot_has_a_picture(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = fake.folder / "log/boot.png"
    assert "picture" not in (fake.fails("exit 1", "never").why or "")
    monkeypatch.setattr(Monitor, "screenshot", lambda _self, path: path.write_bytes(b"x") == 1)
    assert f"\npicture of the screen: {picture}" in (fake.fails("exit 1", "never").why or "")
    assert picture.exists()
    fake.boot("echo up; sleep 60", "up")
    assert not picture.exists(), "it was of an earlier boot"
