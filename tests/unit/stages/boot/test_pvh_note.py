"""Which kernels can be PVH domains, by their ELF notes."""

from __future__ import annotations

import lzma
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.readers import format_readers
from support.readers.archives import gz
from support.stages.stage_bench import Bench

from buildlib.engine.stage import OutputRef
from buildlib.model.errors import StageError
from buildlib.stages.boot.pvh_note import PvhKernel, notes

pytestmark = pytest.mark.programs

KERNEL = OutputRef("kernel:TEST", "kernel")
STAGE = PvhKernel(KERNEL, "TEST")
_NOTE = """\
.section .note.{owner}, "a", @note
.balign 4
.long {size}, {content}, {number}
.asciz "{owner}"
.balign 4
.fill {content}, 1, 0x20
.balign 4
"""


def elf(folder: Path, *found: tuple[str, int], linked: bool = True, bits: int = 64) -> bytes:
    """An ELF file with notes of these owners and numbers, made by binutils.

    linked  whether it has program headers
    """
    source, made = folder / "kernel.s", folder / "kernel.o"
    source.write_text(
        ".globl _start\n_start: hlt\n"
        + "".join(
            _NOTE.format(owner=owner, size=len(owner) + 1, number=number, content=number % 7)
            for owner, number in found
        )
    )
    subprocess.run(["as", f"--{bits}", "-o", made, source], check=True)
    if linked:
        subprocess.run(
            ["ld", "-m", "elf_x86_64" if bits == 64 else "elf_i386", "-o", folder / "kernel", made],
            check=True,
        )
        made = folder / "kernel"
    return made.read_bytes()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "build")


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize(
    "found", [[("Xen", 18)], [("Xen", 6), ("GNU", 3), ("Xen", 5), ("Xen", 18), ("NetBSD", 1)]]
)
def test_a_kernel_with_the_note(
    tmp_path: Path, bench: Bench, found: list[tuple[str, int]], linked: bool
) -> None:
    data = elf(tmp_path, *found, linked=linked)
    given = bench.output(data)
    assert bench.run_stage(STAGE, {KERNEL: given})["kernel"].blob == given.blob
    assert sorted(notes(data)) == sorted((owner.encode(), number) for owner, number in found)


@pytest.mark.parametrize("pack", [gz, lzma.compress])
def test_a_packed_kernel_stays_as_it_is(tmp_path: Path, bench: Bench, pack: object) -> None:
    assert callable(pack)
    given = bench.output(pack(elf(tmp_path, ("Xen", 18))))
    assert bench.run_stage(STAGE, {KERNEL: given})["kernel"].blob == given.blob


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "the Xen notes it has: none"),
        ([("GNU", 18)], "the Xen notes it has: none"),
        ([("Xen", 1), ("Xen", 6)], "the Xen notes it has: 1, 6"),
    ],
)
def test_a_kernel_without_it(
    tmp_path: Path, bench: Bench, found: list[tuple[str, int]], why: str
) -> None:
    for data in (elf(tmp_path, *found), gz(elf(tmp_path, *found))):
        error = refused(bench, data)
        assert why in (error.why or "")
        assert "TEST cannot be a PVH dom0" in error.what
        assert "dom0" in (error.hint or "")


def refused(bench: Bench, data: bytes) -> StageError:
    with pytest.raises(StageError) as caught:
        bench.run_stage(STAGE, {KERNEL: data})
    assert caught.value.reason == "no-pvh"
    return caught.value


def test_what_is_no_kernel(tmp_path: Path, bench: Bench) -> None:
    whole = elf(tmp_path, ("Xen", 6))
    for data in (b"", b"no kernel", whole[:40], whole[:60], elf(tmp_path, ("Xen", 18), bits=32)):
        assert "64-bit ELF file" in (refused(bench, data).why or "")


def test_damage_is_never_a_traceback(tmp_path: Path, bench: Bench) -> None:
    """Any changed byte in the headers is reported as an error."""
    whole = elf(tmp_path, ("Xen", 6))
    for at in range(0, 300, 3):
        data = bytearray(whole)
        data[at] ^= 0xFF
        refused(bench, bytes(data))


def test_readelf_sees_the_same_notes(tmp_path: Path) -> None:
    """Also for a program of the host."""
    ours = tmp_path / "ours"
    ours.write_bytes(elf(tmp_path, ("Xen", 18), ("Xen", 6), ("NetBSD", 1)))
    for path in (ours, Path(sys.executable).resolve()):
        told = format_readers.tool("readelf", "-lnW", path).decode()
        programs, *parts = told.split("Displaying notes found in: ")
        loaded = programs.partition("Section to Segment mapping:")[2].split()
        owners = [
            owner
            for part in parts
            if part.split()[0] in loaded  # compilers leave notes for debuggers in other sections
            for owner in re.findall(r"^  (\S+)\s+0x[0-9a-f]+\t", part, re.MULTILINE)
        ]
        found = [owner.decode() for owner, _ in notes(path.read_bytes())]
        assert found
        assert found == owners
