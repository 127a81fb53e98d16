"""The shells that read the servers' scripts in tests.

GOLDMASTER_TEST_SH  NetBSD's own sh(1), built for this host; it is then tested beside the others
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NETBSD_SH = os.environ.get("GOLDMASTER_TEST_SH", "")
SHELLS = ("dash", "mksh", *(("netbsd",) if NETBSD_SH else ()))


def program(shell: str) -> str:
    """The path or name by which the host finds it."""
    return NETBSD_SH if shell == "netbsd" else shell


def install(shell: str, root: Path) -> None:
    """Make it /bin/sh of a server. The host's programs are in /host."""
    if shell == "netbsd":
        shutil.copy2(NETBSD_SH, root / "bin/netbsd-sh")
    place = "netbsd-sh" if shell == "netbsd" else f"/host/bin/{shell}"
    (root / "bin/sh").symlink_to(place)
