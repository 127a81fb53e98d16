"""A reader of FFS version 1 that checks everything that fsck_ffs(8) checks, on an image.

Written from sys/ufs/ffs/fs.h and related headers, not from our writer.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from buildlib.model.digest import sha256
from support.readers.format_readers import Found

_KINDS = {
    stat.S_IFDIR: "dir",
    stat.S_IFREG: "file",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
}
_TYPES = {"fifo": 1, "char": 2, "dir": 4, "block": 6, "file": 8, "link": 10}


@dataclass(frozen=True)
class Node:
    """An inode on the disk."""

    number: int
    found: Found
    content: bytes


class Ufs:
    """An image, read completely. Every inconsistency raises AssertionError."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        self.super = self.data[8192 : 8192 + 1376]
        assert self._word(1372) == 0x011954
        (self.sblkno, self.cblkno, self.iblkno, self.dblkno) = unpack_from("<4i", self.super, 8)
        (self.groups, self.bsize, self.fsize, self.frag) = unpack_from("<4i", self.super, 44)
        (self.ipg, self.fpg) = unpack_from("<2i", self.super, 184)
        (self.size, self.dsize, self.csaddr) = unpack_from("<3q", self.super, 1080)
        assert (self.bsize, self.frag) == (self.fsize * self.frag, 8)
        assert len(self.data) == self.size * self.fsize
        assert self.groups == -(-self.size // self.fpg)
        assert self.size - (self.groups - 1) * self.fpg >= self.dblkno
        self.used: dict[int, str] = {}
        self.nodes: dict[int, Node] = {}
        self.tree: dict[str, Found] = {}
        self.numbers: dict[str, int] = {}
        self._claim_structures()
        self._links: dict[int, int] = {2: -1}  # the root has no name
        self._pending = [(".", 2, 2)]
        while self._pending:
            self._visit(*self._pending.pop())
        self._check_links()
        self._check_groups()

    def _word(self, at: int) -> int:
        value: int = unpack_from("<i", self.super, at)[0]
        return value

    def _claim(self, address: int, count: int, owner: str) -> None:
        for fragment in range(address, address + count):
            assert 0 < fragment < self.size, (owner, fragment)
            assert fragment not in self.used, (owner, self.used[fragment])
            self.used[fragment] = owner

    def _claim_structures(self) -> None:
        self.used[0] = "boot"
        self._claim(1, self.sblkno - 1, "boot and superblock")
        for group in range(self.groups):
            base = group * self.fpg
            self._claim(base + self.sblkno, self.dblkno - self.sblkno, f"group {group}")
            at = (base + self.sblkno) * self.fsize
            assert self.data[at : at + 1376] == self.super, f"copy {group}"
        count = -(-16 * self.groups // self.fsize)
        assert self._word(156) == count * self.fsize
        assert self.csaddr == self.dblkno == self._word(152)
        self._claim(self.csaddr, count, "summaries")

    # inodes

    def _raw(self, number: int) -> bytes:
        group, index = divmod(number, self.ipg)
        at = (group * self.fpg + self.iblkno) * self.fsize + index * 128
        return self.data[at : at + 128]

    def node(self, number: int) -> Node:
        """An inode; its blocks are claimed when it is first read."""
        if number in self.nodes:
            return self.nodes[number]
        assert 2 <= number < self.groups * self.ipg
        raw = self._raw(number)
        mode, links = unpack_from("<Hh", raw)
        (size,) = unpack_from("<Q", raw, 8)
        times = unpack_from("<6i", raw, 16)
        flags, blocks, _, uid, gid = unpack_from("<LLlLL", raw, 100)
        assert times[::2] == (times[0],) * 3
        assert times[1::2] == (0, 0, 0)
        assert flags == 0
        kind = _KINDS[stat.S_IFMT(mode)]
        link = device = None
        content = b""
        if kind in {"char", "block"}:
            (word,) = unpack_from("<L", raw, 40)
            device = (word >> 8 & 0xFFF, (word & 0xFFF00000) >> 12 | word & 0xFF)
        elif kind == "link" and size < 60:
            content = raw[40 : 40 + size]
            assert not any(raw[40 + size : 100])
        elif kind != "fifo":
            content, held = self._content(raw, size, f"inode {number}")
            assert blocks == held * self.fsize // 512, number
        if kind == "link":
            link = content.decode(errors="surrogateescape")
        if kind in {"char", "block", "fifo"}:
            assert (size, blocks) == (0, 0)
        found = Found(
            kind,
            stat.S_IMODE(mode),
            None,
            uid,
            gid,
            times[0],
            size if kind == "file" else None,
            sha256(content) if kind == "file" else None,
            link,
            device,
            links,
        )
        self.nodes[number] = Node(number, found, content)
        return self.nodes[number]

    def _content(self, raw: bytes, size: int, owner: str) -> tuple[bytes, int]:
        pointers = unpack_from("<15i", raw, 40)
        count = -(-size // self.bsize)
        addresses, held = list(pointers[: min(count, 12)]), 0
        assert not any(pointers[len(addresses) : 12])
        reach = self.bsize // 4
        for depth in (1, 2, 3):
            need = min(max(count - len(addresses), 0), reach**depth)
            if need:
                found, blocks = self._list(pointers[11 + depth], need, depth, owner)
                addresses += found
                held += blocks
            else:
                assert pointers[11 + depth] == 0
        pieces = []
        for number, address in enumerate(addresses):
            left = size - number * self.bsize
            parts = self.frag
            if left < self.bsize and number < 12:
                parts = -(-left // self.fsize)
                assert address % self.frag + parts <= self.frag, "fragments across a block"
            else:
                assert address % self.frag == 0, "a block that is not aligned"
            self._claim(address, parts, owner)
            held += parts
            at = address * self.fsize
            pieces.append(self.data[at : at + min(left, self.bsize)])
            slack = self.data[at + len(pieces[-1]) : at + parts * self.fsize]
            assert not any(slack), f"{owner}: what lies behind the end of the content is not zero"
        return b"".join(pieces), held

    def _list(self, address: int, need: int, depth: int, owner: str) -> tuple[list[int], int]:
        assert address % self.frag == 0
        self._claim(address, self.frag, f"{owner} (indirect)")
        reach = (self.bsize // 4) ** (depth - 1)
        count = -(-need // reach)
        words = unpack_from(f"<{self.bsize // 4}i", self.data, address * self.fsize)
        assert not any(words[count:])
        if depth == 1:
            return list(words[:count]), self.frag
        found, held = [], self.frag
        for number, word in enumerate(words[:count]):
            more, blocks = self._list(word, min(reach, need - number * reach), depth - 1, owner)
            found += more
            held += blocks
        return found, held

    # folders

    def _visit(self, path: str, number: int, parent: int) -> None:
        node = self.node(number)
        self._links[number] = self._links.get(number, 0) + 1
        self.tree[path], self.numbers[path] = node.found, number
        if node.found.kind != "dir":
            return
        assert self._links[number] == (number != 2), f"{path}: a folder with two names"
        entries = self._entries(node.content)
        assert entries[:2] == [(number, 4, b"."), (parent, 4, b"..")], path
        self._links[number] += 1
        self._links[parent] += 1
        names = [name for _, _, name in entries]
        assert len(set(names)) == len(names)
        for child, kind, name in entries[2:]:
            assert _TYPES[self.node(child).found.kind] == kind
            text = name.decode(errors="surrogateescape")
            self._pending.append((text if path == "." else f"{path}/{text}", child, number))

    @staticmethod
    def _entries(content: bytes) -> list[tuple[int, int, bytes]]:
        assert len(content) % 512 == 0
        found, at = [], 0
        while at < len(content):
            number, length, kind, size = unpack_from("<LHBB", content, at)
            assert length % 4 == 0
            assert length >= 8 + size + 1
            assert at // 512 == (at + length - 1) // 512, "an entry across a boundary"
            name = content[at + 8 : at + 8 + size]
            assert name
            assert not {0, 47} & set(name)
            assert content[at + 8 + size] == 0
            found.append((number, kind, name))
            at += length
        return found

    def _check_links(self) -> None:
        for number, node in self.nodes.items():
            assert node.found.links == self._links[number], number

    # groups

    def _check_groups(self) -> None:
        total = [0, 0, 0, 0]
        for group in range(self.groups):
            at = (group * self.fpg + self.cblkno) * self.fsize
            block = self.data[at : at + self.bsize]
            summary = self._check_group(group, block)
            table = unpack_from("<4i", self.data, self.csaddr * self.fsize + 16 * group)
            assert summary == table, group
            total = [a + b for a, b in zip(total, summary, strict=True)]
        assert unpack_from("<4i", self.super, 192) == tuple(total)
        assert unpack_from("<4q", self.super, 1008) == tuple(total)

    def _check_group(self, group: int, block: bytes) -> tuple[int, ...]:
        first = group * self.fpg
        length = min(self.fpg, self.size - first)
        magic, _, number, _, inodes, fragments = unpack_from("<3i2hi", block, 4)
        assert (magic, number, inodes, fragments) == (0x090255, group, self.ipg, length)
        iused, free, end, sums, clusters, blocks = unpack_from("<6i", block, 92)
        assert blocks == length // self.frag
        assert end <= self._word(160) <= self.bsize
        own = [n for n in self.nodes if n // self.ipg == group] + [0, 1] * (group == 0)
        bits = {n for n in range(self.ipg) if block[iused + n // 8] >> n % 8 & 1}
        assert bits == {n % self.ipg for n in own}
        for spare in set(range(self.ipg)) - bits - {0, 1}:
            raw = self._raw(group * self.ipg + spare)  # newfs sets a generation in free inodes too
            assert not any(raw[:108] + raw[112:])
        is_free = [bool(block[free + n // 8] >> n % 8 & 1) for n in range(length)]
        assert is_free == [first + n not in self.used for n in range(length)]
        whole = [all(is_free[n : n + self.frag]) for n in range(0, length, self.frag)]
        assert whole == [bool(block[clusters + n // 8] >> n % 8 & 1) for n in range(blocks)]
        longest = self._word(1316)
        runs = [
            min(len(run), longest)
            for run in "".join(".x"[value] for value in whole).split(".")
            if run
        ]
        assert list(unpack_from(f"<{longest}i", block, sums + 4)) == [
            runs.count(size) for size in range(1, longest + 1)
        ]
        parts = [
            run
            for n in range(0, length, self.frag)
            if not whole[n // self.frag]
            for run in "".join(".x"[value] for value in is_free[n : n + self.frag]).split(".")
            if run
        ]
        assert list(unpack_from("<8i", block, 52)) == [
            sum(len(run) == size for run in parts) for size in range(8)
        ]
        folders = sum(self.nodes[n].found.kind == "dir" for n in own if n in self.nodes)
        summary: tuple[int, ...] = unpack_from("<4i", block, 24)
        assert summary == (folders, sum(whole), self.ipg - len(own), sum(map(len, parts)))
        return summary
