"""Toolchain and kernels: shared processors, interrupted builds, errors of their tools."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from support.checkouts.fault_checkout import Victim, wait_until
from support.checkouts.scratch import Scratch, digest

# A compiler that tells when it begins and ends, and works as long as there is a file `slow`.
_COMPILER = """\
#!/bin/sh
echo + >>'{folder}/told'
case "$*" in
*{last}*) touch '{folder}/stands'; while [ -e '{folder}/slow' ]; do sleep 0.02; done ;;
esac
sleep {seconds}
cc "$@"
status=$?
echo - >>'{folder}/told'
exit $status
"""


class Compiler:
    """The host's compiler behind a script, named by the release definition of a checkout."""

    def __init__(self, root: Path, *, seconds: float = 0.0, last: str = "nothing") -> None:
        self.folder = root.with_name("compiler")
        self.folder.mkdir()
        tool = self.folder / "cc"
        tool.write_text(_COMPILER.format(folder=self.folder, seconds=seconds, last=last))
        tool.chmod(0o755)
        path = root / "sets" / "mini.toml"
        path.write_text(
            path.read_text().replace(
                "[build]\n", f"[build]\nenvironment = {{ HOST_CC = '{tool}' }}\n"
            )
        )

    @property
    def told(self) -> str:
        path = self.folder / "told"
        return path.read_text().replace("\n", "") if path.exists() else ""

    def most(self) -> int:
        """How many ran at once, at most."""
        running = most = 0
        for sign in self.told:
            running += 1 if sign == "+" else -1
            most = max(most, running)
        return most


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (3, 3)])
def test_two_kernels_share_the_processors(
    template: Scratch, tmp_path: Path, jobs: int, most: int
) -> None:
    scratch = template.copy(tmp_path / "checkout")
    compiler = Compiler(scratch.root)
    scratch.build("toolchain")
    compiler.folder.joinpath("told").unlink(missing_ok=True)
    tool = compiler.folder / "cc"
    tool.write_text(tool.read_text().replace("sleep 0.0", "sleep 0.15"))
    ran = scratch.build("kernel", f"jobs={jobs}")
    assert ran.built >= {"kernel:XEN3_DOM0_CD", "kernel:XEN3_DOMU_RO"}
    assert compiler.most() == most


def test_the_count_of_files_is_known_from_the_last_build(scratch: Scratch) -> None:
    scratch.append("kernel-configs/XEN3_DOMU_RO", "# a comment\n")
    first = _progress(scratch)
    scratch.append("kernel-configs/XEN3_DOMU_RO", "# another\n")
    again = _progress(scratch)
    assert {total for _, total in first} == {0}
    assert {total for _, total in again} == {len(first)}
    assert [done for done, _ in again] == list(range(1, len(first) + 1))


def _progress(scratch: Scratch) -> list[tuple[int, int]]:
    ran = scratch.build("kernel:XEN3_DOMU_RO")
    return [
        (event["done"], event["total"])
        for event in ran.events
        if event["event"] == "progress"
        and event["stage"] == "kernel:XEN3_DOMU_RO"
        and event["unit"] == "files"
        and event["what"].endswith(".o")
    ]


def _kernel(scratch: Scratch) -> str:
    return scratch.outputs("kernel:XEN3_DOM0_CD")["kernel"]


@pytest.mark.parametrize("half", ["stub", "empty"])
def test_an_object_that_was_half_written_when_all_was_killed(
    template: Scratch, tmp_path: Path, half: str
) -> None:
    """A compiler that writes in place leaves an object that is newer than its source."""
    victim = Victim(template.copy(tmp_path / "checkout").root)
    compiler = Compiler(victim.folder, seconds=0.2, last="xen_machdep")
    (compiler.folder / "slow").touch()
    attempt = victim.start("iso", "progress=json")
    wait_until((compiler.folder / "stands").exists, "the compiler stands")
    wait_until(lambda: _surely_whole(victim.folder), "others go on, and the horizon with them")
    folders = list(victim.folder.glob("build/work/kernel-XEN3_DOM*/obj/sys/arch/amd64/compile/*/"))
    times = {path: path.stat().st_mtime_ns for folder in folders for path in folder.glob("*.o")}
    for folder in folders:
        (folder / "xen_machdep.o").write_bytes(b"\x7fELF" if half == "stub" else b"")
    for pid in victim.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert attempt.wait().status == -signal.SIGKILL
    (compiler.folder / "slow").unlink()
    victim.build()
    assert _kernel(Scratch(victim.folder)) == _kernel(template)
    assert any(path.stat().st_mtime_ns == time for path, time in times.items())  # gone on with


def _surely_whole(checkout: Path) -> bool:
    """Whether a note of the horizon has come by an object."""
    return any(
        path.stat().st_ctime_ns < int(note.read_text().split()[1])
        for note in checkout.glob("build/work/kernel-*.horizon")
        for path in note.with_suffix("").rglob("*.o")
    )


def test_remains_that_cannot_be_gone_on_with(scratch: Scratch) -> None:
    """Damage that the next build stumbles over costs a second try, not a failure."""
    scratch.append("kernel-configs/XEN3_DOMU_RO", "# a comment\n")
    scratch.edit("kernel-configs/XEN3_DOMU_RO", "# a comment", "optoins NOTHING\n# a comment")
    scratch.build("kernel:XEN3_DOMU_RO", status=1)
    scratch.edit("kernel-configs/XEN3_DOMU_RO", "optoins NOTHING\n", "")
    scratch.build("kernel:XEN3_DOMU_RO")
    [folder] = scratch.root.glob("build/work/kernel-XEN3_DOMU_RO-*/")
    for path in folder.rglob("*.o"):
        path.write_bytes(b"no object")
    for done in scratch.root.glob("build/work/kernel-XEN3_DOMU_RO-*.done"):
        done.unlink()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    folder.with_name(f"{folder.name}.horizon").write_text(f"{boot} {2**62}\n")
    shutil.rmtree(scratch.path("build/store"))
    ran = scratch.build("kernel:XEN3_DOMU_RO")
    notes = [event["text"] for event in ran.events if event["event"] == "note"]
    assert "the interrupted build cannot be resumed; starting from the beginning" in notes
    assert "kernel:XEN3_DOMU_RO" in ran.built


def test_the_sources_are_not_written_to(scratch: Scratch) -> None:
    scratch.append("kernel-configs/XEN3_DOMU_RO", "# a comment\n")
    scratch.build("kernel:XEN3_DOMU_RO")
    [sources] = scratch.root.glob("build/work/src-*/")
    name = str(sources.relative_to(scratch.root))
    before = scratch.listing(name)
    scratch.append("kernel-configs/XEN3_DOMU_RO", "# another\n")
    scratch.append("kernel-configs/XEN3_DOM0_CD", "# another\n")
    assert scratch.build("kernel").built >= {"kernel:XEN3_DOMU_RO", "kernel:XEN3_DOM0_CD"}
    assert scratch.listing(name) == before


# errors


def _error(scratch: Scratch, *words: str) -> dict[str, object]:
    ran = scratch.build(*words, status=1)
    [error] = ran.errors
    return error


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("optoins	NOTHING", "kernel-configs/XEN3_DOMU_RO:{}: syntax error near `optoins'"),
        ("options	NOTHING", "kernel-configs/XEN3_DOMU_RO:{}: unknown option `NOTHING'"),
    ],
)
def test_a_kernel_configuration_that_is_not_accepted(
    scratch: Scratch, line: str, told: str
) -> None:
    path = "kernel-configs/XEN3_DOMU_RO"
    scratch.append(path, f"{line}\n")
    number = len(scratch.read(path).splitlines())
    error = _error(scratch, "kernel:XEN3_DOMU_RO")
    assert error["reason"] == "kernel-config"
    assert error["why"] == told.format(number)
    assert "kernel=" not in scratch.read("build/log/kernel.XEN3_DOMU_RO.log")  # no build.sh ran


def test_the_first_error_of_a_compiler_is_shown(bare: Scratch) -> None:
    """With four jobs it is far from the log's end. The command shown runs the build again."""
    compiler = bare.root.with_name("cc")
    compiler.write_text("""#!/bin/sh
case "$*" in
*subr_prf.c*) printf '%s\\n' "kern/subr_prf.c: In function 'printf':" \\
    "kern/subr_prf.c:17:2: error: 'oops' undeclared" >&2; exit 1 ;;
*.c*) i=0; while [ $i -lt 40 ]; do echo "noise $i" >&2; i=$((i + 1)); done ;;
esac
exec cc "$@"
""")
    compiler.chmod(0o755)
    bare.edit(
        "sets/mini.toml", "[build]\n", f"[build]\nenvironment = {{ HOST_CC = '{compiler}' }}\n"
    )
    ran = bare.doit("kernel:XEN3_DOMU_RO", "jobs=4", status=1)
    assert "ERROR: build.sh kernel=XEN3_DOMU_RO failed" in ran.err
    assert "why:   kern/subr_prf.c:17:2: error: 'oops' undeclared" in ran.err
    assert "| kern/subr_prf.c: In function 'printf':" in ran.err
    assert len(ran.err.splitlines()) < 25
    again = re.search(r"again: (.*)", ran.err)
    assert again
    assert "MAKEFLAGS" not in again[1]


def test_sources_of_another_release(bare: Scratch) -> None:
    bare.edit("sets/mini.toml", "[build]\n", '[build]\nversion = "9.4"\n')
    error = _error(bare, "toolchain")
    assert error["reason"] == "source-version"
    assert error["why"] == ("sys/conf/osrelease.sh says 1.0, the release definition 9.4")


def test_a_wrong_architecture(bare: Scratch) -> None:
    bare.edit("sets/mini.toml", 'machine_arch = "x86_64"', 'machine_arch = "aarch64"')
    error = _error(bare, "toolchain")
    assert error["what"] == "build.sh tools failed"
    assert "MACHINE_ARCH 'aarch64' does not support MACHINE 'amd64'" in str(error["why"])


def test_no_kernel_is_kept_that_holds_a_path(bare: Scratch) -> None:
    """Without MKREPRO the version string says where it was made."""
    bare.edit("sets/mini.toml", ', "-V", "MKREPRO=yes"', "")
    error = _error(bare, "kernel:XEN3_DOMU_RO")
    assert error["reason"] == "kernel-path"
    assert "MKREPRO" in str(error["hint"])


def test_a_finished_folder_is_not_built_again(scratch: Scratch) -> None:
    """Where only the record is lost, the compiler has nothing to do."""
    scratch.append("kernel-configs/XEN3_DOMU_RO", "# a comment\n")
    scratch.build("kernel:XEN3_DOMU_RO")
    before = digest(next(scratch.root.glob("build/work/kernel-XEN3_DOMU_RO-*/obj/**/netbsd")))
    shutil.rmtree(scratch.path("build/store"))
    shutil.rmtree(next(scratch.root.glob("build/work/src-*/")))
    ran = scratch.build("kernel:XEN3_DOMU_RO")
    assert "kernel:XEN3_DOMU_RO" in ran.built
    assert "compile" not in ran.out
    assert not list(scratch.root.glob("build/work/src-*/"))  # nor is anything unpacked
    assert before == digest(
        next(scratch.root.glob("build/work/kernel-XEN3_DOMU_RO-*/obj/**/netbsd"))
    )


def test_a_release_whose_build_lacks_an_operation(bare: Scratch) -> None:
    bare.edit("sets/mini.toml", '"-N", "1",', '"-N", "1", "frobnicate",')
    error = _error(bare, "toolchain")
    assert error["reason"] == "build-operation"
    assert error["why"] == "build.sh: Unknown operation `frobnicate'"
    assert "with the operations `tools` and `kernel=`" in str(error["hint"])


def test_a_folder_that_makefiles_do_not_bear(bare: Scratch, tmp_path: Path) -> None:
    """mini's do; whatever fails in such a folder, the hint says it."""
    bare.edit("sets/mini.toml", '"-N", "1",', '"-N", "1", "distribution",')
    spaced = bare.sources_only(tmp_path / "with space")
    assert _error(bare, "toolchain")["hint"] is None
    assert "choose another folder with `build=FOLDER`" in str(_error(spaced, "toolchain")["hint"])
