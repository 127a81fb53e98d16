"""Detection of scripts in overlays with Windows line ends, which no kernel can start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from buildlib.model.errors import ConfigError

_LONGEST = 4096  # bytes of a first line


def startable(pieces: Iterable[bytes], *, where: str) -> Iterator[bytes]:
    """`pieces` unchanged: the content of a file.

    Raises ConfigError if it is a script whose first line ends in CR.
    """
    first = True
    for piece in pieces:
        if (
            first
            and piece.startswith(b"#!")
            and piece[:_LONGEST].partition(b"\n")[0].endswith(b"\r")
        ):
            raise ConfigError(
                "the script's first line ends in a carriage return",
                where=f"{where}: line 1",
                why="the kernel takes it as part of the interpreter's name",
                hint=f"convert to Unix line ends: sed -i 's/\\r$//' {where}; git creates such "
                "lines if core.autocrlf is set",
                reason="line-ends",
            )
        first = False
        yield piece
