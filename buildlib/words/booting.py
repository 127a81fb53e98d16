"""What the configuration says of booting: media, platforms, a stick's kernel, boot tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from buildlib.words.names import check_name

Platform: TypeAlias = Literal["bios", "efi"]
Medium: TypeAlias = Literal["cd", "disk", "usb"]

PLATFORMS: tuple[Platform, ...] = ("bios", "efi")
MEDIA: tuple[Medium, ...] = ("cd", "disk", "usb")


@dataclass(frozen=True, slots=True)
class Stick:
    """What dom0 is where the image was written to a stick or disk.

    A NetBSD kernel whose root is a CD finds none there, so there is another beside it.

    kernel  a file in kernel-configs
    words   of its command line; `boot.kernel` has those of a CD
    """

    kernel: str
    words: tuple[str, ...] = ("bootdev=sd0d",)

    def __post_init__(self) -> None:
        check_name(self.kernel, "boot.stick.kernel")


@dataclass(frozen=True, slots=True)
class Boot:
    """How a boot test goes.

    expect     regular expressions: what must be seen on the console, in this order
    expect_on  a medium to what must be seen when it is booted from that
    machine    QEMU's words for machine and processor; memory: MiB
    machine_pvh  those for a PVH dom0, which needs virtualization and an IOMMU
    seconds    the time limit; step: from the start or a marker to the next one, 0: the same
    platforms, media   those the release can be booted on
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
        if not set(self.platforms) <= set(PLATFORMS):
            raise ValueError("boot.platforms: bios, efi, or both")
        for name, media in (("media", self.media), ("expect_on", self.expect_on)):
            if not set(media) <= set(MEDIA):
                raise ValueError(f"boot.{name}: {', '.join(MEDIA)}, or some of them")

    def markers(self, medium: Medium) -> tuple[str, ...]:
        """What must be seen of a boot from that medium."""
        return self.expect_on.get(medium, self.expect)
