"""What systems refuse, by their number of the error: a plain sentence, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import NamedTuple

_ELSEWHERE = "choose other places with build=FOLDER and dist=FOLDER"
_KERNEL = "`dmesg` may tell more"


class Refusal(NamedTuple):
    """What is wrong, and what to do."""

    what: str
    do: str


REFUSALS: Mapping[int, Refusal] = {
    errno.ENOSPC: Refusal(
        "the disk is full",
        "free some space, or remove what no build needs with `doit gc`; "
        "nothing that was finished is lost"),
    errno.EDQUOT: Refusal(
        "your disk quota is used up",
        "free some space (`quota -s` tells how much you may use), or remove what no "
        "build needs with `doit gc`; nothing that was finished is lost"),
    errno.EIO: Refusal(
        "the disk reports an error",
        f"{_KERNEL}; `doit verify` tells what is damaged; build on another disk with "
        "build=FOLDER"),
    errno.EROFS: Refusal(
        "read-only file system",
        f"{_ELSEWHERE}; or mount it to be written. If it became so by itself, the disk "
        f"is ill: {_KERNEL}"),
    errno.EACCES: Refusal(
        "permission denied",
        f"let your user read and write it (ls -ld, chown, chmod), or {_ELSEWHERE}"),
    errno.EPERM: Refusal(
        "operation not permitted",
        "it belongs to another user, or is marked as not to be changed (ls -ld, lsattr): "
        f"give it to your user, or {_ELSEWHERE}"),
    errno.ENOMEM: Refusal(
        "memory is used up",
        "end other programs, build with jobs=1, or raise the limit (ulimit -v)"),
    errno.EMFILE: Refusal(
        "this process may not open more files",
        "raise the limit: ulimit -n 4096"),
    errno.ENFILE: Refusal(
        "the system has no more open files to give",
        "end other programs, or raise its limit: sysctl fs.file-max"),
    errno.EXDEV: Refusal(
        "a file would have to move to another file system",
        "let all of build= be on one file system: no mount and no link to elsewhere "
        "below it"),
    errno.ENAMETOOLONG: Refusal(
        "a file's name is too long",
        "move the checkout to a shorter path, or choose one with build=FOLDER"),
    errno.ELOOP: Refusal(
        "links lead in a circle",
        "find the link with `ls -l`, and remove it"),
    errno.ETXTBSY: Refusal(
        "a program is being written while it runs",
        "wait for its writer; run again"),
    errno.ESTALE: Refusal(
        "the file server no longer knows the file",
        "mount the folder again; a store is best on a disk of this machine"),
    errno.EFBIG: Refusal(
        "a file would be larger than it may be",
        "raise the limit (ulimit -f), or choose a file system for large files with "
        "build=FOLDER"),
    errno.EAGAIN: Refusal(
        "the system cannot do it now",
        "run again; if it stays so, raise the limit of processes (ulimit -u)"),
    errno.EBUSY: Refusal(
        "it is in use",
        "see what uses it (fuser -v, mount), end that, and run again"),
    errno.ENOENT: Refusal(
        "no such file or folder",
        "put it there; if it was there, another program removed it: run again"),
    errno.ENOTDIR: Refusal(
        "a file is where a folder should be",
        "move it away, and run again"),
    errno.EISDIR: Refusal(
        "a folder is where a file should be",
        "move it away, and run again"),
    errno.EEXIST: Refusal(
        "something is there already",
        "move it away, and run again"),
    errno.ENOTEMPTY: Refusal(
        "a folder is not empty",
        "move what is in it away, and run again"),
    errno.EMLINK: Refusal(
        "a file has too many names",
        f"{_ELSEWHERE}, on another file system"),
    errno.ENOLCK: Refusal(
        "files cannot be locked there",
        "choose a disk of this machine with build=FOLDER"),
    errno.ENOTSUP: Refusal(
        "the file system cannot do it",
        "choose a disk of this machine with build=FOLDER"),
    errno.ENOSYS: Refusal(
        "the system cannot do it",
        "choose a disk of this machine with build=FOLDER"),
    errno.ENODEV: Refusal(
        "the device is gone",
        f"connect it again; {_KERNEL}"),
    errno.ENXIO: Refusal(
        "the device is gone",
        f"connect it again; {_KERNEL}"),
    errno.EPIPE: Refusal(
        "whoever read this has ended",
        "run again"),
}
OTHERS = f"run again; if it stays so: {_KERNEL}; or choose other places with build= and dist="


def remedy(error: BaseException | None) -> str | None:
    """What to do about an error of the system; None where it is none."""
    known = REFUSALS.get(error.errno or 0) if isinstance(error, OSError) else None
    return known.do if known else None
