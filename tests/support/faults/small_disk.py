"""Running a script on a small disk, as root or as any user."""

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
    """How to get a mount namespace, or None if that is impossible."""
    ways: list[tuple[str, ...]] = [("unshare", "-rm")]
    if os.geteuid() == 0:
        ways.append(("unshare", "-m"))
    for way in ways:
        script = [*way, "sh", "-c", _MOUNT, "sh", "64k", "/mnt", "true"]
        if subprocess.run(script, capture_output=True).returncode == 0:
            return way
    return None


def run_on_small_disk(script: str, folder: Path, size: int) -> subprocess.CompletedProcess[str]:
    """Run a Python script with the argument `folder`, which is on a disk of `size` bytes.

    If no file system can be mounted, files are limited to `size`, and errno is EFBIG.
    """
    way = _unshare()
    if way is None:
        command = [sys.executable, "-c", _LIMIT.format(size) + script, str(folder)]
    else:
        command = [
            *way,
            "sh",
            "-c",
            _MOUNT,
            "sh",
            str(size),
            str(folder),
            sys.executable,
            "-c",
            script,
            str(folder),
        ]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)
