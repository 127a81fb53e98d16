"""Memory per file of an image: so little that 200,000 files stay below 250 MiB."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = 40_000
A_FILE = (250 - 25) * 1024 / 200_000  # KiB; a process that does nothing has 25 MiB


@pytest.mark.parametrize("kind", ["ffs", "iso"])
def test_the_peak_of_many_files(kind: str) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    ran = subprocess.run(
        [sys.executable, "-m", "support.peak", kind, str(FILES)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    fixed = 8 << 10  # KiB of modules and buffers, however many files there are
    assert int(ran.stdout) < fixed + FILES * A_FILE
