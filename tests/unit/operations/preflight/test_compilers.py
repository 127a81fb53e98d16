"""The host's compilers: missing, too new, broken, or without a header they need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildlib.config.build_sh import Compiler
from buildlib.host.process import Runner
from buildlib.model.errors import ToolError
from buildlib.operations.preflight.compilers import _reason, compiler_problems

PLAIN = Compiler(headers=())


def problems(compiler: Compiler, folder: Path) -> list[str]:
    found = compiler_problems(compiler, Runner(), folder / "scratch")
    assert not list(folder.iterdir()), "the scratch folder is removed"
    return found


@pytest.mark.programs
def test_the_host_s_own(tmp_path: Path) -> None:
    assert problems(replace(PLAIN, headers=("stdio.h", "sys/types.h"), newest=999), tmp_path) == []


def test_missing(tmp_path: Path) -> None:
    found = problems(replace(PLAIN, c="gcc-99", cxx="g++-99"), tmp_path)
    assert [problem.partition(",")[0] for problem in found] == [
        "the compiler gcc-99 is not installed: apt-get install gcc-99",
        "the compiler g++-99 is not installed: apt-get install g++-99",
    ]
    assert "build.compiler.cxx" in found[1]


@pytest.mark.programs
def test_too_new(tmp_path: Path) -> None:
    c, cxx = problems(replace(PLAIN, newest=1), tmp_path)
    assert c.startswith("cc is version ")
    assert "known to compile the sources is 1: apt-get install gcc-1" in c
    assert 'build.compiler.c = "gcc-1"' in c
    assert 'build.compiler.cxx = "g++-1"' in cxx
    assert "raise build.compiler.newest" in cxx


@pytest.mark.programs
def test_a_header_that_is_not_there(tmp_path: Path) -> None:
    both = ("stdio.h", "no/such/header.h")
    (problem,) = problems(replace(PLAIN, headers=both), tmp_path)
    assert problem.startswith("the compiler does not find the header no/such/header.h: ")


@pytest.mark.programs
def test_a_header_whose_package_is_known(tmp_path: Path) -> None:
    nowhere = ("-nostdinc",)
    (problem,) = [
        problem
        for problem in problems(
            Compiler(c="gcc-99", cxx_flags=("-nostdinc", "-fsyntax-only", "-include", "/dev/null")),
            tmp_path,
        )
        if "gcc-99" not in problem
    ]
    assert "c++ -nostdinc" in problem  # headers are only checked with a working compiler
    found = problems(Compiler(c_flags=nowhere), tmp_path)
    assert any(problem.startswith("cc -nostdinc does not compile") for problem in found)


@pytest.mark.parametrize(
    ("tail", "why", "reason"),
    [
        (("In file a.c:", "a.c:1: error: one", "b.c:2: Error: two"), "why", "a.c:1: error: one"),
        (("  fatal ERROR: x  ", "end"), None, "fatal ERROR: x"),
        (("warning: x", "end"), "it was killed", "it was killed"),
        ((), None, "cc failed"),
    ],
)
def test_the_reason_is_the_compiler_s_first_error(
    tail: tuple[str, ...], why: str | None, reason: str
) -> None:
    assert _reason(ToolError("cc failed", why=why, tail=tail)) == reason


@pytest.mark.programs
def test_all_at_once(tmp_path: Path) -> None:
    found = problems(Compiler(c="gcc-99", newest=1, headers=("no/such/header.h",)), tmp_path)
    assert [problem.split()[:3] for problem in found] == [
        ["the", "compiler", "gcc-99"],
        ["c++", "is", "version"],
        ["the", "compiler", "does"],
    ]


@pytest.mark.programs
@pytest.mark.parametrize("setting", ["c_flags", "cxx_flags"])
def test_the_definition_s_flags_are_used(tmp_path: Path, setting: str) -> None:
    flags: dict[str, Any] = {setting: ("-no-such-flag",)}
    (problem,) = problems(replace(PLAIN, **flags), tmp_path)
    assert "-no-such-flag does not compile a small program: " in problem
    assert "unrecognized" in problem or "unknown" in problem
