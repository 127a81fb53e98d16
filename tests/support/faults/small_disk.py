"""Running a script where the disk is small, as root or as anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
_LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))\n"


@cache
def _unshare() -> tuple[str, ...] | None:
    """How to get a mount namespace of one's own; None where nothing gives one."""
    ways: list[tuple[str, ...]] = [("unshare", "-rm")]
    if os.geteuid() == 0:
        ways.append(("unshare", "-m"))
    for way in ways:
        script = [*way, "sh", "-c", _MOUNT, "sh", "64k", "/mnt", "true"]
        if subprocess.run(script, capture_output=True).returncode == 0:
            return way
    return None


def run_on_small_disk(script: str, folder: Path, size: int) -> subprocess.CompletedProcess[str]:
    """Run a Python script with `folder`, on a disk of `size` bytes, as its argument.

    Where no file system can be mounted, no file can be longer than `size`: errno is EFBIG then.
    """
    way = _unshare()
    if way is None:
        command = [sys.executable, "-c", _LIMIT.format(size) + script, str(folder)]
    else:
        command = [*way, "sh", "-c", _MOUNT, "sh", str(size), str(folder),
                   sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)
