"""The checks of a kernel stage before and after compiling."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.stages.stage_bench import Bench

from buildlib.model.errors import StageError
from buildlib.stages.netbsd.kernel import _check_paths, _unknown_options

# As written by config(1): undeclared options become definitions.
_MAKEFILE = """\
MACHINE=amd64
IDENT= \\
\t-DDIAGNOSTIC \\
\t-DMISSPELT \\
\t-DMSGBUFSIZE="24576" \\

PARAM=-DMAXUSERS=32
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "sys" / "kern").mkdir(parents=True)
    (tmp_path / "sys" / "kern" / "subr.c").write_text("#ifdef DIAGNOSTIC\n#endif\n")
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "lib.S").write_text("#if MSGBUFSIZE\n")
    (tmp_path / "Makefile").write_text(_MAKEFILE)
    return tmp_path


def test_options_that_nothing_knows(source: Path) -> None:
    lines = [
        'include "arch/amd64/conf/XEN3_DOM0"',
        "options DIAGNOSTIC",
        "options \tMISSPELT\t# nobody looks at it",
        'options MSGBUFSIZE="24576"',
        "options INET6",  # declared: config(1) writes it to a header
        "#options MISSPELT",
    ]
    assert _unknown_options(source, source / "Makefile", lines) == [(3, "MISSPELT")]


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("options DIAGNOSTIC,MISSPELT", ["MISSPELT"]),
        ("options \tMISSPELT , DIAGNOSTIC", ["MISSPELT"]),
        ('options MSGBUFSIZE="a,MISSPELT", DIAGNOSTIC=1', []),
        ('options DIAGNOSTIC="#",MISSPELT=2 # ,MSGBUFSIZE', ["MISSPELT"]),
        ('options "DIAGNOSTIC","MISSPELT"', ["MISSPELT"]),
        ("options DIAGNOSTIC #,MISSPELT", []),
        ("no options DIAGNOSTIC,MISSPELT", []),
    ],
)
def test_a_list_of_options(source: Path, line: str, options: list[str]) -> None:
    assert _unknown_options(source, source / "Makefile", [line]) == [(1, one) for one in options]


def test_a_config_without_a_makefile(source: Path) -> None:
    assert _unknown_options(source, source / "none", ["options MISSPELT"]) == []


class _Job:
    """The part of a stage context that the check uses."""

    name = "kernel:X"

    def __init__(self, bench: Bench) -> None:
        self.workspaces = bench.store.workspaces


def test_a_path_of_the_build_in_the_kernel(bench: Bench, tmp_path: Path) -> None:
    job = _Job(bench)
    kernel = tmp_path / "netbsd"
    kernel.write_bytes(b"\x7fELF" + bytes(100) + b"NetBSD 10.1 (XEN3_DOM0_CD)\0")
    _check_paths(job, kernel)  # type: ignore[arg-type]  # it needs only this part
    place = str(bench.store.workspaces.folder.resolve()).encode()
    kernel.write_bytes(b"\x7fELF" + bytes(100) + b"built in " + place + b"/obj\0")
    with pytest.raises(StageError) as caught:
        _check_paths(job, kernel)  # type: ignore[arg-type]  # likewise
    assert caught.value.reason == "kernel-path"
    assert caught.value.why == f"{place.decode()}/obj"
