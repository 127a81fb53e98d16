"""Discs that start as a recipe's [boot] says, and machines whose screen can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildlib.graph import boot as module
from buildlib.graph.boot import BootReport, Firmware, Medium, boot
from buildlib.graph.loaders import boot_images, menus
from buildlib.graph.monitor import Monitor
from buildlib.sources.project import Project
from buildlib.stages.iso import Iso
from buildlib.stages.stage import From
from buildlib.words.errors import BootError
from buildlib.words.model import Boot, Boots
from support.discs import ROOT, Parts
from support.jobs import TREE, Input
from support.trees import TIME, file

XEN, KERNEL = "boot/xen.gz", "netbsd"
_TEXT, _COLUMNS, _ROWS = 0xB8000, 80, 25  # VGA's text: a character, then its colour


def make_disc(parts: Parts, boots: Boots, *, without: str = "") -> Path:
    """A disc that starts so, but for the file `without`."""
    texts = menus(boots, title="test", xen=XEN, kernel=KERNEL)
    contents = {path: text.encode() for path, text in texts.items()}
    contents |= {XEN: parts.xen, KERNEL: parts.kernel}
    contents.pop(without, None)
    entries = {entry: data for path, content in contents.items()
               for entry, data in file(path, content).items()}
    inputs: dict[From, Input] = {TREE: parts.bench.stored(entries)}
    images, code = {}, From("grub:bios", "disk_code")
    for image, (name, stage, _) in boot_images(boots, Project(ROOT, parts.bench.store.seen), time=TIME).items():
        outputs = parts.bench.run_stage(stage)
        images[image] = From(name, "image")
        inputs[images[image]] = outputs["image"]
        if "disk_code" in outputs:
            inputs[code] = outputs["disk_code"]
    stage = Iso(tree=TREE, images=images, volume="TEST", application="", time=TIME,
                disk=boots.disk, disk_code=code if code in inputs and boots.disk != "none" else None)
    return parts.bench.path(parts.bench.run_stage(stage, inputs)["iso"])


class Reader(Monitor):
    """A monitor that takes what the screen says beside its picture."""

    def screenshot(self, path: Path) -> bool:
        taken = super().screenshot(path)
        if taken:
            self._ask("pmemsave", val=_TEXT, size=2 * _COLUMNS * _ROWS,
                      filename=str(path.with_suffix(".text")))
        return taken


@dataclass
class Machine:
    """A machine for a release, that boots discs of one folder."""

    parts: Parts
    release: Boot = field(default_factory=lambda: Boot(("",), memory=192))

    def boot(
        self, disc: Path, boots: Boots, *expect: str, firmware: Firmware = "bios",
        medium: Medium = "cd", seconds: int = 60,
    ) -> BootReport:
        """Boot the disc as `boot-test` does."""
        machine = self.release.machine_pvh if boots.dom0 == "pvh" else self.release.machine
        bench = self.parts.bench
        return boot(disc, expect=expect, machine=machine, memory=self.release.memory,
                    seconds=seconds, firmware=firmware, medium=medium,
                    port=boots.speaks().port or "com1", runner=bench.store.runner,
                    log=bench.store.logs / f"{disc.name}.{firmware}.{medium}.log")

    def screen(
        self, disc: Path, boots: Boots, monkeypatch: pytest.MonkeyPatch, *, seconds: int = 60,
    ) -> tuple[BootError, list[str]]:
        """Boot a disc under BIOS until the boot fails; the lines on the screen then."""
        monkeypatch.setattr(module, "Monitor", Reader)
        with pytest.raises(BootError) as caught:
            self.boot(disc, boots, "this never comes", seconds=seconds)
        assert caught.value.log is not None
        data = caught.value.log.with_suffix(".text").read_bytes()
        text = data[::2].decode("cp437")
        lines = [text[at : at + _COLUMNS].rstrip() for at in range(0, len(text), _COLUMNS)]
        return caught.value, lines
