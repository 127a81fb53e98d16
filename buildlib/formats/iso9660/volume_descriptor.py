"""The primary volume descriptor of an ISO 9660 image: its names, size, times and path tables.

Source: ECMA-119 (ISO 9660), 2nd edition, 8.4.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from buildlib.formats.fixed_fields import FixedFields, both
from buildlib.formats.iso9660.rock_ridge import date7
from buildlib.formats.volume_label import A_CHARACTERS, D_CHARACTERS

_NOT_D = re.compile(f"[^{D_CHARACTERS}]".encode())
_NOT_A = re.compile(f"[^{A_CHARACTERS}]".encode())
_SEQUENCE, _BLOCK = b"\1\0\0\1", b"\0\x08\x08\0"  # 1 and 2,048, in both byte orders
_TABLES = {order: FixedFields("ISO 9660", f"{order}LL", "table*2") for order in "<>"}


@dataclass(frozen=True, slots=True)
class Labels:
    """Texts for the volume descriptor. Volume and volume set use upper-case letters, digits and
    `_`; the others may also contain most ASCII signs. Any other character becomes `_`.
    """

    volume: str
    volume_set: str = ""
    publisher: str = ""
    application: str = ""


def volume_descriptor(
    labels: Labels,
    date: bytes,
    *,
    sectors: int,
    table_size: int,
    tables: tuple[int, int],
    root: bytes,
) -> bytes:
    """The descriptor, without the zeros that fill its sector.

    date     creation time of the image, from `date17`
    sectors  length of the image
    table_size, tables  bytes of a path table; first sectors of the little and the big endian one
    root     directory record of the root folder

    Raises StageError for a number that does not fit.
    """
    little, big = tables
    return b"".join(
        [
            b"\x01CD001\x01\0",
            _label("NETBSD", 32),
            _label(labels.volume, 32, _NOT_D),
            bytes(8),
            both(sectors, "size"),
            bytes(32),
            _SEQUENCE * 2,
            _BLOCK,
            both(table_size, "table"),
            _TABLES["<"].pack(little, 0),
            _TABLES[">"].pack(big, 0),
            root,
            _label(labels.volume_set, 128, _NOT_D),
            _label(labels.publisher, 128),
            _label("GOLDMASTER", 128),
            _label(labels.application, 128),
            _label("", 37),
            _label("", 37),
            _label("", 37),
            date,
            date,
            date17(None),
            date,
            b"\x01\0",
        ]
    )


def date17(seconds: int | None) -> bytes:
    """A time in the format of volume descriptors (ECMA-119, 8.4.26.1); None: not given.

    Raises StageError for a time that a directory record could not contain either.
    """
    if seconds is None:
        return b"0" * 16 + b"\0"
    date7(seconds)
    return time.strftime("%Y%m%d%H%M%S00", time.gmtime(seconds)).encode() + b"\0"


def _label(text: str, room: int, unfit: re.Pattern[bytes] = _NOT_A) -> bytes:
    """A text field of a-characters (ECMA-119, 7.4); characters that match `unfit` become `_`."""
    plain = "".join(letter if letter.isascii() else "_" for letter in text.upper())
    return unfit.sub(b"_", plain.encode())[:room].ljust(room)
