"""Makes domUs of a role, under both shells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.machines.roles import PROGRAM, PROGRAMS, SU, Make
from support.simulator import MARKER, Server
from support.simulator.shells import SHELLS


@pytest.fixture(params=SHELLS)
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
        new.root.joinpath("usr/bin").mkdir(parents=True, exist_ok=True)
        new.root.joinpath("usr/bin/su").write_text(SU)
        new.root.joinpath("usr/bin/su").chmod(0o755)
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
        new.__exit__()
