"""The worst TOML within the size limit takes little time and memory."""

from __future__ import annotations

import contextlib
import time
import tracemalloc

import pytest

from buildlib.model.toml import LARGEST, loads

COSTLY = {
    "headers": b"".join(b"[%x]\n" % number for number in range(37_000)),
    "deep headers": b"".join(b"[%x" % number + b".a" * 15 + b"]\n" for number in range(6900)),
    "deep keys": b"".join(b"%x" % number + b".a" * 15 + b" = 1\n" for number in range(6700)),
    "small tables": b"a = [" + b"{}," * 80_000 + b"]",
    "strings that do not end": b'"""\\' * 60_000,
    "escapes that do not end": b'"\\' * 120_000,
    "quotes": b"'''" * 80_000,
}


@pytest.mark.parametrize("case", COSTLY)
def test_the_worst_takes_little(case: str) -> None:
    assert len(COSTLY[case]) <= LARGEST
    begun = time.process_time()
    with contextlib.suppress(ValueError):
        loads(COSTLY[case])
    assert time.process_time() - begun < 5


def test_the_most_memory() -> None:
    tracemalloc.start()
    loads(COSTLY["deep headers"])
    assert tracemalloc.get_traced_memory()[1] < 150 << 20
    tracemalloc.stop()
