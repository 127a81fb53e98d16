"""Packing of fixed-width fields: a value that does not fit is an error and never truncated.

A structure names its fields for error messages: "the time 2147483648 cannot be written", because
"FFS version 1 has 32 bits for it: 1901 to 2038". The caller adds the place.
"""

from __future__ import annotations

import re
from struct import Struct, calcsize, error

from buildlib.model.errors import StageError

_FIELD = re.compile(r"(\d*)([A-Za-z?])")
_YEAR = 31_556_952  # seconds; the mean year of the Gregorian calendar


class FixedFields:
    """A structure as in `struct`, with a name for each field.

    whose   the format it belongs to, for errors: `FFS version 1`
    layout  byte order and codes of `struct`
    names   field names without padding; `name*4` for four fields of the same name
    exact   whether texts always have the right length, so that it need not be checked
    """

    def __init__(self, whose: str, layout: str, names: str, *, exact: bool = False) -> None:
        self._whose, self._struct = whose, Struct(layout)
        self._codes: list[tuple[str, int]] = []  # code, and room of a text
        for count, code in _FIELD.findall(layout[1:]):
            if code == "s":
                self._codes.append((code, int(count or 1)))
            elif code != "x":
                self._codes += [(code, 0)] * int(count or 1)
        self._order = layout[0]
        self._names = [
            name
            for item in names.split()
            for name, _, count in [item.partition("*")]
            for _ in range(int(count or 1))
        ]
        if len(self._names) != len(self._codes) or self._order not in "<>":
            raise ValueError(f"{layout}: {len(self._codes)} fields, {len(self._names)} names")
        self._texts = [
            (index, room)
            for index, (code, room) in enumerate(self._codes)
            if code == "s" and not exact
        ]
        self.size = self._struct.size

    def pack(self, *values: int | bytes) -> bytes:
        """The bytes of the fields. Raises StageError for a value that does not fit."""
        for index, room in self._texts:
            if len(values[index]) > room:  # type: ignore[arg-type]  # a text, says the layout
                raise self._unfit(values)
        try:
            return self._struct.pack(*values)
        except error:
            raise self._unfit(values) from None

    def pack_into(self, data: bytearray, offset: int, *values: int | bytes) -> None:
        """Like `pack`, but overwrite the bytes at `offset`."""
        data[offset : offset + self.size] = self.pack(*values)

    def _unfit(self, values: tuple[int | bytes, ...]) -> StageError:
        for name, (code, room), value in zip(self._names, self._codes, values, strict=True):
            if isinstance(value, bytes):
                if len(value) > room > 0:
                    return StageError(
                        f"the {name} of {len(value)} bytes cannot be written",
                        why=f"{self._whose} has {room} bytes for it",
                        reason=reason_for(self._whose, name),
                    )
                continue
            bits = 8 * calcsize(self._order + code)
            least, most = limits(bits, signed=code.islower())
            if not least <= value <= most:
                return unfit(self._whose, name, value, bits=bits, signed=code.islower())
        raise ValueError(f"{self._whose}: {values} do not fit the layout")


def limits(bits: int, *, signed: bool) -> tuple[int, int]:
    """The smallest and the largest number that fits into a field."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def unfit(whose: str, name: str, value: int, *, bits: int, signed: bool) -> StageError:
    """The error for a number that does not fit; the limits of times are given as years."""
    least, most = limits(bits, signed=signed)
    if name == "time":
        least, most = 1970 + least // _YEAR, 1970 + most // _YEAR
    return StageError(
        f"the {name} {value} cannot be written",
        reason=reason_for(whose, name),
        why=f"{whose} has {bits} bits for it: {least} to {most}",
    )


def reason_for(whose: str, name: str) -> str:
    """The `reason` of an error: `ffs-date`, `iso-links`."""
    return f"{whose[:3].lower()}-{'date' if name == 'time' else name}"


def both(number: int, name: str = "number") -> bytes:
    """A 32-bit number in both byte orders (ECMA-119, 7.3.3)."""
    try:
        return number.to_bytes(4, "little") + number.to_bytes(4, "big")
    except OverflowError:
        raise unfit("ISO 9660", name, number, bits=32, signed=False) from None
