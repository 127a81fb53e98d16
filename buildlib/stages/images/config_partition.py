"""Images of configuration partitions: writable FFS of a requested size."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from buildlib.formats.ffs.layout import FfsLayout
from buildlib.formats.ffs.ufs1 import BLOCK, FRAGMENT, GROUP_LIMIT
from buildlib.formats.image_writer import write_at
from buildlib.host.atomic_files import beside, new_file
from buildlib.model.digest import sha256
from buildlib.model.errors import ConfigError, StageError
from buildlib.model.mtree import format_tree
from buildlib.model.tree import Tree
from buildlib.stages.images.ffs import amount

LEAST = 64 << 20  # smallest size by default, bytes
ROOM = 4  # default size, as a multiple of what is in the image
_BYTES_PER_INODE = 8192  # newfs(8)'s default for small file systems
_TRIES = 8


def write_image(
    path: Path, tree: Tree, contents: Mapping[str, bytes], *, time: int, size: int = 0
) -> int:
    """Write the image atomically. Returns its size in bytes.

    contents  by SHA-256 (hex)
    time      of the superblock
    size      maximum, bytes; 0: four times what is in it, at least 64 MiB
    Raises ConfigError if the size is too small.
    """
    image = _layout(tree, time=time, size=size)
    with new_file(beside(path)) as file:
        os.ftruncate(file.descriptor, image.size)  # free space stays a hole
        for offset, data in image.render():
            write_at(file.descriptor, offset, data)
        for node, offset, at, length in image.extents():
            write_at(file.descriptor, at, contents[node.entry.sha256][offset : offset + length])
        file.appear(path, durable=True)
    return image.size


def size_of(text: str) -> int:
    """Bytes of a size such as `64m`. Raises ConfigError."""
    why = None
    try:
        size, percent = amount(text)
    except StageError as error:
        size, percent, why = 0, 1, error.what
    if percent or not size:
        raise ConfigError(
            f"size: {text[:40]!r} is not a size", why=why, hint="write 64m or 1g", reason="size"
        )
    return size


def _layout(tree: Tree, *, time: int, size: int) -> FfsLayout:
    """The largest layout that does not exceed a size.

    The size of the tables depends on the free space that they describe, so this is iterative.
    """
    spec = format_tree(tree, tags=False)

    def image(free: int, inodes: int) -> FfsLayout:
        return FfsLayout(
            tree,
            time=time,
            identity=int(sha256(spec)[:8], 16) >> 1,
            free_bytes=free,
            free_percent=0,
            free_inodes=inodes,
        )

    wanted = size or max(LEAST, ROOM * image(0, 0).size)
    inodes = wanted // _BYTES_PER_INODE
    least = image(0, inodes).size
    if wanted < least:
        raise ConfigError(
            f"size: {wanted} bytes are too few",
            why=f"{least} are needed, without any free space",
            hint="leave size out, or choose a larger one",
            reason="size",
        )
    free, best = 0, image(0, inodes)
    target = wanted // BLOCK * BLOCK
    for _ in range(_TRIES):
        free = max(0, free + target - (made := image(free, inodes)).size)
        if made.size == target:
            return made
        if best.size < made.size <= wanted:
            best = made
        elif made.size > target:  # the last group would be smaller than its own tables
            target = (made.geometry.groups - 1) * GROUP_LIMIT * FRAGMENT
            free = max(0, free + target - wanted)
    return best
