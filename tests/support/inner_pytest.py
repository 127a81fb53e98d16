"""Runs a file of tests by pytest, with what `conftest.py` does for the tests of its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.checkouts.scratch import PROJECT

_TESTS = PROJECT / "tests"


def run_tests(folder: Path, path: str, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the file `path`, whose content is `text`, as the only tests in the empty `folder`.

    words  more arguments of pytest
    """
    file = folder / path
    file.parent.mkdir(parents=True)
    for parent in file.relative_to(folder / "tests").parents:
        conftest = _TESTS / parent / "conftest.py"
        if conftest.exists():
            (folder / "tests" / parent / "conftest.py").write_bytes(conftest.read_bytes())
    file.write_text(text)
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rN", "-c", os.devnull),
            *(f"--rootdir={folder}", f"--basetemp={folder / 'given'}", *words, "tests"),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
        capture_output=True,
        text=True,
        timeout=300,
    )
