"""Scripts of overlays that no kernel could start: their lines end as on Windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from buildlib.model.errors import ConfigError

_LONGEST = 4096  # bytes of a first line


def startable(pieces: Iterable[bytes], *, where: str) -> Iterator[bytes]:
    """`pieces` as they are: the content of a file.

    Raises ConfigError where it is a script whose first line ends in CR.
    """
    first = True
    for piece in pieces:
        if first and piece.startswith(b"#!") and piece[:_LONGEST].partition(b"\n")[0].endswith(
                b"\r"):
            raise ConfigError(
                "the script's first line ends in a carriage return", where=f"{where}: line 1",
                why="a kernel looks for an interpreter whose name has one at its end",
                hint=f"let its lines end as in Unix: sed -i 's/\\r$//' {where}; git makes such "
                "lines where core.autocrlf is set", reason="line-ends")
        first = False
        yield piece
