"""File names of stages: valid on every file system, and unique."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.readers.strategies import few

from buildlib.store.file_names import MOST, file_name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("root:dom0", "root.dom0"),
        ("toolchain", "toolchain"),
        ("kernel:XEN3_DOMU_RO", "kernel.XEN3_DOMU_RO"),
        ("fetch:amd64/binary/sets/base.tgz", "fetch.amd64,binary,sets,base.tgz"),
        ("fetch:libstdc++-1.0.tgz", "fetch.libstdc++-1.0.tgz"),
        ("boot-test cd bios", "boot-test=20cd=20bios"),
        ("a:b:c", "a.b=3Ac"),
        ("a.b", "a=2Eb"),
        ("..", "=2E=2E"),
        ("", "="),
        ("a:", "a."),
        ("a:caf\u00e9", "a.caf=C3=A9"),
        ("a:\udce9", "a.=E9"),
        ('a:<>"|*?\\', "a.=3C=3E=22=7C=2A=3F=5C"),
    ],
    ids=lambda value: value.encode("ascii", "replace").decode() or "empty",
)
def test_names(name: str, told: str) -> None:
    assert file_name(name) == told


def test_a_long_name_ends_with_its_digest() -> None:
    one, two = (file_name(f"fetch:{'x' * 300}{end}") for end in "ab")
    assert one != two
    assert len(one) == len(two) == MOST


_NAMES = st.text(st.sampled_from("ab:/.,= -_\u00e9\udc80"), max_size=6) | st.text()


@few
@given(
    st.lists(
        _NAMES.filter(
            lambda text: (
                not any(
                    "\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff"
                    for char in text
                )
            )
        ),
        unique=True,
    )
)
def test_each_has_one_of_its_own(names: list[str]) -> None:
    told = [file_name(name) for name in names]
    assert len(set(told)) == len(names)
    for name in told:
        assert re.fullmatch(r"[A-Za-z0-9._+,=-]{1,120}", name)
        assert not name.startswith(".")
