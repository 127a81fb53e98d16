"""Boots an image in QEMU and judges it by its serial console.

QEMU's exit status proves nothing: a panic that reboots exits with 0, and a power-off may not exit
at all. So a boot passes only when all its markers were seen, in order. It fails immediately when
the console shows an unrecoverable error or QEMU exits early, and at its time limit.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from buildlib.config.boot_test import Medium, Platform
from buildlib.config.consoles import Port
from buildlib.host.environment import TOOL_ENVIRONMENT, find_tool, monotonic
from buildlib.host.process import Runner
from buildlib.model.errors import BootError, Interrupted, ToolError
from buildlib.operations.boot_test.qmp import Monitor

QEMU = "qemu-system-x86_64"
OVMF = Path("/usr/share/OVMF")
# Unrecoverable errors. Prompts do not end a line, and wait forever.
FAILURES = tuple(
    map(
        re.compile,
        (
            r"Panic on CPU",  # Xen
            r"Dom(ain )?0 crashed",  # Xen
            r"^(\[ *[0-9.]+\] )?panic: ",  # NetBSD's kernel
            r"root device( \(default|: )",  # NetBSD: the root is not on the given device
            r"init path \(default",  # NetBSD: the root has no /sbin/init
            r"cannot mount root",  # NetBSD: the device has no valid root
            r"Multiuser boot aborted",  # NetBSD's rc: not configured
            r"Enter pathname of shell",  # NetBSD's init: rc has failed
            r"\bdb\{|--db_more--",  # NetBSD's kernel debugger
            r"^error: |^grub> |^grub rescue> ",  # GRUB
            r"^Error \d+: ",  # GRUB legacy
            r"ERROR: Unable to",
            r"BdsDxe: No bootable option",  # UEFI
            r"^Shell> |UEFI Interactive Shell",  # UEFI found nothing to boot
        ),
    )
)
_LAST_LINES = 12
# An unfinished line is examined when the console has been silent for this many seconds.
_SILENCE = 0.2
_PARTIAL_LIMIT = 4096
_CHUNK = 1 << 16
_DISK = "media=disk,snapshot=on"
# Cursor movements separate lines as line ends do; other control sequences are dropped.
_LINE_END = re.compile(r"[\r\n]|\x1b\[[0-9;]*[Hf]")
_CONTROL = re.compile(
    r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][0-9A-Z]|\x1b[=>c78]|[\x00-\x08\x0e-\x1f\x7f]"
)


@dataclass(frozen=True, slots=True)
class BootReport:
    """A boot that passed: the line of each marker, and the seconds from the start to it."""

    lines: tuple[str, ...]
    seconds: tuple[float, ...]
    log: Path


@dataclass(frozen=True, slots=True)
class Computer:
    """The computer that QEMU emulates.

    words    QEMU's options for machine and processor
    memory   MiB
    medium   the kind of medium that the image is attached as
    config   image of a disk with a server's configuration
    port     the serial line that is read
    """

    words: Sequence[str]
    memory: int
    firmware: Platform = "bios"
    medium: Medium = "cd"
    config: Path | None = None
    port: Port = "com1"


def boot(
    image: Path,
    computer: Computer,
    *,
    expect: Sequence[str],
    seconds: float,
    step: float = 0,
    log: Path,
    runner: Runner,
    tell: Callable[[str], None] | None = None,
    mark: Callable[[float], None] | None = None,
) -> BootReport:
    """Boot `image` until all of `expect`, regular expressions, were seen on the console in order.

    seconds  the time limit; step: the limit between two markers, 0: the same as `seconds`
    log      where the console's bytes are kept in any case; if the boot fails, a picture of the
             screen is written beside it, NAME.png
    tell     receives every line of the console
    mark     receives the seconds at each marker

    Raises BootError (reason boot-fail-pattern, boot-timeout or boot-ended), ToolError if QEMU
    or the firmware is missing, Interrupted if the run is interrupted.
    """
    words = qemu_words(image, computer)
    log.parent.mkdir(parents=True, exist_ok=True)
    picture = log.with_suffix(".png")
    picture.unlink(missing_ok=True)
    watch = _Watch(tuple(map(re.compile, expect)), monotonic(), tell or _nobody, mark or _nobody)
    with Monitor() as monitor:
        process = runner.start(
            [*words, *monitor.words()],
            cwd=log.parent,
            environment=TOOL_ENVIRONMENT,
            pipe=(monitor.theirs,),
        )
        try:
            with log.open("wb") as file:
                verdict = watch.follow(process, file, limit=seconds, step=step or seconds)
            has_picture = verdict is not None and monitor.screenshot(picture)
        finally:
            runner.end(process)
    if runner.stopped():
        raise Interrupted("stopped", reason="interrupted")
    if verdict is not None:
        raise _error(image, watch, verdict, log, picture if has_picture else None)
    return BootReport(tuple(watch.lines), tuple(watch.seconds), log)


def qemu_words(image: Path, computer: Computer) -> list[str]:
    """The command that boots `image` with the computer's serial line on standard output.

    No image is ever written to: a server's changes are discarded when QEMU exits. A BIOS that
    finds nothing to boot resets the machine, which ends QEMU.
    """
    qemu = find_tool(QEMU)
    if qemu is None:
        raise _missing(QEMU, "qemu-system-x86")
    drives = _MEDIA[computer.medium](image)
    if computer.config is not None:
        drives += ["-drive", _drive(computer.config, f"if=ide,{_DISK}")]
    order = "d" if computer.medium == "cd" else "c"
    before = ["-serial", "null"] if computer.port == "com2" else []
    return [
        str(qemu),
        *computer.words,
        "-m",
        str(computer.memory),
        *drives,
        *_FIRMWARE[computer.firmware](),
        "-boot",
        f"order={order},strict=on,reboot-timeout=1",
        "-nic",
        "none",
        "-display",
        "none",
        *before,
        "-serial",
        "stdio",
        "-monitor",
        "none",
        "-no-reboot",
    ]


def _drive(image: Path, how: str) -> str:
    return f"format=raw,file={str(image.absolute()).replace(',', ',,')},{how}"


def _stick(image: Path) -> list[str]:
    """A USB 2 stick: NetBSD's dom0 kernels have a driver for that controller."""
    return [
        "-drive",
        _drive(image, f"if=none,id=stick,{_DISK}"),
        "-device",
        "usb-ehci,id=ehci",
        "-device",
        "usb-storage,bus=ehci.0,drive=stick,removable=on,bootindex=0",
    ]


_MEDIA: dict[Medium, Callable[[Path], list[str]]] = {
    "cd": lambda image: ["-drive", _drive(image, "media=cdrom,readonly=on")],
    "disk": lambda image: ["-drive", _drive(image, _DISK)],
    "usb": _stick,
}


def _ovmf() -> list[str]:
    """UEFI's code, and a temporary copy of its variables."""
    for size in ("_4M", ""):
        code, variables = OVMF / f"OVMF_CODE{size}.fd", OVMF / f"OVMF_VARS{size}.fd"
        if code.exists() and variables.exists():
            return [
                "-drive",
                f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
                "-drive",
                f"if=pflash,unit=1,format=raw,snapshot=on,file={variables}",
            ]
    raise _missing("UEFI's firmware", "ovmf")


_FIRMWARE: dict[Platform, Callable[[], list[str]]] = {"bios": list, "efi": _ovmf}


def _missing(what: str, package: str) -> ToolError:
    return ToolError(
        f"{what} is not installed", hint=f"apt-get install {package}", reason="tool-missing"
    )


def _nobody(_what: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Why a boot failed."""

    reason: str
    what: str


@dataclass(slots=True)
class _Watch:
    """What has been seen on a console.

    markers  all of them, in order; `lines` and `seconds` are of those seen
    at       offset in the unfinished line up to which markers were found
    """

    markers: tuple[re.Pattern[str], ...]
    started: float
    tell: Callable[[str], None]
    mark: Callable[[float], None]
    lines: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )
    partial: str = ""
    at: int = 0

    def follow(
        self, process: subprocess.Popen[bytes], file: BinaryIO, *, limit: float, step: float
    ) -> _Verdict | None:
        """Read the console into `file` until the boot has passed (None) or failed."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        while True:
            before = self.seconds[-1] if self.seconds else 0.0
            left = self.started + min(limit, before + step) - monotonic()
            if left <= 0:
                return _Verdict(
                    "boot-timeout",
                    f"the time limit of {limit:g} seconds was reached"
                    if limit <= before + step
                    else f"the next marker was not seen within {step:g} seconds",
                )
            ready, _, _ = select.select([descriptor], [], [], min(_SILENCE, left))
            data = os.read(descriptor, _CHUNK) if ready else None
            if data:
                file.write(data)
                file.flush()
            failure = self.take(data) if data else self.look(_clean(self.partial))
            if failure is not None:
                return failure
            if len(self.lines) == len(self.markers):
                return None
            if data == b"":
                return _Verdict("boot-ended", f"QEMU exited (exit status {process.wait()})")

    def take(self, data: bytes) -> _Verdict | None:
        """Split the console's bytes into lines and examine every finished line."""
        *whole, self.partial = _LINE_END.split(self.partial + self.decoder.decode(data))
        if len(self.partial) > _PARTIAL_LIMIT:
            whole, self.partial = [*whole, self.partial], ""
        for line in map(_clean, whole):
            failure = self.look(line)
            self.at = 0
            if line.strip():
                self.last.append(line)
                self.tell(line)
            if failure is not None:
                return failure
        return None

    def look(self, line: str) -> _Verdict | None:
        """Look for failures and for the next markers in a line, finished or not."""
        for failure in FAILURES:
            if failure.search(line):
                return _Verdict("boot-fail-pattern", f"the console shows: {line.strip()}")
        while len(self.lines) < len(self.markers):
            match = self.markers[len(self.lines)].search(line, self.at)
            if match is None:
                break
            self.at = match.end()
            self.lines.append(line)
            self.seconds.append(monotonic() - self.started)
            self.mark(self.seconds[-1])
        return None


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


def _error(
    image: Path, watch: _Watch, verdict: _Verdict, log: Path, picture: Path | None
) -> BootError:
    seen = [
        f"after {seconds:.1f} s: {line.strip()}"
        for seconds, line in zip(watch.seconds, watch.lines, strict=True)
    ]
    missing = watch.markers[len(watch.lines)] if len(watch.lines) < len(watch.markers) else None
    last = [*watch.last, _clean(watch.partial)] if watch.partial.strip() else watch.last
    return BootError(
        f"the boot failed: {verdict.what}",
        where=image,
        why="\n".join(
            [
                f"{len(seen)} of {len(watch.markers)} markers were seen",
                *seen,
                *([f"not seen: {missing.pattern}"] if missing else []),
                *(["last lines:"] if last else []),
                *(f"| {line}" for line in last),
                *([f"picture of the screen: {picture}"] if picture else []),
            ]
        ),
        log=log,
        reason=verdict.reason,
    )
