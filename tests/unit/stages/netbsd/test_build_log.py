"""The first real error in the output of a build."""

from __future__ import annotations

import pytest

from buildlib.stages.netbsd.build_log import ErrorScanner


def _of(*lines: str) -> ErrorScanner:
    findings = ErrorScanner()
    for line in lines:
        findings.take(line)
    return findings


@pytest.mark.parametrize(
    "line",
    [
        "/usr/src/sys/kern/init_main.c:240:9: error: unknown type name 'oops'",
        "foo.c:3: error: expected ';'",
        "memcmplen.h:19:24: fatal error: immintrin.h: No such file or directory",
        "cc1: error: unrecognized command line option '-mno-avx'",
        "gram.y:12: syntax error",
        "locore.S:77: Error: no such instruction: `vmfoo'",
        "kern_foo.o: In function `f': undefined reference to `g'",
        "ld: cannot find -lz",
        "/bin/sh: 1: c++: not found",
        "cat: write error: No space left on device",
        "configure: error: C compiler cannot create executables",
        "nbmake[3]: don't know how to make libz.a. Stop",
        "ERROR: Unknown target MACHINE: vax64",
    ],
)
def test_errors(line: str) -> None:
    findings = _of("   compile  X/a.o", line, "*** [a.o] Error code 1", "   compile  X/b.o")
    assert findings.error == line
    assert line in findings.excerpt


@pytest.mark.parametrize(
    "line",
    [
        "   compile  XEN3_DOM0/error.o",
        "foo.c:3:1: warning: implicit declaration of function 'error'",
        "foo.c:3: note: declared here",
        "checking for strerror... yes",
        "--- error.o ---",
        "gcc -c -DERROR=1 error.c",
        "===> Summary of results:",
        "10:20:30: started",
        "#    create  XEN3_DOM0/machine",
    ],
)
def test_no_errors(line: str) -> None:
    assert _of(line).error == ""
    assert _of(line).excerpt == ()


def test_the_compiler_comes_before_make_whatever_came_first() -> None:
    findings = _of(
        "nbmake: don't know how to make x. Stop",
        "between",
        "a.c:1:1: error: first",
        "b.c:1:1: error: second",
        'ERROR: Failed to make all in "/obj"',
    )
    assert findings.error == "a.c:1:1: error: first"


def test_what_stands_around_it() -> None:
    findings = _of(
        *(f"before {n}" for n in range(9)),
        "In file included from a.h:1,",
        "a.c: In function 'f':",
        "a.c:1:1: error: oops",
        "  1 | oops",
        "    | ^~~~",
        *(f"after {n}" for n in range(99)),
    )
    assert findings.excerpt == (
        "before 8",
        "In file included from a.h:1,",
        "a.c: In function 'f':",
        "a.c:1:1: error: oops",
        "  1 | oops",
        "    | ^~~~",
        "after 0",
        "after 1",
    )
