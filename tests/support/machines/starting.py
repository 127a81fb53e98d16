"""Discs that boot according to a recipe's [boot], and machines with a readable screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildlib.config.boot_test import BootTestConfig, Medium, Platform
from buildlib.config.recipe import BootConfig
from buildlib.engine.stage import OutputRef
from buildlib.model.errors import BootError
from buildlib.operations.boot_test import qemu as module
from buildlib.operations.boot_test.qemu import BootReport, Computer, boot
from buildlib.operations.boot_test.qmp import Monitor
from buildlib.plan.boot_loaders import boot_images, menus
from buildlib.stages.images.iso import Iso
from support.machines.discs import Parts
from support.readers.trees import TIME, file
from support.stages.stage_bench import TREE, Input

XEN, KERNEL = "boot/xen.gz", "netbsd"
# Width and height of a character on the screen: VGA's text mode, Xen's framebuffer.
_CELLS = ((9, 16), (8, 16), (8, 14))


def make_disc(parts: Parts, boots: BootConfig, *, without: str = "") -> Path:
    """A disc that boots so, without the file `without`."""
    texts = menus(boots, title="test", xen=XEN, kernel=KERNEL)
    contents = {path: text.encode() for path, text in texts.items()}
    contents |= {XEN: parts.xen, KERNEL: parts.kernel}
    contents.pop(without, None)
    entries = {
        entry: data
        for path, content in contents.items()
        for entry, data in file(path, content).items()
    }
    inputs: dict[OutputRef, Input] = {TREE: parts.bench.stored(entries)}
    images, code = {}, OutputRef("grub:bios", "disk_code")
    for image, (name, stage, _) in boot_images(boots, {}, time=TIME).items():
        outputs = parts.bench.run_stage(stage)
        images[image] = OutputRef(name, "image")
        inputs[images[image]] = outputs["image"]
        if "disk_code" in outputs:
            inputs[code] = outputs["disk_code"]
    iso = Iso(
        tree=TREE,
        images=images,
        volume="TEST",
        application="",
        time=TIME,
        disk=boots.disk,
        disk_code=code if code in inputs and boots.disk != "none" else None,
    )
    return parts.bench.path(parts.bench.run_stage(iso, inputs)["iso"])


class Reader(Monitor):
    """A monitor that also keeps the screenshot uncompressed."""

    def screenshot(self, path: Path) -> bool:
        taken = super().screenshot(path)
        if taken:
            self._ask("screendump", filename=str(path.with_suffix(".ppm")))
        return taken


@dataclass(frozen=True)
class Screen:
    """A screenshot with three bytes for each of `width` times `height` pixels."""

    width: int
    height: int
    points: bytes

    @classmethod
    def read(cls, path: Path) -> Screen:
        """Read a screenshot in netpbm's ppm format."""
        kind, size, depth, points = path.read_bytes().split(b"\n", 3)
        assert (kind, depth) == (b"P6", b"255")
        width, height = map(int, size.split())
        assert len(points) == 3 * width * height
        return cls(width, height, points)

    def says(self, text: str) -> bool:
        """Whether a line contains characters in the same pattern of repetition as `text`.

        So the font need not be known.
        """
        wanted = _shape(text)
        return any(
            _shape(line[at : at + len(text)]) == wanted
            for cell in _CELLS
            for line in self._lines(*cell)
            for at in range(len(line) - len(text) + 1)
        )

    def _lines(self, width: int, height: int) -> Iterator[list[bytes]]:
        row = 3 * self.width
        for top in range(0, self.height - height + 1, height):
            band = [self.points[(top + y) * row : (top + y + 1) * row] for y in range(height)]
            yield [
                b"".join(line[x : x + 3 * width] for line in band)
                for x in range(0, row - 3 * width + 1, 3 * width)
            ]


def _shape(letters: Sequence[object]) -> list[int]:
    """For each letter, its first position."""
    first: dict[object, int] = {}
    return [first.setdefault(letter, at) for at, letter in enumerate(letters)]


@dataclass
class Machine:
    """A machine for a release that boots discs from one folder."""

    parts: Parts
    release: BootTestConfig = field(default_factory=lambda: BootTestConfig(("",), memory=192))

    def boot(
        self,
        disc: Path,
        boots: BootConfig,
        *expect: str,
        firmware: Platform = "bios",
        medium: Medium = "cd",
        seconds: int = 60,
    ) -> BootReport:
        """Boot the disc like `boot-test`."""
        machine = self.release.machine_pvh if boots.dom0 == "pvh" else self.release.machine
        bench = self.parts.bench
        computer = Computer(
            machine,
            self.release.memory,
            firmware,
            medium,
            port=boots.console_config().port or "com1",
        )
        return boot(
            disc,
            computer,
            expect=expect,
            seconds=seconds,
            runner=bench.store.runner,
            log=bench.store.logs / f"{disc.name}.{firmware}.{medium}.log",
        )

    def screen(
        self,
        disc: Path,
        boots: BootConfig,
        monkeypatch: pytest.MonkeyPatch,
        *,
        firmware: Platform = "bios",
        seconds: int = 60,
    ) -> tuple[BootError, Screen, str]:
        """Boot a disc that fails. Return the error, the screen, and the serial output."""
        monkeypatch.setattr(module, "Monitor", Reader)
        with pytest.raises(BootError) as caught:
            self.boot(disc, boots, "this never comes", firmware=firmware, seconds=seconds)
        log = caught.value.log
        assert log is not None
        return (caught.value, Screen.read(log.with_suffix(".ppm")), log.read_text(errors="replace"))
