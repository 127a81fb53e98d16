"""The configuration of booting: media, platforms, a stick's kernel, boot tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from buildlib.model import names
from buildlib.model.schema import nearest

Platform: TypeAlias = Literal["bios", "efi"]
Medium: TypeAlias = Literal["cd", "disk", "usb"]

PLATFORMS: tuple[Platform, ...] = ("bios", "efi")
MEDIA: tuple[Medium, ...] = ("cd", "disk", "usb")


def read_media(text: str) -> tuple[Medium, ...]:
    """The comma-separated media in `text`. Raises ValueError for an unknown one."""
    given = [name.strip() for name in text.split(",")] if text else []
    for name in given:
        if name not in MEDIA:
            raise ValueError(f"no such medium as {names.shown(name)!r}{nearest(name, MEDIA)}")
    return tuple(medium for medium in MEDIA if medium in given)


@dataclass(frozen=True, slots=True)
class Stick:
    """Dom0's kernel when the image is booted from a stick or disk.

    A kernel whose root is a CD finds none there, so the image has a second kernel.

    kernel  the kernel's configuration, a file in kernel-configs, or goldmaster:NAME
    words   further arguments for this kernel; `boot.kernel` has those on a CD
    """

    kernel: str
    words: tuple[str, ...] = ("bootdev=sd0d",)

    def __post_init__(self) -> None:
        with names.fields() as check:
            check.one("kernel", self.kernel, names.shipped(names.name))
            check.all("words", self.words, names.word)


@dataclass(frozen=True, slots=True)
class BootTestConfig:
    """How a boot test runs.

    expect     regular expressions that must match lines of the console, in this order
    expect_on  medium to the expressions that replace `expect` when it is booted from that
    machine    QEMU's arguments for machine and processor
    machine_pvh  QEMU's arguments for a PVH dom0, which needs virtualization and an IOMMU
    memory     memory of the machine, MiB
    seconds    time limit of a boot
    step       time limit in seconds from the start, or from one match to the next; 0: `seconds`
    platforms  firmware the release can be booted with
    media      media the release can be booted from
    """

    expect: tuple[str, ...]
    expect_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    machine: tuple[str, ...] = ("-M", "pc", "-cpu", "Nehalem")
    machine_pvh: tuple[str, ...] = ("-M", "q35", "-cpu", "max", "-device", "amd-iommu")
    memory: int = 512
    seconds: int = 120
    step: int = 0
    platforms: tuple[str, ...] = PLATFORMS
    media: tuple[str, ...] = MEDIA

    def __post_init__(self) -> None:
        with names.fields() as check:
            named = {f"expect_on.{medium}": texts for medium, texts in self.expect_on.items()}
            for key, texts in {"expect": self.expect, **named}.items():
                check.that(key, bool(texts), "is empty, so a boot test could not check anything")
                check.all(key, texts, names.expression)
            check.all("machine", self.machine, names.sentence)
            check.all("machine_pvh", self.machine_pvh, names.sentence)
            check.number("memory", self.memory, 1, 1 << 24)
            check.number("seconds", self.seconds, 1, 1 << 20)
            check.number("step", self.step, 0, 1 << 20)
        if not set(self.platforms) <= set(PLATFORMS):
            raise ValueError("boot.platforms: bios, efi, or both")
        for name, media in (("media", self.media), ("expect_on", self.expect_on)):
            if not set(media) <= set(MEDIA):
                raise ValueError(f"boot.{name}: {', '.join(MEDIA)}, or some of them")

    def markers(self, medium: Medium) -> tuple[str, ...]:
        """The expressions that must match a boot from that medium."""
        return self.expect_on.get(medium, self.expect)
