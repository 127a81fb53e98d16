"""Changes of an input: numbers at their limits, long runs, deep nesting, cuts, splices, flips."""

from __future__ import annotations

import random
from collections.abc import Callable

NUMBERS = (
    b"0",
    b"-1",
    b"00",
    b"1",
    b"7",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"9" * 40,
    b"9" * 5000,
    "²".encode(),
    "٣".encode(),
    b"1_000",
    b"+1",
    b"1e9",
    b"0x10",
    b" 1",
    b"NaN",
)
WORDS = (
    b"..",
    b"../../x",
    b"/etc/passwd",
    b"/",
    b"//",
    b"./././",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"=",
    b"\\",
    b"'",
    b'"',
    b"[",
    b"{",
    b"{a,b}",
    b"*",
    b"[a-z]*",
    b"%s",
    b"$(x)",
    b"`x`",
    b"\x1b[31m",
    b"\xed\xa0\x80",
    b"#",
    b"@",
    b"a/b",
    b"-",
    b"<",
    b">=",
)
RUNS = (
    b"a",
    b"/",
    b"a/",
    b"[",
    b"{",
    b"{a,b}",
    b"(",
    b"=",
    b".",
    b"a.",
    b"\n",
    b" ",
    b"\0",
    b"9",
    b"*a",
    b"\\",
    b'"',
    b"-",
    b"\xff",
    b"a=1\n",
    b"# DIR: a m\n",
    b"@cwd /\n",
    b"{a,",
    b"${",
    b"$(a:",
    b"[[",
    b"A=b\n\n",
    b"4 =\n",
)
LENGTHS = (2, 10, 60, 300, 1100, 5000, 30_000)

Change = Callable[[random.Random, bytes], bytes]


def _flip(chance: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if found:
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _byte(chance: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    if found:
        found[chance.randrange(len(found))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x0A))
    return bytes(found)


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _drop(chance: random.Random, data: bytes) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in "ab")
    return data[:start] + data[end:]


def _again(chance: random.Random, data: bytes) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in "ab")
    times = chance.choice((2, 2, 3, 50)) if end - start < 5000 else 2
    return data[:start] + data[start:end] * times + data[end:]


def _inserted(chance: random.Random, data: bytes, what: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + what + data[at:]


def _word(chance: random.Random, data: bytes) -> bytes:
    return _inserted(chance, data, chance.choice(WORDS))


def _number(chance: random.Random, data: bytes) -> bytes:
    """Put another number in the place of one."""
    places = [at for at, byte in enumerate(data[:4000]) if 48 <= byte < 58]
    if not places:
        return _inserted(chance, data, chance.choice(NUMBERS))
    start = end = chance.choice(places)
    while end < len(data) and 48 <= data[end] < 58:
        end += 1
    return data[:start] + chance.choice(NUMBERS) + data[end:]


def _run(chance: random.Random, data: bytes) -> bytes:
    return _inserted(chance, data, chance.choice(RUNS) * chance.choice(LENGTHS))


def _lines(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    how = chance.randrange(4)
    if how == 0:
        chance.shuffle(lines)
    elif how == 1:
        lines *= chance.choice((2, 3, 100)) if len(data) < 5000 else 2
    elif how == 2:
        del lines[chance.randrange(len(lines))]
    else:
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
    return b"\n".join(lines)


CHANGES: tuple[Change, ...] = (
    _flip,
    _byte,
    _cut,
    _drop,
    _again,
    _word,
    _word,
    _number,
    _number,
    _run,
    _run,
    _lines,
)


def changed(chance: random.Random, data: bytes) -> bytes:
    """`data` after none, one or some changes."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 6))):
        data = chance.choice(CHANGES)(chance, data)
    return data


def spliced(chance: random.Random, one: bytes, other: bytes) -> bytes:
    """The beginning of one input and the end of another."""
    return one[: chance.randrange(len(one) + 1)] + other[chance.randrange(len(other) + 1) :]
