"""Makes domUs of a role, under both shells."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machines.roles import PROGRAM, PROGRAMS, Make
from support.simulator import MARKER, Server


@pytest.fixture(params=["dash", "mksh"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[Server] = []

    def server(role: str, files: dict[str, str]) -> Server:
        new = Server(tmp_path / "server", recipe=f"domu/{role}", shell=request.param)
        made.append(new)
        for name in PROGRAMS:
            path = new.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PROGRAM)
            path.chmod(0o755)
        awk = Path(shutil.which("awk") or "awk").resolve()  # an alternative: a link into /etc
        (new.root / "usr/bin/awk").symlink_to(f"/host/bin/{awk.name}")
        new.programs("timeout")
        new.file_system("root", {})
        new.file_system("c", {MARKER: "", **files})
        new.disk("xbd0", {"a": "root"})
        new.disk("xbd1", {"a": "c"})
        return new

    yield server
    for new in made:
        pid = new.root / "var/run/goldmaster/mirror/pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)
        new.__exit__()
