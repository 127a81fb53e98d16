"""Discs that boot: Xen, the kernel of the release mini, and GRUB on an ISO."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from buildlib.config.consoles import Consoles
from buildlib.engine.stage import HostPackage, OutputRef
from buildlib.stages.boot.grub import MENU, GrubImage, menu
from buildlib.stages.boot.hypervisor import DistributionXen
from buildlib.stages.images.iso import Iso
from buildlib.store.records import Output
from support.readers.trees import TIME, file
from support.stages.stage_bench import TREE, Bench

ROOT = Path(__file__).parents[3]
CONSOLES = Consoles(("com1",))
STICK_WORDS = ("bootdev=sd0d",)
XEN_WORDS = (*CONSOLES.xen_words(), "dom0_mem=96M")


@dataclass(frozen=True)
class Parts:
    """The parts of a disc."""

    bench: Bench
    xen: bytes
    kernel: bytes
    stick: bytes
    loaders: dict[str, Output]
    disk_code: Output

    def disc(
        self,
        *,
        words: Sequence[str] = ("bootdev=cd0a",),
        without: Collection[str] = (),
        platforms: Sequence[Literal["bios", "efi"]] = ("bios", "efi"),
        kernel: bytes | None = None,
        disk: Literal["gpt", "mbr", "none"] = "none",
    ) -> Path:
        """A disc whose kernel gets `words` as arguments, without the files `without`.

        With a partition table it has another kernel for disks, which gets STICK_WORDS.
        """
        text = menu(
            title="test",
            xen="boot/xen.gz",
            xen_words=XEN_WORDS,
            kernel="netbsd",
            kernel_words=words,
            timeout=0,
            menu_entries={},
            consoles=CONSOLES,
            stick=("netbsd.stick", STICK_WORDS) if disk != "none" else None,
        )
        files = {MENU: text.encode(), "boot/xen.gz": self.xen, "netbsd": kernel or self.kernel}
        if disk != "none":
            files["netbsd.stick"] = self.stick
        contents = {
            entry: data
            for path in files.keys() - set(without)
            for entry, data in file(path, files[path]).items()
        }
        refs: dict[str, OutputRef] = {
            platform: OutputRef(f"grub:{platform}", "image") for platform in platforms
        }
        loaders = {refs[platform]: self.loaders[platform] for platform in platforms}
        code = OutputRef("grub:bios", "disk_code")
        stage = Iso(
            tree=TREE,
            images=refs,
            volume="TEST",
            application="",
            time=TIME,
            disk=disk,
            disk_code=code if disk != "none" and "bios" in platforms else None,
        )
        outputs = self.bench.run_stage(
            stage, {TREE: self.bench.stored(contents), code: self.disk_code, **loaders}
        )
        return self.bench.path(outputs["iso"])


def make_parts(folder: Path) -> Parts:
    """Compile the kernel, download Xen, make the boot images."""
    bench = Bench(folder / "build")
    xen = bench.run_stage(DistributionXen(HostPackage("xen-hypervisor-*-amd64")))["xen"]
    platforms: tuple[Literal["bios", "efi"], ...] = ("bios", "efi")
    made = {
        platform: bench.run_stage(GrubImage(platform, TIME, CONSOLES)) for platform in platforms
    }
    loaders: dict[str, Output] = {name: outputs["image"] for name, outputs in made.items()}
    kernel, stick = _kernels(folder, "XEN3_DOM0_CD", "XEN3_DOM0_STICK")
    return Parts(bench, bench.read(xen), kernel, stick, loaders, made["bios"]["disk_code"])


def _kernels(folder: Path, *names: str) -> list[bytes]:
    source = folder / "source"
    for name in ("syssrc", "src", "sharesrc", "gnusrc"):
        shutil.copytree(ROOT / "sets/mini/source" / name, source, dirs_exist_ok=True)
    subprocess.run(
        [
            source / "usr/src/build.sh",
            "-U",
            "-m",
            "amd64",
            "-a",
            "x86_64",
            "-O",
            folder / "obj",
            "-T",
            folder / "tools",
            "-D",
            folder / "dest",
            "-R",
            folder / "release",
            "-j",
            "2",
            "-N",
            "1",
            "-V",
            "MKREPRO=yes",
            "tools",
            *(f"kernel={ROOT / 'kernel-configs' / name}" for name in names),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    return [
        (folder / "obj/sys/arch/amd64/compile" / name / "netbsd").read_bytes() for name in names
    ]
