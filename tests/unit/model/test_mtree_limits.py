"""Time and memory that reading and writing a spec takes."""

from __future__ import annotations

import pytest
from support.spending import spent

from buildlib.model import mtree
from buildlib.model.errors import ConfigError
from buildlib.model.mtree import parse

FILE = f" type=file uid=0 gid=0 mode=0644 time=1.0 size=0 sha256={'0' * 64}\n".encode()


@pytest.mark.programs
@pytest.mark.parametrize(
    "spec",
    [
        b"./" + b"a/" * 20_000 + b"b" + FILE,
        b"./" + b"a/" * 20_000 + b"b   type=dir\n",
        b"".join(b"./%d/" % number + b"a/" * 1990 + b"b" + FILE for number in range(10)),
    ],
    ids=["one path of 20,000 parts", "word by word", "ten paths of 1,990 parts"],
)
def test_paths_that_are_too_deep(spec: bytes) -> None:
    found = spent(lambda: parse(spec, where="x"))
    assert "are allowed" in found.refused
    assert found.megabytes < 60
    assert found.seconds < 2


def test_a_spec_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtree, "LINES_MAX", 10)
    assert len(parse(b"".join(b"./%d" % number + FILE for number in range(10)))) == 11
    with pytest.raises(ConfigError) as caught:
        parse(b"\n" * 11)
    assert caught.value.reason == "mtree"
