"""What a tool reads is what the key of its stage says: files included, sources, TOOLS, OBJ."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from support.checkouts.fault_checkout import Victim, wait_until
from support.checkouts.scratch import Scratch, digest

from buildlib.store.store import Store

CONFIG = "kernel-configs/XEN3_DOMU_RO"
STAGE = "kernel:XEN3_DOMU_RO"
MAIN = "usr/src/sys/kern/init_main.c"
OLD, NEW = "All rights reserved.", "All wrongs reserved."

Edit: TypeAlias = Callable[[Path], None]


def work(scratch: Scratch, kind: str) -> Path:
    """The work folder of a kind."""
    [folder] = scratch.root.glob(f"build/work/{kind}-*/")
    return folder


def kernel(scratch: Scratch) -> str:
    """The digest of the kernel that was made last."""
    records = Store(scratch.path("build")).records
    record = records.get(records.last(f"mini/{STAGE}") or "")
    assert record
    return record.outputs["kernel"].blob.sha256


def notes(events: list[dict[str, object]]) -> list[str]:
    return [str(event["text"]) for event in events if event["event"] == "note"]


# what a configuration includes


def test_files_of_the_host_are_refused_before_a_stage_runs(bare: Scratch) -> None:
    extra = bare.root.with_name("extra.conf")
    extra.write_text("options DIAGNOSTIC\n")
    bare.append(CONFIG, f'include "{extra}"\nmakeoptions COPTS="-include {extra}"\n')
    number = len(bare.read(CONFIG).splitlines())
    ran = bare.doit("iso", status=3)
    assert "ERROR: the kernel configuration names files that are not part of its key" in ran.err
    assert f"  where: {CONFIG}:{number - 1}\n" in ran.err
    assert f'{CONFIG}:{number - 1}: include "{extra}": a path of this machine\n' in ran.err
    assert f'{CONFIG}:{number}: makeoptions "-include {extra}": a path of this' in ran.err
    assert "  do:    put the file beside the configuration" in ran.err
    assert ran.out == ""


def test_a_piece_beside_the_configuration_is_part_of_the_key(scratch: Scratch) -> None:
    before = scratch.outputs(STAGE, "mini-base.ffs")["kernel"]
    scratch.write("kernel-configs/shared/extra", "options \tDIAGNOSTIC\n")
    scratch.append(CONFIG, 'include\t"shared/extra"\n')
    scratch.write("kernel-configs/unused", "")
    ran = scratch.build(STAGE)
    assert STAGE in ran.built
    diagnostic = kernel(scratch)
    assert diagnostic != before
    scratch.write("kernel-configs/shared/extra", "options \tNOTHING\n")
    [error] = scratch.build(STAGE, status=1).errors
    assert error["why"] == "kernel-configs/shared/extra:1: unknown option `NOTHING'"
    scratch.write("kernel-configs/shared/extra", "# nothing\n")
    assert "file kernel-configs/shared/extra changed" in scratch.doit("why", STAGE).out
    assert STAGE in scratch.build(STAGE).built
    assert kernel(scratch) not in {before, diagnostic}  # its configuration is embedded


# work folders that somebody touched


def rewritten(path: Path, old: bytes, new: bytes) -> None:
    """Change a file in its place, with its times as they were."""
    status, data = path.stat(), path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def wrong_source(build: Path) -> None:
    [path] = build.glob(f"work/src-*/{MAIN}")
    rewritten(path, OLD.encode(), NEW.encode())


def more_headers(build: Path) -> None:
    [path] = build.glob("work/src-*/usr/src/sys/sys")
    (path / "more.h").touch()


def wrong_compiler(build: Path) -> None:
    [path] = build.glob("work/tools-*/tools/bin/x86_64--netbsd-gcc")
    rewritten(path, b"exec ", b"exec  ")


def wrong_kernel(build: Path) -> None:
    [path] = build.glob("work/kernel-XEN3_DOMU_RO-*/obj/sys/arch/*/compile/*/netbsd")
    rewritten(path, OLD.encode(), NEW.encode())


def wrong_config(build: Path) -> None:
    for path in build.glob("work/config-*/XEN3_DOMU_RO"):
        rewritten(path, b"no config", b"#  config")


TOUCHED: dict[str, Edit] = {
    "init_main.c": wrong_source,
    "sys/sys/more.h": more_headers,
    "x86_64--netbsd-gcc": wrong_compiler,
    "XEN3_DOMU_RO": wrong_config,
}


def test_work_folders_that_were_touched_make_no_wrong_kernel(scratch: Scratch) -> None:
    scratch.append(CONFIG, "# a comment\n")
    scratch.build(STAGE)
    right = kernel(scratch)
    wrong_kernel(scratch.path("build"))
    scratch.blob(right).unlink()
    [told] = [note for note in notes(scratch.build(STAGE).events) if "changed since" in note]
    assert told.endswith("netbsd changed since it was made; making it again")
    assert digest(scratch.blob(right)) == right
    for edit in TOUCHED.values():
        edit(scratch.path("build"))
    shutil.rmtree(work(scratch, "kernel-XEN3_DOMU_RO"))  # so that it is compiled again
    scratch.blob(right).unlink()
    ran = scratch.build(STAGE)
    for name in TOUCHED:
        assert [note for note in notes(ran.events) if name in note.partition(" changed since")[0]]
    assert digest(scratch.blob(right)) == right
    scratch.blob(right).unlink()
    assert not [note for note in notes(scratch.build(STAGE).events) if "changed since" in note]


COMPILER = """\
#!/bin/sh
case "$*" in
*xen_machdep*) touch '{folder}/stands'; while [ -e '{folder}/slow' ]; do sleep 0.02; done ;;
esac
exec cc "$@"
"""


@pytest.fixture
def slow(template: Scratch, tmp_path: Path) -> Victim:
    """A checkout whose compiler stands still at the last file as long as there is `slow`."""
    victim = Victim(template.copy(tmp_path / "checkout").root)
    folder = victim.folder.with_name("compiler")
    folder.mkdir()
    tool = folder / "cc"
    tool.write_text(COMPILER.format(folder=folder))
    tool.chmod(0o755)
    path = victim.folder / "sets" / "mini.toml"
    path.write_text(
        path.read_text().replace("[build]\n", f"[build]\nenvironment = {{ HOST_CC = '{tool}' }}\n")
    )
    (folder / "slow").touch()
    return victim


@pytest.mark.parametrize("end", ["it goes on", "all is killed"])
def test_sources_that_are_edited_while_they_are_compiled(
    template: Scratch, slow: Victim, end: str
) -> None:
    """Objects of the wrong source are newer than the right one: make(1) would keep them."""
    folder = slow.folder.with_name("compiler")
    attempt = slow.start(STAGE, "progress=json")
    wait_until((folder / "stands").exists, "the compiler stands")
    wrong_source(slow.folder / "build")
    [obj] = slow.folder.glob("build/work/kernel-XEN3_DOMU_RO-*/obj/sys/arch/*/compile/*/")
    (obj / "init_main.o").unlink(missing_ok=True)  # as if it had come to it only now
    if end == "it goes on":
        (folder / "slow").unlink()
        ended = attempt.wait()
        assert ended.status == 1
        assert "a work folder was changed while a tool read it" in ended.out
    else:
        for pid in slow.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert attempt.wait().status == -signal.SIGKILL
        (folder / "slow").unlink()
    scratch = Scratch(slow.folder)
    scratch.build(STAGE)
    assert kernel(scratch) == kernel(template)
