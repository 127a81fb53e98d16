"""Checks that Xen can start a kernel as a PVH domain, by the kernel's ELF notes.

Xen reads the notes of program headers or, if there are none, those of sections. Each note has an
owner and a number; `Xen` 18 is the entry address of a PVH domain. Sources: System V ABI,
chapter 5 (notes); Xen's public/elfnote.h and docs/misc/pvh.pandoc.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import calcsize, iter_unpack, unpack_from
from struct import error as struct_error

from buildlib.engine.stage import OutputRef, Outputs, Stage, StageContext
from buildlib.model.errors import StageError
from buildlib.sources.archive import compress

OWNER, PHYS32_ENTRY = b"Xen", 18
_PROGRAM_NOTE, _SECTION_NOTE = 4, 7
_SEGMENTS_MAX, _NOTES_MAX = 64, 1 << 16  # notes take some hundred bytes
_PROGRAM_HEADER = "<L4xQ16xQ16x"  # type, offset, size
_SECTION_HEADER = "<4xL16xQQ24x"


@dataclass(frozen=True)
class PvhKernel(Stage):
    """The kernel, if it can be started as a PVH domain. Output: `kernel`.

    config  its name, for messages
    """

    kernel: OutputRef
    config: str

    def run(self, context: StageContext) -> Outputs:
        """Look for the note. Raises StageError if it is missing."""
        data = b"".join(compress.chunks(context.path(self.kernel), where=self.config))
        try:
            numbers = {number for owner, number in notes(data) if owner == OWNER}
        except (ValueError, struct_error) as error:
            raise self._error(f"it is not a 64-bit ELF file, or damaged: {error}") from error
        if PHYS32_ENTRY not in numbers:
            raise self._error(
                "its ELF notes do not include Xen note 18 (PHYS32_ENTRY); the Xen notes it has: "
                + (", ".join(map(str, sorted(numbers))) or "none")
            )
        return {"kernel": context.inputs[self.kernel].blob}

    def _error(self, why: str) -> StageError:
        return StageError(
            f"the kernel {self.config} cannot be a PVH dom0",
            where="recipes/dom0.toml: boot.dom0",
            why=why,
            reason="no-pvh",
            hint='set dom0 = "pv", or use a kernel configuration with PVH support (XENPVHVM)',
        )


def notes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Owner and number of every note of an ELF file. Raises ValueError or struct.error."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("the first six bytes are not those of such a file")
    programs, sections = unpack_from("<QQ", data, 32)
    program_count, section_count = unpack_from("<H", data, 56)[0], unpack_from("<H", data, 60)[0]
    found = _places(data, _PROGRAM_HEADER, programs, program_count, _PROGRAM_NOTE) or _places(
        data, _SECTION_HEADER, sections, section_count, _SECTION_NOTE
    )
    for at, size in found[:_SEGMENTS_MAX]:  # a kernel has one or two
        yield from _parse(data[at : at + min(size, _NOTES_MAX)])


def _places(data: bytes, header: str, at: int, count: int, kind: int) -> list[tuple[int, int]]:
    """Offset and size of what the headers of type `kind` describe."""
    table = data[at : at + count * calcsize(header)]
    return [(offset, size) for found, offset, size in iter_unpack(header, table) if found == kind]


def _parse(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Read the notes one by one; name and content are each padded to four bytes."""
    at = 0
    while at < len(data):
        name_size, size, number = unpack_from("<LLL", data, at)
        at += 12
        yield data[at : at + name_size].rstrip(b"\0"), number
        at += (name_size + 3 & ~3) + (size + 3 & ~3)
