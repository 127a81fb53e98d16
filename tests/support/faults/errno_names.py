"""The errors with which a system call may refuse a file, by name."""

from __future__ import annotations

NAMES = (
    "EIO",
    "EROFS",
    "EACCES",
    "ENOMEM",
    "EMFILE",
    "ENFILE",
    "EPERM",
    "EXDEV",
    "ENOSPC",
    "EDQUOT",
    "ENAMETOOLONG",
    "ELOOP",
    "ETXTBSY",
    "ESTALE",
    "EFBIG",
    "EAGAIN",
)
