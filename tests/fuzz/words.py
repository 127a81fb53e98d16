"""Names and numbers that inputs are made of."""

from __future__ import annotations

import random

from fuzz.changes import NUMBERS, RUNS, WORDS

NAMES = ("a", "b", "foo", "bin/xz", "a/b/c", "./a//b", "lib/x.so.1", "ä", "etc/rc.d/x", "x" * 99)
BASES = ("a", "b", "foo", "xz", "gettext-lib")


def a_name(chance: random.Random) -> bytes:
    name = chance.choice(NAMES).encode()
    if chance.randrange(15) == 0:
        name += chance.choice(WORDS)
    if chance.randrange(60) == 0:
        name = chance.choice(RUNS) * chance.choice((20, 300, 1100)) + name
    return name


def a_number(chance: random.Random) -> bytes:
    return chance.choice(NUMBERS) if chance.randrange(6) == 0 else b"%d" % chance.randrange(2000)
