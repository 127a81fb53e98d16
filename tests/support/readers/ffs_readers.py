"""An independent reader of FFS: The Sleuth Kit."""

from __future__ import annotations

import re
from pathlib import Path

from support.readers.format_readers import KINDS, Found, mode_of, relative, tool


def sleuthkit(image: Path) -> tuple[dict[str, Found], dict[str, str]]:
    """The Sleuth Kit's UFS1 reader; also returns path to inode number. It shows `^` for control
    characters, and reads all times as later than 1970.
    """
    text = tool("fls", "-f", "ufs1", "-r", "-m", "/", image).decode(errors="surrogateescape")
    found, inodes = {}, {}
    for line in text.split("\n")[:-1]:
        name, inode, mode, uid, gid, size, _, mtime, _, _ = line.partition("|")[2].rsplit("|", 9)
        if name.startswith("/$OrphanFiles"):
            continue
        kind = KINDS[mode[2]]
        name, _, target = name.partition(" -> ") if kind == "link" else (name, "", "")
        path = relative(name)
        inodes[path] = inode
        found[path] = Found(
            kind,
            mode_of(mode[3:]),
            None,
            int(uid),
            int(gid),
            int(mtime),
            int(size) if kind == "file" else None,
            link=target if target and "^" not in target else None,
        )
    return found, inodes


def shown_by_sleuthkit(name: str) -> str:
    """A name as shown in its listing."""
    return re.sub(r"[\x01-\x1f]", "^", name)


def sleuthkit_reads(image: Path, inode: str) -> bytes:
    """The content of an inode."""
    return tool("icat", "-f", "ufs1", image, inode)


def sleuthkit_links(image: Path, inode: str) -> int:
    """The link count of an inode."""
    match = re.search(
        rb"^num of links: (\d+)$", tool("istat", "-f", "ufs1", image, inode), re.MULTILINE
    )
    assert match
    return int(match[1])
