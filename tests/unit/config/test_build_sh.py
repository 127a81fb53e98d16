"""The keys of a release definition's [build]."""

from __future__ import annotations

from typing import Any

import pytest

from buildlib.config.build_sh import Build, Compiler, Space
from buildlib.model.errors import ConfigError
from buildlib.model.schema import load


def test_the_defaults() -> None:
    build = load(Build, {}, where="r.toml")
    assert build == Build("", (), {}, Compiler("cc", "c++", (), (), 0, ("zlib.h",)), Space())
    assert (build.space.sources, build.space.toolchain) == (2500, 2000)
    assert (build.space.kernel, build.space.files) == (250, 300_000)


def test_compilers_with_their_flags() -> None:
    assert Compiler().settings() == {"HOST_CC": "cc", "HOST_CXX": "c++"}
    compiler = Compiler("gcc-12", "g++-12", ("-m64", "-O1"), ("-O2",))
    assert compiler.settings() == {"HOST_CC": "gcc-12 -m64 -O1", "HOST_CXX": "g++-12 -O2"}


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"version": "10.1 x"}, "version"),
        ({"flags": ["a\nb"]}, "flags[0]"),
        ({"environment": {"A-B": "x"}}, "environment.A-B"),
        ({"environment": {"A": "x\n"}}, "environment.A"),
        ({"compiler": {"c": "a/b"}}, "compiler.c"),
        ({"compiler": {"cxx": ""}}, "compiler.cxx"),
        ({"compiler": {"c_flags": ["a b"]}}, "compiler.c_flags[0]"),
        ({"compiler": {"cxx_flags": ["a b"]}}, "compiler.cxx_flags[0]"),
        ({"compiler": {"newest": -1}}, "compiler.newest"),
        ({"compiler": {"newest": (1 << 16) + 1}}, "compiler.newest"),
        ({"compiler": {"headers": ["/usr/include/a.h"]}}, "compiler.headers[0]"),
        ({"space": {"sources": -1}}, "space.sources"),
        ({"space": {"toolchain": (1 << 40) + 1}}, "space.toolchain"),
        ({"space": {"kernel": -1}}, "space.kernel"),
        ({"space": {"files": -1}}, "space.files"),
    ],
)
def test_what_cannot_be(data: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Build, data, where="r.toml")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{key}: ")


@pytest.mark.parametrize(
    "data",
    [
        {"version": "10.1_STABLE", "flags": ["-V", "A=b c"], "environment": {"A": ""}},
        {"compiler": {"newest": 1 << 16, "headers": []}},
        {"space": {"sources": 0, "toolchain": 1 << 40, "kernel": 0, "files": 0}},
    ],
)
def test_what_can_be(data: dict[str, Any]) -> None:
    load(Build, data, where="r.toml")
