"""QEMU's monitor: takes a picture of a machine's screen.

If a boot fails before Xen or the firmware uses the serial line, only the VGA console shows why.
Source: QEMU's machine protocol (QMP), `screendump`.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Self

from buildlib.host.atomic_files import beside, move, remove
from buildlib.model import json_text

_SECONDS = 2.0  # a machine that takes longer to answer will not give a picture either
_PIECE = 1 << 16


class Monitor:
    """A connection to one QEMU, which inherits `theirs`. Use it as a context manager."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.settimeout(_SECONDS)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._theirs.close()

    @property
    def theirs(self) -> int:
        """The descriptor of QEMU's end."""
        return self._theirs.fileno()

    def words(self) -> list[str]:
        """The options for QEMU's command line."""
        return [
            "-chardev",
            f"socket,id=monitor,fd={self.theirs}",
            "-mon",
            "chardev=monitor,mode=control",
        ]

    def screenshot(self, path: Path) -> bool:
        """Write a picture of the screen to `path`, a PNG; False if that fails."""
        self._theirs.close()  # so that the exit of QEMU is noticed
        path.unlink(missing_ok=True)
        scratch = beside(path.absolute())
        try:
            self._answer()  # its greeting
            self._ask("qmp_capabilities")
            self._ask("screendump", filename=scratch, format="png")
            move(scratch, path)
        except (OSError, ValueError):
            return False
        finally:
            remove(scratch)
        return True

    def _ask(self, command: str, **arguments: str) -> None:
        """Raises ValueError if QEMU answers with an error, OSError if it does not answer."""
        self._ours.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while "return" not in (answer := self._answer()):
            if "error" in answer:
                raise ValueError(answer["error"])

    def _answer(self) -> dict[str, Any]:
        """The next line: an answer or an event."""
        while b"\n" not in self._read:
            piece = self._ours.recv(_PIECE)
            if not piece:
                raise ConnectionError
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        answer = json_text.loads(line)
        if not isinstance(answer, dict):
            raise ConnectionError  # the other end is not QEMU
        return answer
