"""The sources of the release mini: what build.sh and config refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.checkouts.mini_sources import (
    COMPILED,
    DOM0,
    Workspace,
    merge_sources,
)


def test_objects_must_lie_outside_the_sources(shared: Workspace) -> None:
    for option in ("-O", "-T"):
        output = shared.run(option, f"{shared.source}/obj", "tools", ok=False)
        assert "lies in the source tree" in output
    assert not (shared.source / "obj").exists()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (DOM0 + "options NTP\n", 2, "option `NTP' already defined"),
        (DOM0 + "\noptions NO_SUCH_THING\n", 3, "unknown option `NO_SUCH_THING'"),
        (DOM0 + "options HZ\n", 2, "option `HZ' must have a value"),
        (DOM0 + "options LOCKDEBUG=1\n", 2, "option `LOCKDEBUG' must not have a value"),
        (DOM0 + "no options LOCKDEBUG\n", 2, "option `LOCKDEBUG' is not defined"),
        (DOM0 + "optoins NTP\n", 2, "syntax error near `optoins'"),
        (DOM0 + "options NTP=\n", 2, "syntax error: value expected"),
        (DOM0 + 'options BOOT_MESSAGE="open\n', 2, "unterminated string"),
        (DOM0 + "config netbsd root on cd0a\n", 2, "configuration `netbsd' already defined"),
        (DOM0 + "no config netbsd\n", 2, "no `config' line"),
        (
            DOM0 + "no config netbsd\nconfig netbsd root on xbd0a type ffs\n", 3,
            "netbsd says root on xbd0a, but there's no xbd0a",
        ),
        (
            DOM0 + "no config netbsd\nconfig netbsd root on cd0a type nosuchfs\n", 3,
            "netbsd says type nosuchfs, but there's no such file system",
        ),
        (DOM0 + "no config netbsd\nconfig netbsd\n", 3, "syntax error: `root on' expected"),
        (DOM0 + "no wd* at nowhere?\n", 2, "device `wd* at nowhere?' is not defined"),
        (DOM0 + "file-system NOSUCHFS\n", 2, "`NOSUCHFS' is not a defined file system"),
        (DOM0 + 'include "arch/amd64/conf/NOWHERE"\n', 2, "cannot open"),
    ],
)  # fmt: skip
def test_configuration_errors_come_first_with_file_and_line(
    shared: Workspace, text: str, line: int, message: str
) -> None:
    conf = shared.derive("BROKEN", text)
    output = shared.run(f"kernel={conf}", ok=False)
    assert f"{conf}:{line}: {message}" in output
    assert "nbconfig failed for" in output
    assert not COMPILED.search(output)


def test_errors_in_included_files_name_those_files(shared: Workspace) -> None:
    inner = shared.derive("INNER", "options NO_SUCH_THING\n")
    conf = shared.derive("OUTER", f'{DOM0}include "{inner}"\noptions NTP\n')
    output = shared.run(f"kernel={conf}", ok=False)
    assert f"{inner}:1: unknown option" in output
    assert f"{conf}:3: option `NTP' already defined" in output, "all errors in one run"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["distribution"], "`distribution' is an operation of NetBSD's build.sh"),
        (["frobnicate"], "Unknown operation `frobnicate'"),
        ([], "Missing operation to perform"),
        (["kernel="], "Must supply a kernel name"),
        (["-m", "sparc", "tools"], "Unknown target MACHINE: sparc"),
        (["-a", "i386", "tools"], "MACHINE_ARCH 'i386' does not support MACHINE 'amd64'"),
        (["-j", "many", "tools"], "-j: `many' is not a number of jobs"),
        (["-V", "MKREPRO", "tools"], "-V argument must be of the form 'VAR=[VALUE]'"),
        (["-V", "A B=1", "tools"], "-V: `A B' is no variable's name"),
        (["-O", "", "tools"], "No MAKEOBJDIR"),
        (["kernel=NOWHERE"], "cannot read"),
    ],
)
def test_wrong_arguments_are_told(shared: Workspace, words: list[str], message: str) -> None:
    assert message in shared.run(*words, ok=False)


def test_kernels_need_tools(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, merge_sources(tmp_path))
    output = workspace.run("kernel=XEN3_DOM0", ok=False)
    assert 'does not exist. You need to "build.sh tools" first.' in output


def test_a_missing_source_set_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, merge_sources(tmp_path))
    shutil.rmtree(workspace.source / "external")
    assert "unpack the set gnusrc, too" in workspace.run("tools", ok=False)


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "build", merge_sources(tmp_path / "source"))
    output = workspace.run("-n", "tools", "kernel=XEN3_DOM0")
    assert f"nbconfig -b {workspace.kernel('XEN3_DOM0').parent}" in output
    assert not workspace.root.exists()
