"""The consoles of a booting machine, and the arguments that select them for Xen and dom0's kernel.

Sources: xen-command-line(7) on `console`, `com1` and `vga`; NetBSD's sys/arch/xen/x86/consinit.c,
where `console=pc` is the screen with its keyboard, and any other value is Xen's own console.

If dom0's kernel does not use the screen, Xen keeps it in a graphics mode: from 4.17 on, some
releases cannot write to the text mode's memory (fixed by "x86/vga: fix mapping of the VGA text
buffer", 2025). If the kernel does use it, it finds the text mode that it expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Console: TypeAlias = Literal["vga", "com1", "com2"]
Port: TypeAlias = Literal["com1", "com2"]
# Speeds for which GRUB legacy has a divisor, too.
Speed: TypeAlias = Literal[9600, 19200, 38400, 57600, 115200]


@dataclass(frozen=True, slots=True)
class Consoles:
    """The screen, a serial line, or both. Dom0's kernel uses the first as its console.

    speed  of the serial line, bits per second; 8 bits, no parity, one stop bit
    """

    names: tuple[Console, ...] = ("com1", "vga")
    speed: Speed = 115200

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError("consoles: name vga, com1 or com2, each once")
        if {"com1", "com2"} <= set(self.names):
            raise ValueError("consoles: at most one serial line, because Xen reads only one")

    @property
    def port(self) -> Port | None:
        """The serial line, if there is one."""
        return next((name for name in self.names if name != "vga"), None)

    def xen_words(self) -> tuple[str, ...]:
        """The arguments for Xen."""
        serial = (f"{self.port}={self.speed},8n1",) if self.port else ()
        keep = ("vga=gfx-1024x768x32,keep",) if "vga" in self.names[1:] else ()
        return (f"console={','.join(self.names)}", *serial, *keep)

    def kernel_words(self) -> tuple[str, ...]:
        """The arguments for the kernel."""
        return ("console=pc",) if self.names[0] == "vga" else ()
