"""FFS images, made by makefs from an mtree spec."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from buildlib.stages.stage import From, Job, Outputs, Stage
from buildlib.store.packs import Place, content_of
from buildlib.words.errors import StageError
from buildlib.words.mtree import format_tree
from buildlib.words.tree import ROOT, Tree

SUPERBLOCK = 8192
SUPERBLOCK_SIZE = 1376
MAGIC = 0x011954
# Where makefs leaves 16 bytes of its own memory: fs_ocsp … fs_active, pointers of the kernel's
# in-core copy. ufs/ffs/fs.h
POINTERS = slice(832, 848)


@dataclass(frozen=True)
class FfsImage(Stage):
    """A read-only root image: FFS version 1, little endian. Outputs: `image`, and its `spec`.

    root   the tree
    free   space left free, as `makefs -b` takes it
    inodes left free, as `makefs -f` takes it
    time   of the superblock, seconds since 1970
    """

    TOOLS = ("makefs",)

    root: From
    time: int
    free: str = "5%"
    inodes: str = "5%"

    def run(self, job: Job) -> Outputs:
        """Lay the tree out, let makefs write it, and clear what it leaves of its memory."""
        stored = job.tree(self.root)
        spec = format_tree(stored.tree, tags=False)
        folder, image, spec_file = job.folder / "root", job.folder / "image", job.folder / "spec"
        lay_out(stored.tree, job.packs.contents(stored), folder, job)
        spec_file.write_bytes(spec)
        job.run(
            "makefs", "-t", "ffs", "-B", "le", "-o", "version=1", "-F", spec_file, "-x",
            "-T", str(self.time), "-b", self.free, "-f", self.inodes, image, folder,
        )
        clear_pointers(image)
        return {"image": job.blobs.adopt(image), "spec": job.blobs.put(spec)}


def lay_out(tree: Tree, places: dict[str, Place], folder: Path, job: Job) -> None:
    """Write the tree's folders, files and links below `folder`, for a tool that wants files.

    Owners, modes, times and devices are not needed there: the tool takes them from the spec.
    """
    first: dict[str, str] = {}
    packs: dict[str, int] = {}
    folder.mkdir()
    try:
        for number, entry in enumerate(tree, 1):
            target = f"{folder}/{entry.path}"
            if entry.kind == "dir" and entry.path != ROOT:
                os.mkdir(target)  # noqa: PTH102  one Path for each of 20,000 would be a third of it
            elif entry.kind == "link":
                os.symlink(entry.link, target)  # noqa: PTH211
            elif entry.inode and entry.inode in first:
                os.link(first[entry.inode], target)
            elif entry.kind == "file":
                first[entry.inode] = target
                _copy(content_of(places, entry), target, packs)
            if number % 1000 == 0:
                job.tell(number, len(tree), "files")
    finally:
        for descriptor in packs.values():
            os.close(descriptor)


def _copy(place: Place, target: str, packs: dict[str, int]) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if place.size:
            if place.pack not in packs:
                packs[place.pack] = os.open(place.pack, os.O_RDONLY)
            copy_range(packs[place.pack], place.offset, descriptor, place.size)
    finally:
        os.close(descriptor)


def copy_range(source: int, offset: int, target: int, size: int) -> None:
    """Copy `size` bytes from `offset` of one open file to where another one is at.

    The kernel copies; file systems that can, share the blocks. Raises StageError at an early end.
    """
    while size:
        try:
            done = os.copy_file_range(source, target, size, offset)
        except OSError:
            done = os.write(target, os.pread(source, min(size, 1 << 20), offset))
        if done == 0:
            raise StageError("content ends before its size", reason="short-content")
        offset += done
        size -= done


def clear_pointers(image: Path) -> None:
    """Zero the bytes of makefs's memory in the superblock and its copies in every group.

    Raises StageError where the file is no FFS version 1 of little-endian order.
    """
    with image.open("r+b") as file:
        superblock = os.pread(file.fileno(), SUPERBLOCK_SIZE, SUPERBLOCK)
        if len(superblock) < SUPERBLOCK_SIZE or unpack_from("<L", superblock, 1372)[0] != MAGIC:
            raise StageError("makefs wrote no FFS version 1", where=image, reason="ffs")
        (copy_at,) = unpack_from("<l", superblock, 8)  # fs_sblkno, in fragments of the group
        (groups,) = unpack_from("<l", superblock, 44)  # fs_ncg
        (fragment,) = unpack_from("<l", superblock, 52)  # fs_fsize, bytes
        (per_group,) = unpack_from("<l", superblock, 188)  # fs_fpg, fragments
        copies = [(group * per_group + copy_at) * fragment for group in range(groups)]
        for start in [SUPERBLOCK, *copies]:
            if unpack_from("<L", os.pread(file.fileno(), 4, start + 1372))[0] != MAGIC:
                raise StageError("a superblock copy is not where it should be", where=image,
                                 reason="ffs")
            length = POINTERS.stop - POINTERS.start
            os.pwrite(file.fileno(), bytes(length), start + POINTERS.start)
