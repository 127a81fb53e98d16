"""The rows on images: ISO 9660 beside xorriso and makefs, FFS beside makefs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import material
import release
from measure import Command, Run, pairs, run
from projects import DOIT, checkout
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


def _clearing(store: Path, *images: Path) -> Callable[[], None]:
    """What removes both sides' last image, and has all else that waits to be written on the disk:
    else the kernel writes while one of the two is measured.
    """
    kept = (store / "tree.json").read_text()

    def clear() -> None:
        for image in images:
            image.unlink(missing_ok=True)
        for path in store.glob("store/blobs/*/*"):
            if path.name not in kept:
                path.unlink()
        os.sync()

    return clear


def _ours(store: Path, kind: str, clear: Callable[[], None]) -> Command:
    return Command([PYTHON, OURS, kind, store], store, clear)


def _xorriso(folder: Path, image: Path, clear: Callable[[], None]) -> Command:
    return Command(
        ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image, folder], image.parent, clear
    )


def _makefs(kind: str, folder: Path, image: Path, clear: Callable[[], None]) -> Command:
    words = [
        "-t",
        kind,
        *(
            ["-o", "rockridge"]
            if kind == "cd9660"
            else ["-B", "le", "-o", "version=1", "-b", "5%", "-f", "1000"]
        ),
    ]
    return Command(["makefs", *words, image, folder], image.parent, clear)


def many(work: Path, runs: int) -> list[Row]:
    """20,000 files of 600 MB in 2,000 folders, as ISO 9660 and as FFS."""
    folder = material.tree(work / "many", files=20_000, folders=2_000, size=600_000_000)
    store, image = _kept(work, "many", folder), work / "many.image"
    clear = _clearing(store, image)
    rows, name = [], "ISO of 20,000 files, CPU"
    ours, others = pairs(_ours(store, "iso", clear), _xorriso(folder, image, clear), runs)
    rows.append(beside(name, ours, others, other="xorriso", wanted=1.0))
    rows.append(beside("the same, wall", ours, others, other="xorriso", wanted=None, what="wall"))
    ours, others = pairs(_ours(store, "iso", clear), _makefs("cd9660", folder, image, clear), runs)
    rows.append(beside(name, ours, others, other="makefs", wanted=1.5))
    ours, others = pairs(_ours(store, "ffs", clear), _makefs("ffs", folder, image, clear), runs)
    rows.append(beside("FFS of 20,000 files, CPU", ours, others, other="makefs", wanted=1.1))
    rows.append(beside("the same, wall", ours, others, other="makefs", wanted=None, what="wall"))
    clear()
    return rows


def large(work: Path, runs: int) -> list[Row]:
    """Four files of 512 MiB, as ISO 9660."""
    folder, image = work / "large", work / "large.image"
    folder.mkdir(exist_ok=True)
    for number in range(4):
        material.noise(folder / f"{number}.ffs", 512 << 20, seed=number)
    store = _kept(work, "large", folder)
    clear = _clearing(store, image)
    bare, theirs = pairs(_ours(store, "bare-iso", clear), _xorriso(folder, image, clear), runs)
    ours, others = pairs(
        _ours(store, "iso", clear),
        Command(
            [
                "sh",
                "-c",
                'xorriso -as mkisofs -quiet -R -o "$1" "$0" && openssl dgst -sha256 "$1"',
                folder,
                image,
            ],
            work,
            clear,
        ),
        runs,
    )
    clear()
    return [
        beside("ISO of 4 × 512 MiB, CPU", bare, theirs, other="xorriso", wanted=0.5),
        beside("the same, wall", bare, theirs, other="xorriso", wanted=None, what="wall"),
        beside("with its SHA-256, CPU", ours, others, other="xorriso, openssl", wanted=0.75),
        beside("the same, wall", ours, others, other="xorriso, openssl", wanted=None, what="wall"),
    ]


def most(work: Path, runs: int) -> list[Row]:
    """100,000 files: time for each of them as with a fifth of them, and memory."""
    few = material.tree(work / "few", files=20_000, folders=2_000, size=20_000_000)
    most = material.tree(work / "most", files=100_000, folders=10_000, size=100_000_000)
    larger, smaller = _kept(work, "most", most), _kept(work, "few", few)
    ours, others = pairs(
        _ours(larger, "iso", _clearing(larger)),
        _ours(smaller, "iso", _clearing(smaller)),
        min(runs, 3),
    )
    return [
        beside("ISO of 100,000 files, CPU", ours, others, other="20,000 of them", wanted=6.0),
        peak("ISO of 100,000 files, memory", ours, wanted=300),
    ]


def again(work: Path, runs: int) -> list[Row]:
    """A new CD of 600 MB after a change of one overlay file, beside `cp` of it and a null build.

    The second row has what nobody who publishes an image is spared: its digests.
    """
    project, name = work / "again", "large-dom0.iso"
    checkout(project)
    if not (project / "build/mirror/mini").exists():
        run(Command([*DOIT, "iso"], project))
    tree = material.tree(work / "many", files=20_000, folders=2_000, size=600_000_000)
    settings = release.with_set(
        project, work / "release-large", material.archive(tree, work / "many.tgz")
    )
    recipe = project / "recipes/dom0.toml"
    recipe.write_text(recipe.read_text().replace("sets = [", 'sets = ["many", '))
    motd = project / "recipes/dom0/overlay/etc/motd"
    build, copy = Command([*DOIT, "iso", *settings], project), work / "copy.iso"

    def change() -> None:
        motd.write_text(f"Welcome at {time.time()}.\n")  # never seen before
        os.sync()

    def uncopy() -> None:
        copy.unlink(missing_ok=True)
        os.sync()

    changed = Command(build.argv, project, change)
    iso = project / "dist" / name
    cp = Command(["cp", iso, copy], project, uncopy)
    digests = Command(
        ["sh", "-c", 'openssl dgst -sha256 "$0" && openssl dgst -sha512 "$0"', iso], project
    )
    for _ in range(2):
        run(build)
    ours, least, more = list[Run](), list[Run](), list[Run]()
    for _ in range(runs):
        ours.append(run(changed))
        null, copied, hashed = run(build), run(cp), run(digests)
        least.append(null + copied)
        more.append(null + copied + hashed)
    copy.unlink(missing_ok=True)
    run(Command([*DOIT, "gc", *settings], project))  # each of these images has 600 MB
    return [
        beside("ISO after a change, CPU", ours, least, other="cp, null build", wanted=1.5),
        beside("the same, wall", ours, least, other="cp, null build", wanted=None, what="wall"),
        beside("ISO after a change, CPU", ours, more, other="and its digests", wanted=2.0),
        beside("the same, wall", ours, more, other="and its digests", wanted=None, what="wall"),
    ]
