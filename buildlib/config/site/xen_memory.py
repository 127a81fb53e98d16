"""Calculates the memory that Xen takes, that dom0 gets, and that each domU takes.

All in MB of 2^20 bytes. The estimates are on the high side: a domU does not start if too little
memory is left, perhaps unnoticed.

Xen      32 bytes for each page (struct page_info) and 8 more (the machine-to-physical table) are
         1 % of the memory; with page tables, IOMMU tables and losses through NUMA, 1/64. Xen's own
         image and heap, and what firmware and devices reserve, are another 128: on 8 GB, 256.
a domU   libxl's requirement for a PV domain (libxl__domain_need_memory): its memory, 1 MB, 1 MB
         for each processor and two pages for each MB (libxl_get_required_shadow_memory), rounded
         up to 2 MB. XenServer's formula is close: 3 MB, 1.5 for each processor and 1/128
         (QubesOS/qubes-issues#1136).
dom0     `dom0_mem=` of Xen's command line (docs/misc/xen-command-line.pandoc and
         dom0_compute_nr_pages in xen/arch/x86/dom0_build.c of Xen 4.18).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from buildlib.model.numbers import whole_number

_UNITS = {"": 1 << 10, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_MB = 1 << 20
_SIZE = re.compile(r"(-?)([0-9]+|0[xX][0-9a-fA-F]+?)([bkmgtBKMGT]?)").fullmatch
_SHARE = re.compile(r"(?:(.+)\+)?([0-9]{1,2})%").fullmatch
_KEPT = 128  # MB that dom0 does not get by default


def taken_by_xen(memory: int) -> int:
    """MB of a machine with `memory` MB that are not available for dom0 and domUs."""
    return 128 + -(-memory // 64)


def taken_by_domu(memory: int, cpus: int) -> int:
    """MB that must be free for a domU with `memory` MB to start."""
    kilobytes = memory * 1024 + 1024 + 4 * (256 * cpus + 2 * memory)
    return -(-kilobytes // 2048) * 2


@dataclass(frozen=True, slots=True)
class Amount:
    """A size as Xen reads it: bytes (negative: all but these) and a percentage of the memory."""

    size: int
    percent: int = 0

    def of(self, memory: int) -> int:
        """The amount in MB on a machine with `memory` MB."""
        if self.size < 0:
            return max(memory + self.size // _MB, 0)
        return self.size // _MB + memory * self.percent // 100


@dataclass(frozen=True, slots=True)
class Dom0Memory:
    """The memory that a CD gives dom0.

    word   the argument in the recipe, `dom0_mem=512M`; empty: none
    file   the recipe; line: of the argument; 0: none
    wrong  the part that Xen would not accept
    """

    file: str
    line: int = 0
    word: str = ""
    exact: Amount | None = None
    least: Amount | None = None
    most: Amount | None = None
    wrong: str = ""

    def of(self, memory: int) -> int:
        """MB of dom0 on a machine with `memory` MB after Xen has taken its own."""
        given = self.exact.of(memory) if self.exact else memory - min(memory // 16, _KEPT)
        if self.least:
            given = max(given, self.least.of(memory))
        if self.most:
            given = min(given, self.most.of(memory))
        return max(min(given, memory), 0)


def dom0_memory(words: tuple[str, ...], file: str, line: int) -> Dom0Memory:
    """The memory that Xen's command line gives dom0; the last `dom0_mem=` wins."""
    word = next((text for text in reversed(words) if text.startswith("dom0_mem=")), "")
    if not word:
        return Dom0Memory(file)
    found: dict[str, Amount] = {}
    wrong = ""
    for part in word.removeprefix("dom0_mem=").split(","):
        kind, colon, size = part.partition(":")
        name = {"min": "least", "max": "most"}.get(kind) if colon else "exact"
        amount = _amount(size if colon else part)
        if name is None or amount is None:
            wrong = wrong or part or word
        else:
            found[name] = amount
    return Dom0Memory(
        file, line, word, found.get("exact"), found.get("least"), found.get("most"), wrong
    )


def _amount(text: str) -> Amount | None:
    """The amount, or None if Xen would not accept it."""
    share = _SHARE(text)
    try:
        if share:
            return Amount(_bytes(share[1]) if share[1] else 0, int(share[2]))
        return Amount(_bytes(text))
    except ValueError:
        return None


def _bytes(text: str) -> int:
    """A size in bytes: octal after 0, hexadecimal after 0x; KiB if it has no unit."""
    found = _SIZE(text)
    if not found:
        raise ValueError(text)
    sign, digits, unit = found.groups()
    if digits[:2] in {"0x", "0X"}:
        number = whole_number(digits[2:], base=16)
    else:
        number = whole_number(digits, base=8 if digits.startswith("0") else 10)
    return (-number if sign else number) * _UNITS[unit.lower()]
