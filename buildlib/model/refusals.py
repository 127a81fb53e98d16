"""Operating system errors by errno: what is wrong in plain words, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import NamedTuple

_ELSEWHERE = "choose other places with build=FOLDER and dist=FOLDER"
_KERNEL = "`dmesg` may show the cause"


class Refusal(NamedTuple):
    """What is wrong, and what to do."""

    what: str
    do: str


REFUSALS: Mapping[int, Refusal] = {
    errno.ENOSPC: Refusal(
        "the disk is full",
        "free some space, or run `doit gc` to remove what no build needs; no finished work is lost",
    ),
    errno.EDQUOT: Refusal(
        "your disk quota is used up",
        "free some space (`quota -s` shows your limit), or run `doit gc` to remove what no "
        "build needs; no finished work is lost",
    ),
    errno.EIO: Refusal(
        "the disk reports an error",
        f"{_KERNEL}; `doit verify` lists what is damaged; build on another disk with build=FOLDER",
    ),
    errno.EROFS: Refusal(
        "read-only file system",
        f"{_ELSEWHERE}; or mount it read-write. If it became read-only by itself, the disk "
        f"may be failing: {_KERNEL}",
    ),
    errno.EACCES: Refusal(
        "permission denied",
        f"give your user read and write access (ls -ld, chown, chmod), or {_ELSEWHERE}",
    ),
    errno.EPERM: Refusal(
        "operation not permitted",
        "it belongs to another user or is marked immutable (ls -ld, lsattr): "
        f"change its owner to your user, or {_ELSEWHERE}",
    ),
    errno.ENOMEM: Refusal(
        "out of memory", "end other programs, build with jobs=1, or raise the limit (ulimit -v)"
    ),
    errno.EMFILE: Refusal(
        "this process has too many open files", "raise the limit: ulimit -n 4096"
    ),
    errno.ENFILE: Refusal(
        "the system has too many open files",
        "end other programs, or raise the limit: sysctl fs.file-max",
    ),
    errno.EXDEV: Refusal(
        "a file cannot be moved to another file system",
        "keep all of build= on one file system: no mounts or links to other file systems below it",
    ),
    errno.ENAMETOOLONG: Refusal(
        "a file name is too long",
        "move the checkout to a shorter path, or choose one with build=FOLDER",
    ),
    errno.ELOOP: Refusal("symbolic links form a loop", "find the link with `ls -l`, and remove it"),
    errno.ETXTBSY: Refusal(
        "a program is being written while it runs", "wait until it is written, and run again"
    ),
    errno.ESTALE: Refusal(
        "the file server no longer has the file",
        "mount the folder again; better, keep the store on a local disk",
    ),
    errno.EFBIG: Refusal(
        "a file would be too large",
        "raise the limit (ulimit -f), or choose a file system for large files with build=FOLDER",
    ),
    errno.EAGAIN: Refusal(
        "the system cannot do it now",
        "run again; if it fails again, raise the limit of processes (ulimit -u)",
    ),
    errno.EBUSY: Refusal(
        "it is in use", "see what uses it (fuser -v, mount), end that, and run again"
    ),
    errno.ENOENT: Refusal(
        "no such file or folder",
        "put it there; if it was there, another program removed it: run again",
    ),
    errno.ENOTDIR: Refusal("a file is where a folder should be", "move it away, and run again"),
    errno.EISDIR: Refusal("a folder is where a file should be", "move it away, and run again"),
    errno.EEXIST: Refusal("it already exists", "move it away, and run again"),
    errno.ENOTEMPTY: Refusal("a folder is not empty", "move its contents away, and run again"),
    errno.EMLINK: Refusal("a file has too many links", f"{_ELSEWHERE}, on another file system"),
    errno.ENOLCK: Refusal("files cannot be locked there", "choose a local disk with build=FOLDER"),
    errno.ENOTSUP: Refusal(
        "the file system does not support it", "choose a local disk with build=FOLDER"
    ),
    errno.ENOSYS: Refusal(
        "the system does not support it", "choose a local disk with build=FOLDER"
    ),
    errno.ENODEV: Refusal("the device is gone", f"connect it again; {_KERNEL}"),
    errno.ENXIO: Refusal("the device is gone", f"connect it again; {_KERNEL}"),
    errno.EPIPE: Refusal("the program that read the output has ended", "run again"),
}
OTHERS = f"run again; if it fails again: {_KERNEL}; or choose other places with build= and dist="


def remedy(error: BaseException | None) -> str | None:
    """What to do about an error of the operating system, or None for any other error."""
    known = REFUSALS.get(error.errno or 0) if isinstance(error, OSError) else None
    return known.do if known else None
