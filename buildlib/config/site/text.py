"""Checks the text of a site's files for what servers cannot read, whatever the file is.

An editor on another system leaves invisible characters: line ends of Windows, a byte order mark, a
last line without an end. rc scripts, getfsent(3) and the resolver take them for part of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildlib.config.shconf import Problem
from buildlib.host.reading import read_start
from buildlib.model.text import BOM

LONGEST = 1 << 20  # bytes of a file that rules check
_LOOKED_AT = 1 << 16  # bytes read of any other file
# Files that rules read, besides ifconfig.IF.
_RULED = frozenset(
    {
        "hosts",
        "myname",
        "mygate",
        "mygate6",
        "resolv.conf",
        "fstab",
        "rc.conf",
        "rc.conf.d/network",
        "rc.conf.d/dhcpcd",
        "ifaliases",
    }
)
_CARD = re.compile(r"ifconfig\.[a-z][a-z0-9]*[0-9]").fullmatch
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f]").search


def is_ruled(path: str) -> bool:
    """Whether rules check a file of `etc` or `global`, by its path there."""
    return path in _RULED or _CARD(path) is not None


def read_text(path: str, file: str, problems: list[Problem], *, is_ruled: bool) -> tuple[str, ...]:
    """The lines of a file, or none if rules do not check it; mistakes are added to `problems`.

    path, file  its location, and its name from the site's folder
    is_ruled    whether rules read it, so that all of it must be text
    Raises OSError.
    """
    most = LONGEST if is_ruled else _LOOKED_AT
    data = read_start(path, most=most)
    if not is_ruled:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            problems.append(Problem(file, 0, "is text in UTF-16", "save it as UTF-8", "line-end"))
        elif b"\0" not in data:
            plain(data, file, problems)
        return ()
    if len(data) == most:
        problems.append(
            Problem(file, 0, f"is longer than {LONGEST >> 20} MiB", reason="unreadable")
        )
        return ()
    data = plain(data, file, problems)
    if data and not data.endswith(b"\n"):
        problems.append(
            Problem(
                file,
                data.count(b"\n") + 1,
                "the last line has no line end",
                "end it with a line feed, because some programs ignore it otherwise",
                "line-end",
            )
        )
    return tuple(_lines(data, file, problems))


def plain(data: bytes, file: str, problems: list[Problem]) -> bytes:
    """The data without byte order mark and with Unix line ends; reports others once."""
    if data.startswith(BOM):
        problems.append(
            Problem(
                file, 1, "begins with a byte order mark", "save it as UTF-8 without one", "line-end"
            )
        )
        data = data.removeprefix(BOM)
    if b"\r\n" in data:
        problems.append(
            Problem(
                file,
                data.count(b"\n", 0, data.index(b"\r\n")) + 1,
                "the line ends in CR LF, as on Windows",
                "save the file with Unix line ends",
                "line-end",
            )
        )
        data = data.replace(b"\r\n", b"\n")
    return data


def _lines(data: bytes, file: str, problems: list[Problem]) -> Iterator[str]:
    """The lines; one that is not text is reported, and returned empty."""
    rows = data.split(b"\n")
    for number, row in enumerate(rows if rows[-1] else rows[:-1], 1):
        try:
            text = row.decode()
        except UnicodeDecodeError as error:
            problems.append(
                Problem(
                    file,
                    number,
                    f"byte {row[error.start]:#04x} is not UTF-8",
                    "save it as UTF-8",
                    "syntax",
                )
            )
            text = ""
        control = _CONTROL(text)
        if control:
            hint = "save it with Unix line ends" if control[0] == "\r" else ""
            problems.append(
                Problem(file, number, f"has the control character {control[0]!r}", hint, "syntax")
            )
        yield "" if control else text
