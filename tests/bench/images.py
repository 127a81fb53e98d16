"""The rows on images: ISO 9660 beside xorriso and makefs, FFS beside makefs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import material
from measure import Command, pairs
from rows import Row, beside, peak

PYTHON = Path(sys.prefix) / "bin" / "python"
OURS = Path(__file__).with_name("pressing.py")


def _kept(work: Path, name: str, folder: Path) -> Path:
    """The store that has the folder as a tree."""
    store = work / f"{name}.store"
    if not (store / "tree.json").exists():
        shutil.rmtree(store, ignore_errors=True)
        subprocess.run([PYTHON, OURS, "keep", folder, store], check=True)
    return store


def _ours(store: Path, kind: str) -> Command:
    """Our stage; the image of the run before is out of its way."""
    kept = {path.name for path in store.glob("store/blobs/*/*")} if store.exists() else set()

    def clear() -> None:
        for path in store.glob("store/blobs/*/*"):
            if path.name not in kept:
                path.unlink()

    return Command([PYTHON, OURS, kind, store], store, clear)


def _xorriso(folder: Path, image: Path) -> Command:
    return Command(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image, folder],
                   image.parent, lambda: image.unlink(missing_ok=True))


def _makefs(kind: str, folder: Path, image: Path) -> Command:
    words = ["-t", kind, *(["-o", "rockridge"] if kind == "cd9660" else
                           ["-B", "le", "-o", "version=1", "-b", "5%", "-f", "1000"])]
    return Command(["makefs", *words, image, folder], image.parent,
                   lambda: image.unlink(missing_ok=True))


def many(work: Path, runs: int) -> list[Row]:
    """20,000 files of 600 MB in 2,000 folders, as ISO 9660 and as FFS."""
    folder = material.tree(work / "many", files=20_000, folders=2_000, size=600_000_000)
    store, image = _kept(work, "many", folder), work / "many.image"
    rows, name = [], "ISO of 20,000 files, CPU"
    ours, others = pairs(_ours(store, "iso"), _xorriso(folder, image), runs)
    rows.append(beside(name, ours, others, other="xorriso", wanted=1.0))
    rows.append(beside("the same, wall", ours, others, other="xorriso", wanted=None, what="wall"))
    ours, others = pairs(_ours(store, "iso"), _makefs("cd9660", folder, image), runs)
    rows.append(beside(name, ours, others, other="makefs", wanted=1.5))
    ours, others = pairs(_ours(store, "ffs"), _makefs("ffs", folder, image), runs)
    rows.append(beside("FFS of 20,000 files, CPU", ours, others, other="makefs", wanted=1.1))
    rows.append(beside("the same, wall", ours, others, other="makefs", wanted=None, what="wall"))
    image.unlink(missing_ok=True)
    return rows


def large(work: Path, runs: int) -> list[Row]:
    """Four files of 512 MiB, as ISO 9660."""
    folder, image = work / "large", work / "large.image"
    folder.mkdir(exist_ok=True)
    for number in range(4):
        material.noise(folder / f"{number}.ffs", 512 << 20, seed=number)
    store = _kept(work, "large", folder)
    ours, others = pairs(_ours(store, "iso"), _xorriso(folder, image), runs)
    image.unlink(missing_ok=True)
    return [beside("ISO of 4 × 512 MiB, CPU", ours, others, other="xorriso", wanted=0.5),
            beside("the same, wall", ours, others, other="xorriso", wanted=None, what="wall")]


def hundred_thousand(work: Path, runs: int) -> list[Row]:
    """100,000 files: time for each of them as with a fifth of them, and memory."""
    few = material.tree(work / "few", files=20_000, folders=2_000, size=20_000_000)
    most = material.tree(work / "most", files=100_000, folders=10_000, size=100_000_000)
    ours, others = pairs(_ours(_kept(work, "most", most), "iso"),
                         _ours(_kept(work, "few", few), "iso"), min(runs, 3))
    return [beside("ISO of 100,000 files, CPU", ours, others, other="20,000 of them", wanted=6.0),
            peak("ISO of 100,000 files, memory", ours, wanted=300)]
