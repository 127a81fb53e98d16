"""What doit calls first."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
# A signal comes when the first module is loaded that the loader did not come with.
SCRIPT = """
import os, sys
from buildlib.cli.plugins.loader import Loader
class Finder:
    def find_spec(self, name, path=None, target=None):
        os.kill(os.getpid(), int(sys.argv[1]))
sys.meta_path.insert(0, Finder())
Loader()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("stdout", ["there", "closed"])
def test_a_signal_before_anything_else_is_loaded(number: int, stdout: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(int(number))]
    if stdout == "closed":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "", "")
