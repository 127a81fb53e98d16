"""The sources of the release mini: what build.sh promises to whoever runs it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from support.checkouts.mini_sources import (
    COMPILED,
    CONFIGS,
    DISK_OBJECTS,
    DOM0,
    OBJECTS,
    ROOT,
    SCREEN_OBJECTS,
    Workspace,
    group_of,
    merge_sources,
    new_workspace,
    snapshot,
    workers_of,
)
from support.waiting import until


def test_kernel_is_the_same_wherever_it_is_built(tmp_path: Path, reference: bytes) -> None:
    elsewhere = tmp_path / "a path with spaces, 'quotes' and [brackets]"
    workspace = Workspace(elsewhere, merge_sources(elsewhere))
    workspace.run(
        "-V", "MKREPRO=yes", "-V", "MKREPRO_TIMESTAMP=1700000000", "tools",
        f"kernel={CONFIGS / 'XEN3_DOM0_CD'}",
        jobs=1, umask=0o077, environment={
            "TZ": "Asia/Tokyo", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "USER": "someone",
            "CFLAGS": "-O0", "CPPFLAGS": "-DXEN=2", "LDFLAGS": "-Wl,-s", "SOURCE_DATE_EPOCH": "1",
        },
    )  # fmt: skip
    assert workspace.kernel("XEN3_DOM0_CD").read_bytes() == reference


def test_kernel_says_nothing_of_its_birthplace(shared: Workspace, reference: bytes) -> None:
    assert b"goldmaster mini 1.0 (XEN3_DOM0_CD)\0" in reference
    assert str(shared.root).encode() not in reference
    assert str(ROOT).encode() not in reference
    assert b'_CFG_### START CONFIG FILE "XEN3_DOM0_CD"\n' in reference


def test_without_mkrepro_the_version_tells_who_and_where(shared: Workspace) -> None:
    shared.run("kernel=XEN3_DOMU", environment={"USER": "someone"})
    kernel = shared.kernel("XEN3_DOMU")
    version = re.search(rb"goldmaster mini 1\.0 \(XEN3_DOMU\) #0: [^\0]+", kernel.read_bytes())
    assert version
    assert version[0].decode().endswith(f"\n\tsomeone@{os.uname().nodename}:{kernel.parent}")


def test_a_repeated_build_does_nothing(shared: Workspace, reference: bytes) -> None:
    before = shared.kernel("XEN3_DOM0_CD").stat()
    output = shared.build(CONFIGS / "XEN3_DOM0_CD", "tools")
    assert not re.search(r"^# ", output, re.MULTILINE)
    assert shared.kernel("XEN3_DOM0_CD").stat().st_mtime_ns == before.st_mtime_ns


def test_without_u_everything_is_compiled_again(shared: Workspace, reference: bytes) -> None:
    output = shared.build(CONFIGS / "XEN3_DOM0_CD", update=False)
    assert len(COMPILED.findall(output)) == OBJECTS
    assert shared.kernel("XEN3_DOM0_CD").read_bytes() == reference


def test_an_interrupted_build_goes_on(tmp_path: Path, reference: bytes) -> None:
    workspace = new_workspace(tmp_path)
    words = ("-V", "MKREPRO=yes", f"kernel={CONFIGS / 'XEN3_DOM0_CD'}")
    # A compiler that never ends at one file, so that the build is hit in its midst.
    gcc = workspace.root / "tools/bin/x86_64--netbsd-gcc"
    compiler = gcc.read_text()
    gcc.write_text(compiler.replace("exec", 'case "$*" in *memset.c*) sleep 600 ;; esac\nexec'))
    with subprocess.Popen(
        workspace.argv(*words, jobs=1), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as build:
        assert build.stdout
        for line in build.stdout:
            if line.endswith("memset.o\n"):
                break
        os.killpg(build.pid, signal.SIGKILL)
    gcc.write_text(compiler)

    folder = workspace.kernel("XEN3_DOM0_CD").parent
    finished = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.o")}
    assert len(finished) == 8
    compiled = {Path(name).name for name in COMPILED.findall(workspace.run(*words))}
    assert compiled.isdisjoint(finished)
    assert len(compiled) == OBJECTS - len(finished)
    assert {name: (folder / name).stat().st_mtime_ns for name in finished} == finished
    assert workspace.kernel("XEN3_DOM0_CD").read_bytes() == reference
    assert not list(folder.glob("*.tmp"))


@pytest.mark.parametrize("make_too", [True, False])
def test_workers_end_with_the_first_of_them(tmp_path: Path, make_too: bool) -> None:
    """They wait for tokens; when those who have some are killed, nobody puts one back."""
    workspace = new_workspace(tmp_path)
    gcc = workspace.root / "tools/bin/x86_64--netbsd-gcc"
    gcc.write_text(gcc.read_text().replace("exec", 'case $* in *" -c "*) sleep 60 ;; esac\nexec'))
    ends = os.pipe()
    words = ("-V", f"MAKEFLAGS=-J {ends[0]},{ends[1]}", f"kernel={CONFIGS / 'XEN3_DOM0_CD'}")
    with subprocess.Popen(
        workspace.argv(*words, jobs=4),
        stdout=subprocess.DEVNULL,
        pass_fds=ends,
        start_new_session=True,
    ) as build:
        try:
            until(lambda: len(workers_of(build.pid)) == 4)
            make, *workers = min(workers_of(build.pid).values()), *workers_of(build.pid)
            compiler = next(
                pid
                for pid, (parent, name) in group_of(build.pid).items()
                if name == "sleep" and parent not in workers
            )
            first = group_of(build.pid)[compiler][0]
            while group_of(build.pid)[first][0] != make:
                first = group_of(build.pid)[first][0]
            for pid in [make] * make_too + [first, compiler]:
                os.kill(pid, signal.SIGKILL)
            until(lambda: build.poll() is not None and not group_of(build.pid))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(build.pid, signal.SIGKILL)
    assert build.returncode != 0
    for end in ends:
        os.close(end)


def test_a_changed_source_is_compiled_and_only_that(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path)
    workspace.build("XEN3_DOM0")
    source = workspace.source / "sys/kern/kern_subr.c"
    source.write_text(source.read_text().replace("root on", "root in"))
    assert COMPILED.findall(workspace.build("XEN3_DOM0")) == ["XEN3_DOM0/kern_subr.o"]
    assert b"root in %s" in workspace.kernel("XEN3_DOM0").read_bytes()

    good = source.read_text()
    source.write_text(good + "\nthis is no C\n")
    output = workspace.run("-V", "MKREPRO=yes", "kernel=XEN3_DOM0", ok=False)
    assert "*** [kern_subr.o] Error code" in output
    assert "ERROR: Failed to make all in" in output
    assert "*** BUILD ABORTED ***" in output
    source.write_text(good)
    assert COMPILED.findall(workspace.build("XEN3_DOM0")) == ["XEN3_DOM0/kern_subr.o"]

    (workspace.source / "sys/sys/systm.h").touch()
    assert len(COMPILED.findall(workspace.build("XEN3_DOM0"))) == OBJECTS


def test_sources_are_not_written_to(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "build", merge_sources(tmp_path / "source"))
    before = snapshot(workspace.source)
    workspace.run("tools", "kernel=XEN3_DOMU")
    assert snapshot(workspace.source) == before


def test_options_change_the_kernel(shared: Workspace, reference: bytes) -> None:
    kernels = {reference}
    for name, text in {
        "MESSAGE": r'options BOOT_MESSAGE="\"made to measure\""' + "\n",
        "LISTS": "options HZ=200, LOCKDEBUG\nmakeoptions DEBUG=-g\nno pseudo-device tap\n",
        "QUIET": "no options INCLUDE_CONFIG_FILE\nno cd* at atapibus? drive ? flags 0x0000\n",
        "UNSEEN": "options DIAGNOSTIC,\t# in a table only\n\tDEBUG\n",
    }.items():
        shared.build(shared.derive(name, DOM0 + text))
        kernels.add(shared.kernel(name).read_bytes())
    assert len(kernels) == 5
    assert b"made to measure" in shared.kernel("MESSAGE").read_bytes()
    assert b"HZ=200\0" in shared.kernel("LISTS").read_bytes()
    assert b"_CFG_" not in shared.kernel("QUIET").read_bytes()


def test_what_serves_disks_is_compiled_where_there_are_some(shared: Workspace) -> None:
    domu = 'include "arch/amd64/conf/XEN3_DOMU"\n'
    rest = OBJECTS - SCREEN_OBJECTS
    for name, text, objects, there in (
        ("DISKS", domu, rest + DISK_OBJECTS, True),
        ("NO_DISKS", domu + "no xbd* at xenbus?\n", rest, False),
        ("ONE_DISK", domu + "no xbd* at xenbus?\nxbd0 at xenbus?\n", rest + DISK_OBJECTS, True),
    ):
        output = shared.build(shared.derive(name, text))
        assert len(COMPILED.findall(output)) == objects, name
        assert (b"Xen Virtual Block Device" in shared.kernel(name).read_bytes()) is there, name


def test_sources_compile_without_a_warning(shared: Workspace) -> None:
    text = 'include "arch/amd64/conf/XEN3_DOMU"\nmakeoptions DEBUG="-Werror"\n'
    for level in ("-O1", "-Os", "-O3"):
        name = f"STRICT{level[2:]}"
        copts = f'no makeoptions COPTS\nmakeoptions COPTS="{level}"\n'
        shared.build(shared.derive(name, text + copts))


def test_a_kernel_with_debug_information_is_reproducible_too(
    shared: Workspace, tmp_path: Path
) -> None:
    other = new_workspace(tmp_path / "other place")
    kernels = set()
    for workspace in (shared, other):
        workspace.build(workspace.derive("SYMBOLS", DOM0 + 'makeoptions DEBUG="-g"\n'))
        kernel = workspace.kernel("SYMBOLS")
        kernels.add(kernel.read_bytes())
        objcopy = workspace.root / "tools/bin/x86_64--netbsd-objcopy"
        subprocess.run([objcopy, "--strip-debug", kernel, kernel.with_name("stripped")], check=True)
        assert kernel.with_name("stripped").stat().st_size < kernel.stat().st_size
    assert len(kernels) == 1


@pytest.mark.parametrize("name", ["XEN3_DOM0_CD", "XEN3_DOM0_STICK", "XEN3_DOMU_RO"])
def test_the_projects_configurations_name_their_root(shared: Workspace, name: str) -> None:
    output = shared.build(CONFIGS / name)
    kernel = shared.kernel(name)
    assert f"===> Kernels built from {CONFIGS / name}:\n  {kernel}\n" in output
    root, fstype = {
        "XEN3_DOM0_CD": ("cd0a", "cd9660"),
        "XEN3_DOM0_STICK": ("?", "cd9660"),
        "XEN3_DOMU_RO": ("xbd0a", "ffs"),
    }[name]
    for word in (root, fstype, "none"):  # a `?` may be the end of another string
        assert f"{word}\0".encode() in kernel.read_bytes()


def test_wrappers_hold_the_settings_of_their_run(shared: Workspace) -> None:
    for value in ("yes", "it's"):
        wrapper = shared.root / f"wrappers/nbmake-{value}"
        shared.run("-w", str(wrapper), "-V", f"MKREPRO={value}", "makewrapper")
        quoted = value.replace("'", "'\\''")
        assert f"MKREPRO='{quoted}'; export MKREPRO\n" in wrapper.read_text()
        assert os.access(wrapper, os.X_OK)
