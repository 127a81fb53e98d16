"""Copies of the project that benchmarks build in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "bench"
DOIT: tuple[str | Path, ...] = (Path(sys.prefix) / "bin" / "python", "-m", "doit")


def checkout(folder: Path) -> None:
    """A copy of the project to build in, fresh from the checkout."""
    for name in ("buildlib", "recipes", "sets", "kernel-configs"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    for name in ("dodo.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
