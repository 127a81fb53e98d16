"""The sources of the release mini: what build.sh promises to whoever runs it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.waiting import until

ROOT = Path(__file__).parents[2]
MINI = ROOT / "sets/mini"
CONFIGS = ROOT / "kernel-configs"
OBJECTS = 19  # objects of XEN3_DOM0: the files of conf/files and three made by config
SCREEN_OBJECTS = 1  # of them for the screen, which XEN3_DOMU has not
DISK_OBJECTS = 13  # and those that XEN3_DOMU has for its disks
COMPILED = re.compile(r"^# +compile  (\S+)$", re.MULTILINE)


def merge_sources(root: Path) -> Path:
    """The four source sets, unpacked over one another below `root`; returns usr/src."""
    for source_set in ("syssrc", "src", "sharesrc", "gnusrc"):
        shutil.copytree(MINI / "source" / source_set, root, dirs_exist_ok=True)
    return root / "usr/src"


@dataclass(frozen=True)
class Workspace:
    """A source tree and the folders that a build of it writes."""

    root: Path
    source: Path

    def kernel(self, conf: str) -> Path:
        return self.root / "obj/sys/arch/amd64/compile" / conf / "netbsd"

    def argv(self, *words: str, jobs: int = 2, update: bool = True) -> list[str]:
        return [
            str(self.source / "build.sh"), "-U", *(["-u"] if update else []), "-m", "amd64",
            "-a", "x86_64", "-O", f"{self.root}/obj", "-T", f"{self.root}/tools",
            "-D", f"{self.root}/dest", "-R", f"{self.root}/rel", "-j", str(jobs), "-N", "1", *words,
        ]  # fmt: skip

    def run(
        self,
        *words: str,
        jobs: int = 2,
        update: bool = True,
        umask: int = 0o022,
        environment: dict[str, str] | None = None,
        ok: bool = True,
    ) -> str:
        """Run build.sh; return what it printed, errors among it."""
        done = subprocess.run(
            self.argv(*words, jobs=jobs, update=update),
            env={"PATH": os.environ["PATH"], **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=umask,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stdout
        return done.stdout

    def build(self, conf: str | Path, *words: str, update: bool = True) -> str:
        """A reproducible kernel of `conf`."""
        return self.run("-V", "MKREPRO=yes", *words, f"kernel={conf}", update=update)

    def derive(self, name: str, text: str) -> Path:
        """A configuration file of that name and text, outside the sources."""
        folder = self.root / "conf"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder / name


def new_workspace(root: Path) -> Workspace:
    workspace = Workspace(root, merge_sources(root))
    workspace.run("tools")
    return workspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose tools are built; tests build configurations of their own in it."""
    return new_workspace(tmp_path_factory.mktemp("mini"))


@pytest.fixture(scope="module")
def reference(shared: Workspace) -> bytes:
    shared.build(CONFIGS / "XEN3_DOM0_CD")
    return shared.kernel("XEN3_DOM0_CD").read_bytes()


def snapshot(tree: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(tree)): (
            path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(tree.rglob("*"))
    }


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
    with subprocess.Popen(workspace.argv(*words, jobs=4), stdout=subprocess.DEVNULL,
                          pass_fds=ends, start_new_session=True) as build:
        try:
            until(lambda: len(workers_of(build.pid)) == 4, 20)
            make, *workers = min(workers_of(build.pid).values()), *workers_of(build.pid)
            compiler = next(pid for pid, (parent, name) in group_of(build.pid).items()
                            if name == "sleep" and parent not in workers)
            first = group_of(build.pid)[compiler][0]
            while group_of(build.pid)[first][0] != make:
                first = group_of(build.pid)[first][0]
            for pid in [make] * make_too + [first, compiler]:
                os.kill(pid, signal.SIGKILL)
            until(lambda: build.poll() is not None and not group_of(build.pid), 20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(build.pid, signal.SIGKILL)
    assert build.returncode != 0
    for end in ends:
        os.close(end)


def workers_of(group: int) -> dict[int, int]:
    """make's workers, and their parent: make itself, whose parent is no make."""
    processes = group_of(group)
    makes = {pid: parent for pid, (parent, name) in processes.items() if name == "nbmake"}
    return {pid: parent for pid, parent in makes.items()
            if parent in makes and makes[parent] not in makes}


def group_of(group: int) -> dict[int, tuple[int, str]]:
    """(parent, name) of the processes of a group that have not ended."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(") ")
        except OSError:
            continue
        state, parent, its_group, *_ = rest.split()
        if int(its_group) == group and state != "Z":
            found[int(path.parent.name)] = (int(parent), name)
    return found


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


def test_objects_must_lie_outside_the_sources(shared: Workspace) -> None:
    for option in ("-O", "-T"):
        output = shared.run(option, f"{shared.source}/obj", "tools", ok=False)
        assert "lies in the source tree" in output
    assert not (shared.source / "obj").exists()


DOM0 = 'include "arch/amd64/conf/XEN3_DOM0"\n'


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
    root, fstype = {"XEN3_DOM0_CD": ("cd0a", "cd9660"), "XEN3_DOM0_STICK": ("?", "cd9660"),
                    "XEN3_DOMU_RO": ("xbd0a", "ffs")}[name]
    for word in (root, fstype, "none"):  # a `?` may be the end of another string
        assert f"{word}\0".encode() in kernel.read_bytes()


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


def test_wrappers_hold_the_settings_of_their_run(shared: Workspace) -> None:
    for value in ("yes", "it's"):
        wrapper = shared.root / f"wrappers/nbmake-{value}"
        shared.run("-w", str(wrapper), "-V", f"MKREPRO={value}", "makewrapper")
        quoted = value.replace("'", "'\\''")
        assert f"MKREPRO='{quoted}'; export MKREPRO\n" in wrapper.read_text()
        assert os.access(wrapper, os.X_OK)
