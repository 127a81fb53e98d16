"""The first code that doit calls."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from doit.cmd_base import DodoTaskLoader

from buildlib.cli.plugins.loader import Loader
from buildlib.model.errors import ConfigError

ROOT = Path(__file__).parents[4]
# The signal is sent when the first further module is loaded.
SCRIPT = """
import os, sys
from {module} import {name}
class Finder:
    def find_spec(self, name, path=None, target=None):
        os.kill(os.getpid(), int(sys.argv[1]))
sys.meta_path.insert(0, Finder())
{name}()
"""
DOIT = SCRIPT.format(module="buildlib.cli.plugins.loader", name="Loader")
GOLDMASTER = SCRIPT.format(module="buildlib.cli.main", name="main")  # nothing of doit is loaded


@pytest.mark.programs
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("stdout", ["there", "closed"])
@pytest.mark.parametrize("script", [DOIT, GOLDMASTER], ids=["doit", "goldmaster"])
def test_a_signal_before_anything_else_is_loaded(script: str, number: int, stdout: str) -> None:
    command = [sys.executable, "-c", script, str(int(number))]
    if stdout == "closed":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "", "")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("error", [None, ValueError("no")])
def test_dodo_py_leaves_no_bytecode(
    before: bool, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the setting outlive it, whether the file can be read or not."""
    during: list[bool] = []

    def setup(_self: object, _values: object) -> None:
        during.append(sys.dont_write_bytecode)
        if error:
            raise error

    monkeypatch.setattr(sys, "dont_write_bytecode", before)
    monkeypatch.setattr(DodoTaskLoader, "setup", setup)
    loader = Loader.__new__(Loader)
    if error:
        with pytest.raises(ValueError, match="no"):
            loader.setup({})
    else:
        loader.setup({})
    assert during == [True]
    assert sys.dont_write_bytecode is before


def test_errors_of_dodo_py_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def setup(_self: object, _values: object) -> None:
        raise ConfigError("two stages have one name")

    monkeypatch.setattr(DodoTaskLoader, "setup", setup)
    with pytest.raises(SystemExit) as end:
        Loader.__new__(Loader).setup({})
    assert end.value.code == 3
    assert capsys.readouterr().err == "ERROR: two stages have one name\n"
