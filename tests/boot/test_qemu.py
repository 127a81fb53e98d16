"""Boot tests, and that they can fail."""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from struct import unpack

import pytest
from support.machines.discs import Parts

from buildlib.config.boot_test import Medium, Platform
from buildlib.host.process import Runner
from buildlib.model.errors import BootError, Interrupted, ToolError
from buildlib.operations.boot_test import qemu as module
from buildlib.operations.boot_test.qemu import BootReport, Computer, boot, qemu_words

MACHINE = ("-M", "pc", "-cpu", "Nehalem")
EXPECT = (r"^command line: \[bootdev=cd0a", r"^root on cd0a type cd9660",
          r"^goldmaster-mini: dom0 up")


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

    def boot(
        self, shell: str, *expect: str, seconds: int = 20, step: float = 0
    ) -> BootReport:
        (self.folder / "disc.iso").touch()
        self.script.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {self.folder}/words\n'
            f"echo $$ > {self.folder}/pid\n{shell}\n")
        self.script.chmod(0o755)
        return boot(
            self.folder / "disc.iso", Computer(MACHINE, 256), expect=expect, seconds=seconds,
            step=step, log=self.folder / "log/boot.log", runner=self.runner,
            tell=self.told.append, mark=self.marks.append)

    def fails(
        self, shell: str, *expect: str, seconds: int = 20, step: float = 0
    ) -> BootError:
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


@pytest.mark.parametrize("line", [
    "(XEN) Panic on CPU 0:\r\n", "root device (default wd0a): ", "init path (default /sbin/init): ",
    "Stopped in pid 0.1 at db{0}> ", "--db_more--", "error: file `/netbsd' not found.\r\n",
    "ERROR: Unable to find the root\n", "(XEN) Hardware Dom0 crashed: rebooting machine\n",
    "[   1.0000000] panic: cnopen\n", "panic: no init\n", "grub> ", "grub rescue> ",
    "BdsDxe: No bootable option or device was found.\r\n", "UEFI Interactive Shell v2.2\n",
    "Shell> ", "cannot mount root, error = 79\n",
    "/etc/rc.conf is not configured.  Multiuser boot aborted.\r\n",
    "Enter pathname of shell or RETURN for /bin/sh: ",
])
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
    assert "the next marker did not come within 3 seconds" in error.what
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
        r" printf '\033[1mond\033[0m\r\nth\177ird\n'; sleep 60", "^first$", "^second$", "^third$")
    assert report.lines == ("first", "second", "third")


def test_bytes_that_are_no_text(fake: Fake) -> None:
    report = fake.boot(r"printf '\377\376\0bad\n\303'; sleep 0.4; printf '\266k\n'; sleep 60",
                       "bad$", "^ök$")
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


def test_a_path_with_a_comma_and_a_disk(fake: Fake) -> None:
    words = qemu_words(Path("/a,b/c d"), Computer((), 1, medium="disk"))
    assert "format=raw,file=/a,,b/c d,media=disk,snapshot=on" in words


def test_a_disk_with_a_configuration_comes_after_the_cd() -> None:
    words = qemu_words(Path("/cd.iso"), Computer((), 1, config=Path("/a,b.ffs")))
    drives = [words[at + 1] for at, word in enumerate(words) if word == "-drive"]
    assert drives == ["format=raw,file=/cd.iso,media=cdrom,readonly=on",
                      "format=raw,file=/a,,b.ffs,if=ide,media=disk,snapshot=on"]
    assert words[words.index("-boot") + 1].startswith("order=d,")


def test_missing_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVMF", tmp_path)
    words: dict[str, Sequence[str] | int] = {}
    with pytest.raises(ToolError) as caught:
        qemu_words(tmp_path, Computer((), 1, firmware="efi"))
    assert caught.value.hint == "apt-get install ovmf"
    monkeypatch.setattr(module, "find_tool", lambda _name: None)
    with pytest.raises(ToolError) as caught:
        qemu_words(tmp_path, Computer((), 1))
    assert caught.value.hint == "apt-get install qemu-system-x86"
    assert not words


# boots for real


def start(
    disc: Path, parts: Parts, *, firmware: Platform = "bios", expect: Sequence[str] = EXPECT,
    seconds: int = 60, medium: Medium = "cd",
) -> BootReport:
    log = parts.bench.store.logs / f"{disc.name}.{firmware}.log"
    return boot(disc, Computer(MACHINE, 192, firmware, medium), expect=expect, seconds=seconds,
                log=log, runner=parts.bench.store.runner)


def fails(disc: Path, parts: Parts, *, firmware: Platform = "bios", medium: Medium = "cd",
          expect: Sequence[str] = EXPECT, seconds: int = 60) -> BootError:
    with pytest.raises(BootError) as caught:
        start(disc, parts, firmware=firmware, medium=medium, expect=expect, seconds=seconds)
    assert caught.value.log is not None
    assert caught.value.log.exists()
    return caught.value


def flipped(disc: Path, at: int, folder: Path) -> Path:
    """The disc with one bit changed."""
    data = bytearray(disc.read_bytes())
    data[at] ^= 1
    path = folder / "flipped.iso"
    path.write_bytes(data)
    return path


def catalog(disc: Path) -> int:
    """Where the boot catalog is, in bytes."""
    sector: int = unpack("<L", disc.read_bytes()[17 * 2048 + 71 :][:4])[0]
    return sector * 2048


@pytest.mark.boot
@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_xen_and_its_dom0_start(parts: Parts, firmware: Platform) -> None:
    report = start(parts.disc(), parts, firmware=firmware)
    assert report.lines == ("command line: [bootdev=cd0a]",
                            "root on cd0a type cd9660 dumps on none", "goldmaster-mini: dom0 up")
    assert b"Xen version" in report.log.read_bytes()


@pytest.mark.boot
@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_a_boot_that_fails_leaves_a_picture(parts: Parts, firmware: Platform) -> None:
    """Of what GRUB complains of."""
    error = fails(parts.disc(without=["netbsd"]), parts, firmware=firmware)
    assert error.reason == "boot-fail-pattern"
    picture = Path(str(error).split("the screen: ")[1].split("\n")[0])
    width, height, edges = seen_in(picture)
    assert width >= 640
    assert height >= 400
    assert 50 < edges < width * height


def seen_in(path: Path) -> tuple[int, int, int]:
    """Width and height of a PNG of 8-bit colours, and how many values differ from those beside."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = unpack(">LLBB", data[16:26])
    assert (depth, kind) == (8, 2)
    packed, at = b"", 8
    while at < len(data):
        (size,), name = unpack(">L", data[at : at + 4]), data[at + 4 : at + 8]
        packed += data[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += size + 12
    rows = zlib.decompress(packed)
    assert len(rows) == height * (1 + 3 * width)
    return width, height, len(rows) - rows.count(0)


@pytest.mark.boot
@pytest.mark.parametrize(("firmware", "at", "reason"), [
    ("bios", 32, "boot-ended"),  # the entry's boot indicator
    ("efi", 28, "boot-fail-pattern"),  # the checksum, which no BIOS looks at
])
def test_a_damaged_catalog(
    parts: Parts, tmp_path: Path, firmware: Platform, at: int, reason: str
) -> None:
    disc = parts.disc()
    error = fails(flipped(disc, catalog(disc) + at, tmp_path), parts, firmware=firmware)
    assert error.reason == reason


@pytest.mark.boot
def test_a_damaged_boot_image(parts: Parts, tmp_path: Path) -> None:
    disc = parts.disc(platforms=("bios",))
    image = disc.read_bytes().index(parts.bench.read(parts.loaders["bios"])[2048:4096]) - 2048
    error = fails(flipped(disc, image + 0x1800, tmp_path), parts, seconds=6)
    assert error.reason in {"boot-timeout", "boot-ended", "boot-fail-pattern"}


@pytest.mark.boot
def test_a_damaged_kernel(parts: Parts, tmp_path: Path) -> None:
    disc = parts.disc(platforms=("bios",))
    error = fails(flipped(disc, disc.read_bytes().index(parts.kernel), tmp_path), parts)
    assert error.reason == "boot-fail-pattern"
    assert "Panic on CPU 0" in error.what


@pytest.mark.boot
@pytest.mark.parametrize("path", ["netbsd", "boot/xen.gz", "boot/grub/grub.cfg"])
def test_a_disc_that_lacks_a_file(parts: Parts, path: str) -> None:
    error = fails(parts.disc(platforms=("bios",), without=[path]), parts)
    assert error.reason == "boot-fail-pattern"
    assert "error: " in error.what
    assert path in error.what


@pytest.mark.boot
def test_a_kernel_that_asks_for_its_root(parts: Parts) -> None:
    error = fails(parts.disc(platforms=("bios",), words=["bootdev=cd0a", "-a"]), parts)
    assert error.reason == "boot-fail-pattern"
    assert "root device (default cd0a):" in error.what


@pytest.mark.boot
def test_a_kernel_that_crashes(parts: Parts) -> None:
    disc = parts.disc(platforms=("bios",), words=["bootdev=cd0a", "exit=crash"])
    error = fails(disc, parts, expect=[*EXPECT, "login:"])
    assert error.reason == "boot-fail-pattern"
    assert "Dom0 crashed" in error.what
    assert "3 of 4 markers were seen" in (error.why or "")


@pytest.mark.boot
def test_a_kernel_that_reboots(parts: Parts) -> None:
    disc = parts.disc(platforms=("bios",), words=["bootdev=cd0a", "exit=reboot"])
    assert fails(disc, parts, expect=[*EXPECT, "login:"]).reason == "boot-ended"


@pytest.mark.boot
def test_a_disc_for_the_bios_alone_under_efi(parts: Parts) -> None:
    error = fails(parts.disc(platforms=("bios",)), parts, firmware="efi")
    assert error.reason == "boot-fail-pattern"


@pytest.mark.boot
def test_a_boot_that_takes_too_long(parts: Parts) -> None:
    assert fails(parts.disc(), parts, expect=["login:"], seconds=1).reason == "boot-timeout"
