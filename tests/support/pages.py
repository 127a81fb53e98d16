"""Pages to be followed from top to bottom: their blocks, and what a reader does with each.

A block in fences is one of these:

    after a line that ends "rite `NAME`:"   the content of that file
    ```diff                                 a change, in the format of patch(1)
    ```text, after a command                the output of the command; `…` matches anything
    ```sh                                   commands to type
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["write", "change", "output", "run"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_WRITE = re.compile(r"rite `([^`]+)`:$")
_KINDS: Mapping[str, Kind] = {"diff": "change", "text": "output", "sh": "run"}


@dataclass(frozen=True, slots=True)
class Block:
    """A block.

    line     where it begins in the page
    section  the heading of the second level above it
    name     name of the file, if it is one
    """

    kind: Kind
    text: str
    line: int
    section: str
    name: str = ""


def blocks_of(text: str) -> Iterator[Block]:
    """The blocks of a page, from top to bottom."""
    for found in _BLOCK.finditer(text):
        before = text[: found.start()]
        line, section = before.count("\n") + 1, (_HEADING.findall(before) or [""])[-1]
        if named := _WRITE.search(before.rstrip("\n").rpartition("\n")[2]):
            yield Block("write", found[2], line, section, named[1])
        else:
            yield Block(_KINDS[found[1]], found[2], line, section)


class Reader:
    """Follows the instructions of a page, starting in `folder`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._state = folder.with_name(f"{folder.name}-state")  # where the commands ended

    def follow(self, page: Path, *, section: str | None = None) -> list[Block]:
        """Follow the whole page, or one section. Return what was done.

        Raises AssertionError that names the line of the page.
        """
        blocks = [
            block
            for block in blocks_of(page.read_text(encoding="utf-8"))
            if section in {None, block.section}
        ]
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            where = f"{page.name}:{block.line}"
            expected = after.text if after and after.kind == "output" else ""
            if block.kind == "write":
                path = self.folder / block.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.kind == "change":
                apply(block.text, self.folder, where=where)
            elif block.kind == "run":
                self._type(block.text, expected, where=where)
        return blocks

    def _type(self, commands: str, expected: str, *, where: str) -> None:
        """Run commands in the folder where the previous ones ended.

        They must fail if an error is expected, and succeed otherwise.
        """
        ran = subprocess.run(
            ["bash", "-euc", f'{commands}pwd >"$STATE"'],
            cwd=self.folder,
            env=self._environment | {"STATE": str(self._state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        report = f"{where}: {commands}exit status {ran.returncode}\n{ran.stdout}"
        assert (ran.returncode != 0) == ("ERROR: " in expected), report
        assert not expected or shows(expected, ran.stdout), f"{report}--- expected\n{expected}"
        if not ran.returncode:
            self.folder = Path(self._state.read_text().removesuffix("\n"))


def apply(change: str, folder: Path, *, where: str) -> None:
    """Apply a change in a folder, exactly as written. Raises AssertionError."""
    ran = subprocess.run(
        ["patch", "--strip=1", "--fuzz=0", "--no-backup-if-mismatch"],
        cwd=folder,
        input=change,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert ran.returncode == 0, (
        f"{where}: the page shows a change to code that is not as it was when that was written: "
        f"make the change again, and show it as it is now (git diff -U1)\n{ran.stdout}\n{change}"
    )


def with_programs() -> dict[str, str]:
    """The PATH with the programs of the tests' own environment first."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def shows(expected: str, printed: str) -> bool:
    """Whether the text was printed; `…` matches anything, and white space any white space."""
    pieces = (r"\s+".join(map(re.escape, piece.split())) for piece in expected.split("…"))
    return bool(re.fullmatch(r"\s*" + r"(?:.*?)".join(pieces) + r"\s*", printed, re.DOTALL))
